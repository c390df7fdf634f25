"""Inversion, as the laboratory observes it: the trees of recency per cgroup, samples of pairs, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swaptiers.core.compile import interpreted
from swaptiers.core.state import ARRAYS
from swaptiers.counters import SystemCounters
from swaptiers.experiment.lab import RECENCY
from swaptiers.experiment.sampling import add_shares, entries_of, shares_of_pairs
from swaptiers.inversion import GlobalInversion, Inversion, InversionReport, count_pairs, mean_inversion, share_of_pairs

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

ENOUGH_PAGES = 8192
"""`inversion: sampled` follows about this many pages of a cgroup, and all of a smaller one."""
GLOBAL_EVERY = 8
"""Samples from one look at all cgroups' entries together to the next: it sorts them, the others are kept up to date."""


class Recency:
    """Follows the order of recency of each cgroup with workloads, from the start of a run."""

    def __init__(self, laboratory: Laboratory) -> None:
        lab = laboratory.lab
        self._names = [tier.name for tier in laboratory.graph.tiers]
        self._table = np.zeros(laboratory.core.cgroup_count, RECENCY)
        self._trees: list[Any] = []
        self._laboratory = laboratory
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
        self._global_mask = _mask(int(lab.pages_n)) if sampled else 0
        self._global_ranks = np.empty(int(lab.pages_n), np.int8)
        self._global_uses = np.empty(int(lab.pages_n), np.int64)
        self._cgroups = np.array(list(self._paths.values()), np.int64)
        self._shares = np.empty((len(self._paths) + 1, 1 + len(self._names) ** 2))
        """Of the latest sample, as in shares_of_pairs(), with all cgroups together in the last row."""
        self._sums = np.zeros(self._shares.shape)
        self._counts = np.zeros(self._shares.shape, np.int64)
        lab.recency_n = len(self._table)
        laboratory.table("recency_at", self._table)

    def sample(self) -> None:
        """Note the share of inverted pairs of each cgroup now, and now and then of all together."""
        self._look()
        if self._samples % GLOBAL_EVERY == 0:
            self._look_at_everybody()
        add_shares(self._shares, self._sums, self._counts)
        self._samples += 1

    def _look(self) -> None:
        shares_of_pairs(self._table, self._cgroups, len(self._names), self._shares)
        self._shares[-1] = np.nan

    def _look_at_everybody(self) -> None:
        """Over the entries of all cgroups, by their last uses."""
        lab, (ranks, uses) = self._laboratory, (self._global_ranks, self._global_uses)
        n = entries_of(lab.core.state, self._global_mask, ranks, uses)
        counts = count_pairs(ranks[:n], uses[:n])
        for (fast, slow), (wrong, pairs) in counts.items():
            self._shares[-1, 1 + fast * len(self._names) + slow] = wrong / pairs
        overall, _ = share_of_pairs(counts, self._names)
        self._shares[-1, 0] = np.nan if overall is None else overall

    def now(self) -> dict[str, float | None]:
        """Each cgroup's `pairs` at this moment."""
        self._look()
        overall = self._shares[:-1, 0].tolist()
        return {path: None if share != share else share for path, share in zip(self._paths, overall, strict=True)}

    def sample_if_none(self) -> None:
        """A run too short for a sample after its warm-up is judged by its end."""
        if self._samples == 0:
            self.sample()

    def _inversion(self, place: int, bypass: int) -> Inversion:
        r = self._table[self._cgroups[place]]
        late = int(r.late_n)
        pairs, by_tiers = self._means(place)
        return Inversion(
            pairs=pairs,
            late_faults=float(r.late_sum) / late if late else None,
            late_any=int(r.late_any) / late if late else None,
            bypass=bypass,
            excess_latency_ns=int(r.excess_ns) / int(r.excess_n) if r.excess_n else None,
            by_tiers=by_tiers,
        )

    def _means(self, place: int) -> tuple[float | None, dict[str, float]]:
        """Over the samples in which there were pairs; -1: of all cgroups together."""
        sums, counts = self._sums[place].tolist(), self._counts[place].tolist()
        names, ranks = self._names, len(self._names)
        by_tiers = {
            f"{names[place // ranks]}>{names[place % ranks]}": total / count
            for place, (total, count) in enumerate(zip(sums[1:], counts[1:], strict=True))
            if count
        }
        return (sums[0] / counts[0] if counts[0] else None), by_tiers

    @staticmethod
    def report(recency: Recency | None, counters: SystemCounters) -> InversionReport:
        """Per cgroup, and the mean over them. With `inversion: off` only `bypass` is known."""
        if recency is None:
            return mean_inversion({path: Inversion(bypass=c.bypass) for path, c in counters.cgroups.items() if c.refs})
        pairs, by_tiers = recency._means(-1)
        return mean_inversion(
            {path: recency._inversion(i, counters.cgroups[path].bypass) for i, path in enumerate(recency._paths)},
            GlobalInversion(pairs=pairs, by_tiers=by_tiers),
        )


def _mask(pages: int) -> int:
    """One less than the power of two by which so many pages are thinned out."""
    thin = 1
    while pages // (2 * thin) >= ENOUGH_PAGES:
        thin *= 2
    return thin - 1
