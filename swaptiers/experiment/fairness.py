"""Fairness: how much of each tier every cgroup had, how long its faults took, and how equal that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.constants import MAX_TIERS
from swaptiers.core.core import Core
from swaptiers.experiment.latency import FaultLatency, fault_latency


@attrs.frozen(kw_only=True)
class CgroupPart:
    """What one cgroup had. `tier_bytes`: its own stored bytes per tier, averaged over the samples after `warmup`."""

    tier_bytes: Mapping[str, float]
    fault_latency_ns: FaultLatency


@attrs.frozen(kw_only=True)
class WorstCgroup:
    """The cgroup whose faults have the highest p99; of equal ones the highest mean. Both in ns."""

    cgroup: str
    mean: float
    p99: int


@attrs.frozen(kw_only=True)
class Fairness:
    """Over the cgroups with workloads: Jain's index of the bytes that they held in the fastest tier (`space`) and of
    their mean fault latencies (`latency`; those that had faults). None where there was nothing to compare."""

    space: float | None
    latency: float | None
    worst: WorstCgroup | None
    by_cgroup: Mapping[str, CgroupPart]


def jains_index(amounts: Sequence[float]) -> float | None:
    """(sum x)^2 / (n sum x^2): 1 if all have the same, 1/n if one has everything (Jain, Chiu, Hawe 1984).

    None if nobody has anything.
    """
    squares = sum(amount * amount for amount in amounts)
    return float(sum(amounts) ** 2 / (len(amounts) * squares)) if squares else None


class Occupancy:
    """What the cgroups with workloads hold in each tier, sampled. `cgroups`: path -> number; `tiers`: names by rank."""

    def __init__(self, core: Core, cgroups: Mapping[str, int], tiers: Sequence[str]) -> None:
        self._core = core
        self._cgroups = dict(sorted(cgroups.items()))
        self._tiers = tiers
        self._held = core.cells["stored_bytes"]
        self._at = np.array(list(self._cgroups.values()))[:, None] * MAX_TIERS + np.arange(len(tiers))
        self._sums = np.zeros((len(cgroups), len(tiers)), np.int64)
        self._samples = 0

    def sample(self) -> None:
        """Note what everybody holds now."""
        self._sums += self._held[self._at]
        self._samples += 1

    def report(self, latencies: npt.NDArray[np.int64], owners: Sequence[str]) -> Fairness:
        """How fair the run was. One too short for a sample after its warm-up is judged by its end.

        `latencies`: (workloads, LATENCY_BUCKETS), each workload's histogram; `owners`: the cgroup of each.
        """
        if self._samples == 0:
            self.sample()
        parts = {}
        for row, (path, index) in enumerate(self._cgroups.items()):
            means = (self._sums[row] / self._samples).tolist()
            own = latencies[[owner == path for owner in owners]].sum(axis=0)
            parts[path] = CgroupPart(
                tier_bytes=dict(zip(self._tiers, means, strict=True)),
                fault_latency_ns=fault_latency(own, int(self._core.cgroups[index].fault_ns)),
            )
        return _fairness(parts, self._tiers[0])


def _fairness(parts: Mapping[str, CgroupPart], fastest: str) -> Fairness:
    waited = [
        WorstCgroup(cgroup=path, mean=latency.mean, p99=latency.p99)
        for path, latency in ((path, part.fault_latency_ns) for path, part in parts.items())
        if latency.mean is not None and latency.p99 is not None
    ]
    return Fairness(
        space=jains_index([part.tier_bytes[fastest] for part in parts.values()]),
        latency=jains_index([each.mean for each in waited]),
        worst=max(waited, key=lambda each: (each.p99, each.mean), default=None),
        by_cgroup=parts,
    )
