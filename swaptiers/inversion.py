"""LRU inversion: how far the tiers are from an order by last use. docs/inversion.md defines each number.

Zero-filled pages take no tier space and do not count. Of two entries that were last used at the same time neither is
misplaced: they count half.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.pairs import inverted_twice

Int64s = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True)
class Inversion:
    """LRU inversion; None where there was nothing to measure.

    `pairs`: share of pairs (a in a faster tier, b in a slower) with b used more recently: 0 perfect, 0.5 random, 1 upside
    down. `late_faults`: mean over swap-ins from a slower tier of the share of faster-tier entries that were older;
    `late_any`: share of them where at least one was. `bypass`: pages stored below the first allowed tier while it held an
    older entry. `excess_latency_ns`: mean service latency per fault minus that of a placement by recency. `by_tiers`:
    `pairs` for each pair of tiers, ``"fast>slow"``.
    """

    pairs: float | None = None
    late_faults: float | None = None
    late_any: float | None = None
    bypass: int = 0
    excess_latency_ns: float | None = None
    by_tiers: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class GlobalInversion:
    """`pairs` and `by_tiers` over the entries of all cgroups together: what isolation between cgroups costs in order."""

    pairs: float | None = None
    by_tiers: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class InversionReport(Inversion):
    """The mean over cgroups (`bypass`: the sum), each cgroup's own, and all entries together."""

    by_cgroup: Mapping[str, Inversion] = attrs.field(factory=dict)
    all_entries: GlobalInversion = GlobalInversion()


def pairs_of(tiers: npt.NDArray[Any], last_uses: Int64s, names: Sequence[str]) -> tuple[float | None, dict[str, float]]:
    """`pairs` and `by_tiers` of entries in tiers (ranks, 0 = fastest) with these last uses."""
    return share_of_pairs(count_pairs(tiers, last_uses), names)


def count_pairs(tiers: npt.NDArray[Any], last_uses: Int64s) -> dict[tuple[int, int], tuple[float, int]]:
    """(inverted pairs, all pairs) per faster and slower tier, of entries in tiers (ranks) with these last uses."""
    ranks = np.flatnonzero(np.bincount(tiers)).tolist()
    by_tier = {rank: np.sort(last_uses[tiers == rank]) for rank in ranks}
    return {
        (fast, slow): (inverted_twice(by_tier[fast], by_tier[slow]) / 2, len(by_tier[fast]) * len(by_tier[slow]))
        for fast, slow in itertools.combinations(ranks, 2)
    }


def subtree_inversion(held: npt.NDArray[Any], bypass: int, names: Sequence[str]) -> Inversion:
    """Of these entries (records) together, whoever's they are; what is about faults is not known here."""
    pairs, by_tiers = pairs_of(held["tier"], held["last_use"], names)
    return Inversion(pairs=pairs, bypass=bypass, by_tiers=by_tiers)


def share_of_pairs(
    counts: Mapping[tuple[int, int], tuple[float, int]], names: Sequence[str]
) -> tuple[float | None, dict[str, float]]:
    """From (inverted, all) per pair of tiers to the share over all pairs (None if there is none) and per pair of tiers."""
    total = sum(pairs for _, pairs in counts.values())
    by_tiers = {f"{names[a]}>{names[b]}": wrong / pairs for (a, b), (wrong, pairs) in sorted(counts.items()) if pairs}
    return (sum(wrong for wrong, _ in counts.values()) / total if total else None), by_tiers


def mean_inversion(by_cgroup: Mapping[str, Inversion], all_entries: GlobalInversion | None = None) -> InversionReport:
    """The mean over the cgroups that have a value; `bypass` is their sum."""
    each = list(by_cgroup.values())

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    tiers = sorted({pair for one in each for pair in one.by_tiers})
    by_tiers = {pair: mean([one.by_tiers.get(pair) for one in each]) for pair in tiers}
    return InversionReport(
        pairs=mean([one.pairs for one in each]),
        late_faults=mean([one.late_faults for one in each]),
        late_any=mean([one.late_any for one in each]),
        bypass=sum(one.bypass for one in each),
        excess_latency_ns=mean([one.excess_latency_ns for one in each]),
        by_tiers={pair: share for pair, share in by_tiers.items() if share is not None},
        by_cgroup=dict(by_cgroup),
        all_entries=all_entries or GlobalInversion(),
    )
