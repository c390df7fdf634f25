"""The controllers of a run: asked when they are due, shown what happened, their wishes carried out as requests are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import networkx as nx
import numpy as np

from swaptiers.controllers.base import RESIDENT, Ages, Observation, Step
from swaptiers.controllers.kinds import AnyControllerSpec, make_controller
from swaptiers.core.constants import MAX_TIERS
from swaptiers.core.plan import NEVER
from swaptiers.experiment.ages import AGES, IN_MEMORY, count_idle
from swaptiers.experiment.lab import LATENCY_BUCKETS, bucket_latency
from swaptiers.experiment.results import ControllerReport
from swaptiers.experiment.series import Measure, Row, Rows, Series

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

MEASURES = tuple(Measure(metric=name) for name in ("time_ns", "measured", "target", "setting"))
FROM_NS = np.array([bucket_latency(bucket) for bucket in range(LATENCY_BUCKETS)], np.int64)


class Steering:
    """All controllers of one run, in their order."""

    def __init__(self, laboratory: Laboratory) -> None:
        specs = laboratory.spec.controllers
        if any(spec.needs_ages for spec in specs):
            table = np.zeros(laboratory.core.cgroup_count, AGES)
            laboratory.lab.ages_n = len(table)
            self.ages = laboratory.table("ages_at", table)
        self._loops = [_Loop(laboratory, spec) for spec in specs]

    @property
    def next_due(self) -> int:
        """When the first of them wants to be asked."""
        return min((loop.due for loop in self._loops), default=NEVER)

    def turn(self, now: int) -> None:
        """Let each that is due take a step."""
        for loop in self._loops:
            if loop.due <= now:
                loop.turn(now)

    def report(self) -> tuple[ControllerReport, ...]:
        """What each of them did."""
        return tuple(loop.report() for loop in self._loops)


@attrs.frozen(kw_only=True)
class _Counts:
    """Totals since the start, of the subtree."""

    now_ns: int = 0
    stall_ns: int = 0
    swap_ins: int = 0
    came_in: int = 0
    resident: int = 0


class _Loop:
    """One controller, where it steers, and what came of it."""

    def __init__(self, laboratory: Laboratory, spec: AnyControllerSpec) -> None:
        self._laboratory = laboratory
        self._spec = spec
        self._controller = make_controller(spec)
        self._scope = laboratory.tree.paths[spec.cgroup]
        top = laboratory.core.cgroups[self._scope]
        self._members = laboratory.core.preorder[int(top.place) : int(top.place_end)].copy()
        graph = laboratory.graph
        self._rank = IN_MEMORY if spec.source == RESIDENT else graph.rank(spec.source)
        self._below = [graph.rank(name) for name in _below(spec.source, graph.nx)]
        self._before = _Counts()
        self._warm: int | None = None
        self._reused = np.zeros(LATENCY_BUCKETS, np.int64)
        self._rows = Rows()
        self._last: Step | None = None
        self._steps = self._asked = self._moved = self._entries = self._scanned = 0
        self.due = int(spec.every)

    def turn(self, now: int) -> None:
        """One step: look, decide, move."""
        step = self._controller.step(self._look(now))
        self._steps += 1
        self._asked += step.nbytes
        self._last = step
        self._rows.offer(lambda: (now, step.measured, step.target, step.setting))
        self._scanned = 0
        if step.nbytes:
            self._carry_out(step)
        self._warm = self._coldest_use()
        every = int(self._spec.every)
        self.due += max(1, -(-(now - self.due + 1) // every)) * every

    def _carry_out(self, step: Step) -> None:
        used_before = NEVER if step.used_before_ns is None else step.used_before_ns
        if self._spec.source == RESIDENT:
            page_size = int(self._laboratory.core.st.page_size)
            entries = self._laboratory.evict(self._scope, -(-step.nbytes // page_size), used_before)
            moved, scanned = entries * page_size, entries
        else:
            done = self._laboratory.demote(
                self._scope, self._spec.source, step.nbytes, self._spec.to, step.referenced, used_before, step.scan
            )
            entries, moved, scanned = done.entries, done.freed_bytes, done.scanned
        self._scanned = scanned
        self._entries += entries
        self._moved += moved

    def _look(self, now: int) -> Observation:
        before, counts = self._before, self._counts(now)
        self._before = counts
        return Observation(
            now_ns=now,
            interval_ns=max(1, now - before.now_ns),
            held_bytes=self._held_bytes(),
            held_entries=self._held_entries(),
            page_size=int(self._laboratory.core.st.page_size),
            stall_ns=counts.stall_ns - before.stall_ns,
            swap_ins=counts.swap_ins - before.swap_ins,
            reclaimed_pages=counts.came_in - before.came_in - (counts.resident - before.resident),
            resident_pages=counts.resident,
            warm_ns=self._warm,
            scanned=self._scanned,
            ages=self._look_at_ages() if self._spec.needs_ages else None,
        )

    def _counts(self, now: int) -> _Counts:
        core = self._laboratory.core
        own = core.cgroups[self._members]
        faults = int(own["faults"].sum())
        loads = sum(int(self._cells(rank)["loads"].sum()) for rank in self._below)
        return _Counts(
            now_ns=now,
            stall_ns=int(own["stall_ns"].sum()),
            swap_ins=faults if self._spec.source == RESIDENT else loads,
            came_in=faults + int(own["first_touches"].sum()),
            resident=int(core.cgroups[self._scope].resident_pages),
        )

    def _held_bytes(self) -> int:
        core = self._laboratory.core
        if self._rank == IN_MEMORY:
            return int(core.cgroups[self._scope].resident_pages) * int(core.st.page_size)
        return int(self._cells(self._rank)["stored_bytes"].sum())

    def _held_entries(self) -> int:
        core = self._laboratory.core
        if self._rank == IN_MEMORY:
            return int(core.cgroups[self._scope].resident_pages)
        return int(self._cells(self._rank)["entries"].sum())

    def _cells(self, rank: int) -> Any:
        """What each cgroup of the subtree has in a tier."""
        return self._laboratory.core.cells[self._members * MAX_TIERS + rank]

    def _coldest_use(self) -> int | None:
        """When the coldest resident page was last used; None if none is resident."""
        tails = self._laboratory.core.cgroups["lru_tail"][self._members]
        uses = self._laboratory.pages["last_use"][tails[tails >= 0]]
        return int(uses.min()) if len(uses) else None

    def _look_at_ages(self) -> Ages:
        laboratory = self._laboratory
        table = laboratory.steering.ages[self._members]
        reused = table["reused"].sum(axis=0)
        if self._rank == IN_MEMORY:
            reused += table["reused_zero"].sum(axis=0)
        since, self._reused = reused - self._reused, reused
        members = np.zeros(laboratory.core.cgroup_count, np.uint8)
        members[self._members] = 1
        idle, held = np.zeros(LATENCY_BUCKETS, np.int64), np.zeros(LATENCY_BUCKETS, np.int64)
        count_idle(laboratory.core.state, laboratory.laba, members, self._rank, idle, held)
        return Ages(from_ns=FROM_NS, reused=since, idle_pages=idle, held_bytes=held)

    def report(self) -> ControllerReport:
        """What it did in all."""
        last = self._last
        return ControllerReport(
            kind=self._spec.kind,
            cgroup=self._spec.cgroup,
            source=self._spec.source,
            steps=self._steps,
            asked_bytes=self._asked,
            moved_bytes=self._moved,
            moved_entries=self._entries,
            measured=last.measured if last else None,
            target=last.target if last else None,
            setting=last.setting if last else None,
            of_target=_of_target(self._rows.kept),
            series=Series(measures=MEASURES, rows=tuple(self._rows.kept)),
        )


def _of_target(rows: Sequence[Row]) -> float | None:
    """Over the last half of the steps; None without a target."""
    late = [(measured, target) for _, measured, target, _ in rows[len(rows) // 2 :]]
    ratios = [measured / target for measured, target in late if measured is not None and target]
    return sum(ratios) / len(ratios) if ratios else None


def _below(source: str, graph: nx.DiGraph[str]) -> list[str]:
    """The tiers that entries of the source may be demoted to, near or far."""
    return [] if source == RESIDENT else sorted(nx.descendants(graph, source))
