"""Inversion, as the laboratory observes it: the trees of recency per cgroup, samples of pairs, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swaptiers.core.compile import interpreted
from swaptiers.core.state import ARRAYS
from swaptiers.counters import SystemCounters
from swaptiers.experiment.lab import RECENCY
from swaptiers.experiment.recency import pair_share
from swaptiers.experiment.results import Inversion, InversionReport, mean_inversion

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

ENOUGH_PAGES = 8192
"""`inversion: sampled` follows about this many pages of a cgroup, and all of a smaller one."""


class Recency:
    """Follows the order of recency of each cgroup with workloads, from the start of a run."""

    def __init__(self, laboratory: Laboratory) -> None:
        lab = laboratory.lab
        self._names = [tier.name for tier in laboratory.graph.tiers]
        self._table = np.zeros(laboratory.core.cgroup_count, RECENCY)
        self._trees: list[Any] = []
        self._pairs: dict[str, list[float]] = {}
        self._by_tiers: dict[str, dict[tuple[int, int], list[float]]] = {}
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
        lab.recency_n = len(self._table)
        laboratory.table("recency_at", self._table)

    def sample(self) -> None:
        """Note the share of inverted pairs of each cgroup now."""
        self._samples += 1
        ranks = len(self._names)
        for path, index in self._paths.items():
            r = self._table[index]
            overall, shares = pair_share(r.inverted, r.entries[:ranks])
            if overall is not None:
                self._pairs.setdefault(path, []).append(overall)
            for pair, share in shares.items():
                self._by_tiers.setdefault(path, {}).setdefault(pair, []).append(share)

    def sample_if_none(self) -> None:
        """A run too short for a sample after its warm-up is judged by its end."""
        if self._samples == 0:
            self.sample()

    def _inversion(self, path: str, bypass: int) -> Inversion:
        r = self._table[self._paths[path]]
        late = int(r.late_n)
        by_tiers = {
            f"{self._names[fast]}>{self._names[slow]}": _mean(shares)
            for (fast, slow), shares in sorted(self._by_tiers.get(path, {}).items())
        }
        return Inversion(
            pairs=_mean(self._pairs[path]) if path in self._pairs else None,
            late_faults=float(r.late_sum) / late if late else None,
            late_any=int(r.late_any) / late if late else None,
            bypass=bypass,
            excess_latency_ns=int(r.excess_ns) / int(r.excess_n) if r.excess_n else None,
            by_tiers=by_tiers,
        )

    @staticmethod
    def report(recency: Recency | None, counters: SystemCounters) -> InversionReport:
        """Per cgroup, and the mean over them. With `inversion: off` only `bypass` is known."""
        if recency is None:
            nothing = {
                path: Inversion(pairs=None, late_faults=None, late_any=None, bypass=c.bypass, excess_latency_ns=None)
                for path, c in counters.cgroups.items()
                if c.refs
            }
            return mean_inversion(nothing)
        return mean_inversion(
            {path: recency._inversion(path, counters.cgroups[path].bypass) for path in recency._paths}
        )


def _mask(pages: int) -> int:
    """One less than the power of two by which so many pages are thinned out."""
    thin = 1
    while pages // (2 * thin) >= ENOUGH_PAGES:
        thin *= 2
    return thin - 1


def _mean(values: list[float]) -> float:
    return float(sum(values) / len(values))
