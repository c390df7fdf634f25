"""A run, as control files see it: `ControlTree` stands on a `RunningSystem` as it does on a SwapSystem."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from swaptiers.cgroups import CgroupSpec
from swaptiers.control.pressure import Stalls
from swaptiers.core.plan import MAX_FRUITLESS, NEVER
from swaptiers.counters import SubtreeCounters, SystemCounters, held_by, read_counters, read_subtree
from swaptiers.demotion.request import Demoted, Referenced
from swaptiers.inversion import Inversion, subtree_inversion
from swaptiers.zswap_parameters import ZswapParameters

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

NOTHING = Demoted(entries=0, freed_bytes=0, written_bytes=0, scanned=0, rotated=0, refused={}, met=True)


class RunningSystem:
    """Controlled, ResidentMemory and Pressure of `swaptiers.control.machine`, over a laboratory that stands still.

    MUST be used in the thread that runs the laboratory, between two steps of its replay. `moved`, `evicted_pages`: what
    was demoted and swapped out through it since `forget`.
    """

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self.graph = laboratory.graph
        self.page_size = int(laboratory.spec.page_size)
        self._serial = laboratory.spec.run.interleave == "references"
        self._stalls: dict[str, Stalls] = {}
        self.moved = NOTHING
        self.evicted_pages = 0

    def forget(self) -> None:
        """Begin to count anew."""
        self.moved, self.evicted_pages = NOTHING, 0

    # cgroups

    def cgroup_paths(self) -> tuple[str, ...]:
        """All cgroups, the root first."""
        return tuple(sorted(self._laboratory.tree.paths))

    def cgroup_spec(self, path: str) -> CgroupSpec:
        """A cgroup's configured limits. Raises ValueError if there is none."""
        return self._laboratory.tree.spec(path)

    def change_cgroup(self, path: str, change: Callable[[CgroupSpec], CgroupSpec]) -> None:
        """Replace a cgroup's limits by what `change` makes of them. Raises ValueError if there is none."""
        self._laboratory.tree.limit(change(self._laboratory.tree.spec(path)))

    def cgroup(self, path: str) -> object:
        """Make a cgroup."""
        return self._laboratory.tree.add(path)

    def remove_cgroup(self, path: str) -> None:
        """Remove a cgroup."""
        self._stalls.pop(path, None)
        self._laboratory.tree.remove(path)

    def is_populated(self, path: str) -> bool:
        """True where a workload runs."""
        return any(workload.cgroup == path for workload in self._laboratory.spec.workloads)

    # looking

    def subtree(self, path: str) -> SubtreeCounters:
        """What a cgroup and its descendants have and did, now. Raises ValueError if there is none."""
        laboratory = self._laboratory
        laboratory.tree.spec(path)
        return read_subtree(laboratory.core, self.graph, laboratory.tree, path)

    def subtree_inversion(self, path: str) -> Inversion:
        """How far a subtree's entries are from an order by last use, now. Raises ValueError if there is none."""
        self._laboratory.tree.spec(path)
        held, bypass = held_by(self._laboratory.core, self._laboratory.tree.paths[path])
        return subtree_inversion(held, bypass, [tier.name for tier in self.graph.tiers])

    def stats(self) -> SystemCounters:
        """All counters, now."""
        return read_counters(self._laboratory.core, self.graph, self._laboratory.tree)

    # acting

    def demote(
        self,
        nbytes: int,
        *,
        source: str,
        target: str | None = None,
        cgroup: str = "/",
        referenced: Referenced = "ignore",
    ) -> Demoted:
        """A request, carried out at this moment of the run. Raises ValueError if there is no such cgroup."""
        self._laboratory.tree.spec(cgroup)
        done = self._laboratory.demote(self._laboratory.tree.paths[cgroup], source, nbytes, target, referenced)
        self.moved = _sum(self.moved, done)
        return done

    def reclaim(self, cgroup: str, pages: int) -> int:
        """Swap out the coldest resident pages of a subtree; how many went. Nobody waits for it."""
        self._laboratory.tree.spec(cgroup)
        evicted = self._laboratory.evict(self._laboratory.tree.paths[cgroup], pages) if pages else 0
        self.evicted_pages += evicted
        return evicted

    def obey_max(self, cgroup: str) -> None:
        """Swap out what is above memory.max, as memory_max_write() does; 16 rounds that free nothing end it."""
        limit = self.cgroup_spec(cgroup).memory_max
        fruitless = 0
        while limit is not None and fruitless < MAX_FRUITLESS:
            before = self.subtree(cgroup).memory_bytes
            if before <= limit or not self.reclaim(cgroup, -(-(before - limit) // self.page_size)):
                break
            fruitless = 0 if self.subtree(cgroup).memory_bytes < before else fruitless + 1

    @property
    def zswap_tiers(self) -> tuple[str, ...]:
        """The zswap tiers, fastest first."""
        return self._laboratory.zswap_tiers

    def zswap_parameters(self, tier: str) -> ZswapParameters:
        """A zswap tier's parameters as they are now."""
        return self._laboratory.zswap_parameters(tier)

    def set_zswap(self, tier: str, **changes: Any) -> None:
        """Change them, between two references."""
        self._laboratory.set_zswap(tier, **changes)

    # pressure

    @property
    def next_due(self) -> int:
        """When the averages of memory.pressure want to be updated."""
        return min((stalls.due_ns for stalls in self._stalls.values()), default=NEVER)

    def turn(self) -> None:
        """Update the averages, if it is time."""
        for path in self.cgroup_paths():
            self._look(path)

    def read(self, cgroup: str) -> str:
        """memory.pressure of a cgroup."""
        return self._look(cgroup).read()

    def _look(self, path: str) -> Stalls:
        if path not in self._stalls:
            members = [w for w in self._laboratory.spec.workloads if f"{w.cgroup}/".startswith(f"{path.rstrip('/')}/")]
            self._stalls[path] = Stalls(workloads=1 if self._serial else max(1, len(members)))
        stalls = self._stalls[path]
        stalls.look(int(self._laboratory.lab.now), self.subtree(path).events["stall_ns"])
        return stalls


def _sum(before: Demoted, done: Demoted) -> Demoted:
    """What two requests did together."""
    refused = dict(before.refused)
    for reason, count in done.refused.items():
        refused[reason] = refused.get(reason, 0) + count
    names = ("entries", "freed_bytes", "written_bytes", "scanned", "rotated")
    numbers = {name: getattr(before, name) + getattr(done, name) for name in names}
    return attrs.evolve(done, refused=refused, met=before.met and done.met, **numbers)
