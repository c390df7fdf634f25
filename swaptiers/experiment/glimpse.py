"""What a run looks like at one moment, for whoever watches it go on: frozen, so that it can be handed to another thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.constants import ZSWAP
from swaptiers.counters import read_capacities, read_counters
from swaptiers.metrics.family import Snapshot

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory


@attrs.frozen(kw_only=True)
class Glimpse:
    """A run between two references: nothing is under way, every account balances.

    `refs` of `total` references are done; `now_ns`: virtual time. `pairs`: per cgroup with workloads, its inverted pairs at
    this moment (None: none to compare, or `inversion: off`). `latencies`: per cgroup with workloads, its faults by how long
    they took, in the classes of `lab.latency_bucket`; `fault_ns`: the sum of them.
    """

    system: Snapshot
    refs: int
    total: int
    now_ns: int
    faults: int
    stall_ns: int
    ram_bytes: int
    pairs: Mapping[str, float | None]
    latencies: Mapping[str, npt.NDArray[np.int64]] = attrs.field(eq=False)
    fault_ns: Mapping[str, int]

    @property
    def inversion(self) -> float | None:
        """The mean of `pairs` over the cgroups that have a value."""
        known = [share for share in self.pairs.values() if share is not None]
        return sum(known) / len(known) if known else None


@attrs.frozen
class Moment:
    """A run that is at rest while somebody watches. `glimpse` is to be called before the watcher returns, if at all.

    `repetition`: 0 for the first run of the variant; `is_over`: all its references are done.
    """

    variant: str
    repetition: int
    is_over: bool
    glimpse: Callable[[], Glimpse]


Watch = Callable[[Moment], None]
"""Called whenever a run rests between two references: often, so it has to look at its clock first."""


def look_at(laboratory: Laboratory) -> Glimpse:
    """A copy of everything, between two references."""
    core, words = laboratory.core, laboratory.words
    counters = read_counters(core, laboratory.graph, laboratory.tree)
    tiers = core.header["tiers"][0, : len(laboratory.graph.tiers)]
    owners = [workload.cgroup for workload in laboratory.spec.workloads]
    latencies = {
        path: laboratory.latencies[[owner == path for owner in owners]].sum(axis=0) for path in sorted(set(owners))
    }
    pairs = laboratory.recency.now() if laboratory.recency is not None else {}
    return Glimpse(
        system=Snapshot(counters=counters, capacity_bytes=read_capacities(core, laboratory.graph)),
        refs=words["refs"],
        total=laboratory.references.total,
        now_ns=words["now"],
        faults=words["faults"],
        stall_ns=words["stall_ns"],
        ram_bytes=counters.cgroups["/"].resident_bytes + int(tiers["pool_bytes"][tiers["kind"] == ZSWAP].sum()),
        pairs={path: pairs.get(path) for path in latencies},
        latencies=latencies,
        fault_ns={path: counters.cgroups[path].fault_ns for path in latencies},
    )
