"""Inversion, as the laboratory observes it: the trees of recency per cgroup, samples of pairs, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from swaptiers.core.compile import interpreted
from swaptiers.core.constants import STORED
from swaptiers.core.resident import SWAPPED
from swaptiers.core.state import ARRAYS
from swaptiers.counters import SystemCounters
from swaptiers.experiment.lab import RECENCY
from swaptiers.experiment.recency import counted_pairs
from swaptiers.inversion import (
    GlobalInversion,
    Inversion,
    InversionReport,
    mean_inversion,
    pairs_of,
    share_of_pairs,
)

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

ENOUGH_PAGES = 8192
"""`inversion: sampled` follows about this many pages of a cgroup, and all of a smaller one."""
GLOBAL_EVERY = 8
"""Samples from one look at all cgroups' entries together to the next: it sorts them, the others are kept up to date."""
EVERYBODY = ""
"""In place of a cgroup's path."""
HASH = 2_654_435_761
"""As in recency.is_counted()."""


class Recency:
    """Follows the order of recency of each cgroup with workloads, from the start of a run."""

    def __init__(self, laboratory: Laboratory) -> None:
        lab = laboratory.lab
        self._names = [tier.name for tier in laboratory.graph.tiers]
        self._table = np.zeros(laboratory.core.cgroup_count, RECENCY)
        self._trees: list[Any] = []
        self._laboratory = laboratory
        self._pairs: dict[str, list[float]] = {}
        self._by_tiers: dict[str, dict[str, list[float]]] = {}
        self._samples = 0
        sampled = laboratory.spec.run.inversion == "sampled"
        pages: dict[int, int] = {}
        for index in range(int(lab.workloads_n)):
            work = lab.workloads[index]
            pages[int(work.cgroup)] = pages.get(int(work.cgroup), 0) + int(work.end_page - work.first_page)
        self._paths = {path: index for path, index in laboratory.tree.paths.items() if index in pages}
        for index, count in pages.items():
            r = self._table[index]
            r.mask = _mask(count) if sampled else 0
            r.capacity = 2 * count // (int(r.mask) + 1) + 1024
            tree = np.zeros(len(self._names) * (int(r.capacity) + 1), np.int32)
            r.fenwick_at = tree.ctypes.data
            self._trees.append(tree)
            if interpreted():
                ARRAYS[tree.ctypes.data] = tree
        mask = _mask(int(lab.pages_n)) if sampled else 0
        self._global_pages = np.flatnonzero(((np.arange(int(lab.pages_n)) * HASH) >> 12) & mask == 0)
        lab.recency_n = len(self._table)
        laboratory.table("recency_at", self._table)

    def sample(self) -> None:
        """Note the share of inverted pairs of each cgroup now, and now and then of all together."""
        for path, index in self._paths.items():
            counts = counted_pairs(self._table, index, len(self._names))
            self._note(path, *share_of_pairs(counts, self._names))
        if self._samples % GLOBAL_EVERY == 0:
            self._note(EVERYBODY, *self._of_everybody())
        self._samples += 1

    def _note(self, whose: str, overall: float | None, by_tiers: Mapping[str, float]) -> None:
        if overall is not None:
            self._pairs.setdefault(whose, []).append(overall)
        for pair, share in by_tiers.items():
            self._by_tiers.setdefault(whose, {}).setdefault(pair, []).append(share)

    def _of_everybody(self) -> tuple[float | None, dict[str, float]]:
        """Over the entries of all cgroups, by their last uses."""
        pages, records = self._laboratory.pages, self._laboratory.core.records
        chosen = self._global_pages
        rows = pages["hotter"][chosen[pages["state"][chosen] == SWAPPED]]
        rows = rows[records["backing"][rows] == STORED]
        return pairs_of(records["tier"][rows], records["last_use"][rows], self._names)

    def now(self, path: str) -> float | None:
        """The cgroup's `pairs` at this moment."""
        counts = counted_pairs(self._table, self._paths[path], len(self._names))
        return share_of_pairs(counts, self._names)[0]

    def sample_if_none(self) -> None:
        """A run too short for a sample after its warm-up is judged by its end."""
        if self._samples == 0:
            self.sample()

    def _inversion(self, path: str, bypass: int) -> Inversion:
        r = self._table[self._paths[path]]
        late = int(r.late_n)
        pairs, by_tiers = self._means(path)
        return Inversion(
            pairs=pairs,
            late_faults=float(r.late_sum) / late if late else None,
            late_any=int(r.late_any) / late if late else None,
            bypass=bypass,
            excess_latency_ns=int(r.excess_ns) / int(r.excess_n) if r.excess_n else None,
            by_tiers=by_tiers,
        )

    def _means(self, whose: str) -> tuple[float | None, dict[str, float]]:
        by_tiers = {pair: _mean(shares) for pair, shares in self._by_tiers.get(whose, {}).items()}
        return (_mean(self._pairs[whose]) if whose in self._pairs else None), by_tiers

    @staticmethod
    def report(recency: Recency | None, counters: SystemCounters) -> InversionReport:
        """Per cgroup, and the mean over them. With `inversion: off` only `bypass` is known."""
        if recency is None:
            return mean_inversion({path: Inversion(bypass=c.bypass) for path, c in counters.cgroups.items() if c.refs})
        pairs, by_tiers = recency._means(EVERYBODY)
        return mean_inversion(
            {path: recency._inversion(path, counters.cgroups[path].bypass) for path in recency._paths},
            GlobalInversion(pairs=pairs, by_tiers=by_tiers),
        )


def _mask(pages: int) -> int:
    """One less than the power of two by which so many pages are thinned out."""
    thin = 1
    while pages // (2 * thin) >= ENOUGH_PAGES:
        thin *= 2
    return thin - 1


def _mean(values: list[float]) -> float:
    return float(sum(values) / len(values))
