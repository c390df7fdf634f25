"""The demotion engine of a store with real bytes: every move goes through `move`, whoever asked for it.

Plan, then move: the core plans a batch under the lock; the bytes are read, transformed and written without it; the core
switches the records under the lock. An entry that was taken meanwhile is not switched, and the copy is dropped. A target
that fails leaves every entry of the batch in its source; a source that fails those which it can't read (`reading.py`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from swaptiers.core import api_plans
from swaptiers.core.constants import QUARANTINED, TIME_TAKEN
from swaptiers.core.core import Core
from swaptiers.demotion.copies import Copies
from swaptiers.demotion.reading import Reader
from swaptiers.demotion.request import Moved, Plan, latest_plan, raise_failure
from swaptiers.demotion.writing import Writer
from swaptiers.errors import ClosedError, TierIOError
from swaptiers.graph import TierGraph
from swaptiers.tiers.base import Tier
from swaptiers.tiers.failures import Failures

PATIENCE_S = 1.0
"""Nobody waits longer than this for others before looking again."""


class Engine:
    """Moves entries between the tiers of one system. Safe from several threads: the lock is held for bookkeeping only.

    `lock`: the system's. `failures`: where it is noted what fails.
    """

    def __init__(
        self,
        core: Core,
        graph: TierGraph,
        tiers: Sequence[Tier],
        lock: Any,
        clock: Callable[[], int],
        failures: Failures,
    ) -> None:
        self._core = core
        self._graph = graph
        self._tiers = tiers
        self._lock = lock
        self._landed = threading.Condition(lock)
        self._clock = clock
        self._failures = failures
        self._reader = Reader(core, lock, failures)
        self._writer = Writer(core, lock)

    def move(self, plan: Plan) -> Moved:
        """Carry the plan out. Raises TierIOError if a tier fails: the entries that it concerns are in their source."""
        terms, entries = self._core.edges[plan.edge], plan.entries
        source, target = self._tiers[terms["source"]], self._tiers[terms["target"]]
        keeps_compressed = bool(terms["keeps_compressed"])
        started = self._clock() if terms["quota_of"] == TIME_TAKEN else 0
        at, copies = source, None
        try:
            copies = self._reader.read(source, target, terms["source"], entries, is_decoded=not keeps_compressed)
            at = target
            self._writer.write(plan.edge, target, entries, copies, is_encoded=keeps_compressed)
            self.worked(target, "store")
        except BaseException as cause:
            entries["copied"] = 0
            if copies is not None:
                copies.is_whole = False
            if isinstance(cause, OSError):
                slot = int(entries["slot" if at is source else "to_slot"][0])
                self._failures.note(at.name, "load" if at is source else "store", slot=slot)
            self._commit(plan, source, target, started, copies)
            if not isinstance(cause, OSError):
                raise
            where = f"its {len(entries)} entries are still in {source.name!r}"
            what = "cleaning" if source is target else f"demotion along {source.name}->{target.name}"
            raise TierIOError(at.name, what, cause, where) from cause
        finally:
            if copies is not None:
                self._reader.give_back(copies)
        return self._commit(plan, source, target, started, copies)

    def free(self, tier: Tier, slots: npt.NDArray[np.int64]) -> None:
        """Let a tier forget. If it fails, nothing is lost by it, and no earlier error may be hidden: it is counted."""
        try:
            tier.free(slots)
        except Exception:
            self._failures.note(tier.name, "free")

    def worked(self, tier: Tier, kind: Literal["store", "load"]) -> None:
        """A tier did what it was asked."""
        if self._failures.runs:
            self._failures.worked(tier.name, kind)

    def quarantine_suspects(self) -> None:
        """Nothing new comes into tiers that keep failing. The caller holds the lock over a system that is open."""
        suspects = self._failures.suspects
        if suspects:
            for rank, tier in enumerate(self._tiers):
                if tier.name in suspects:
                    api_plans.bar_tier(self._core.state, rank, QUARANTINED)
            suspects.clear()

    def land(self, flight: object) -> None:
        """A plan or write that was under way is over. The caller holds the lock."""
        self._core.land(flight)
        self._landed.notify_all()

    def abandon(self) -> None:
        """This thread's call ends with an error: of what it had under way nothing is any more. Mostly that is so already."""
        here = threading.get_ident()
        with self._lock:
            for flight in [each for each, thread in self._core.flights.items() if thread == here]:
                if isinstance(flight, Plan):
                    api_plans.cancel_plan(self._core.state, flight.edge, flight.entries, len(flight.entries))
                self.land(flight)
            self.land(None)  # counts anew, if it was interrupted between landing and counting

    def landing(self) -> Landing:
        """Around a call that moves entries: where it ends with an error, nothing of it is left under way."""
        return Landing(self)

    def let_land(self, seconds: float = threading.TIMEOUT_MAX) -> bool:
        """Wait until nothing is under way; False if something still is after so many seconds. The caller holds the lock,
        which is let go of while waiting."""
        return self._landed.wait_for(lambda: self._core.words["flying"] == 0, seconds)

    def wait_for_others(self) -> None:
        """Until somebody's plan or write is over, if any is under way: then entries can be moved that could not before."""
        with self._lock:
            if self._core.words["flying"] > 0:
                self._landed.wait(PATIENCE_S)

    def _commit(self, plan: Plan, source: Tier, target: Tier, started: int, copies: Copies | None) -> Moved:
        """Switch what was copied and put the rest back; what is unreadable is set aside, so that it stops nobody else."""
        core, entries, n = self._core, plan.entries, len(plan.entries)
        unreadable = copies.unreadable if copies is not None else None
        aside = (
            None if unreadable is None else entries[unreadable]
        )  # a plan that is over says no more what it was about
        moved = freed = written = 0
        with self._lock:
            if (copies is not None and copies.is_whole) or entries["copied"].any():
                moved = api_plans.commit_plan(core.state, plan.edge, plan.trigger, entries, n)
                freed, written = core.words["done_freed"], core.words["done_written"]
                self._spend(plan, started)
            else:
                api_plans.cancel_plan(core.state, plan.edge, entries, n)
            if aside is not None:
                api_plans.set_unreadable_aside(core.state, core.edges[plan.edge]["source"], aside)
            if moved == n:
                self.free(source, entries["slot"])
            else:
                done = entries["copied"] == 1
                self.free(source, entries["slot"][done])
                self.free(target, entries["to_slot"][~done])
            if self._failures.suspects:
                self.quarantine_suspects()
            self.land(plan)
        return Moved(
            entries=moved, freed_bytes=freed, written_bytes=written, unreadable=0 if aside is None else len(aside)
        )

    def _spend(self, plan: Plan, started: int) -> None:
        """Let a quota of time know how long the batch took. The caller holds the lock."""
        if self._core.edges[plan.edge]["quota_of"] == TIME_TAKEN:
            now = self._core.st.now = self._clock()
            api_plans.spend_time(self._core.state, plan.edge, now - started, plan.entries)

    def run_background(self, held: AbstractContextManager[Any], now: int, max_steps: int) -> int:
        """Take due background steps, so many at most; the number of entries moved. Raises as `step` does."""
        entries = 0
        for _ in range(max_steps):
            moved = self.step(held, now)
            if moved is None:
                break
            entries += moved
        return entries

    def step(self, held: AbstractContextManager[Any], now: int) -> int | None:
        """Take a background step that is due (watermarks, limit workers, ages); the entries moved, None if none is due.

        `held`: the lock over a system that is open. A worker whose step moved nothing, or failed, rests until its edge's
        next trigger. Raises TierIOError, PolicyError, and whatever else a tier raises.
        """
        core = self._core
        with held:
            try:
                edge = api_plans.next_background(core.state, now)
                plan = latest_plan(core) if edge >= 0 else None
            except BaseException:
                api_plans.cancel_untaken(core.state)
                raise
            if core.failure is not None:
                api_plans.rest_background(core.state, edge)
        raise_failure(core)
        if edge < 0:
            return None
        if plan is None:
            return 0
        moved: Moved | None = None
        try:
            moved = self.move(plan)
        finally:
            if moved is None or not moved.is_progress:
                with contextlib.suppress(ClosedError), held:
                    api_plans.rest_background(core.state, edge)
        return moved.entries


class Landing:
    """Abandons what an engine's thread has under way, if the block ends with an error."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._engine.abandon()
