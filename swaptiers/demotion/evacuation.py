"""Evacuation: everything leaves a tier, along its edges or, where there are none or they are full, back up.

Nothing new comes in from the moment that it begins. Limits hold as for every other move, so an evacuation may end with
entries left, and says why; called again it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import attrs

from swaptiers.core import api_plans
from swaptiers.core.constants import DRAINING, EVACUATION, FIFO, LRU, REASON_NAMES
from swaptiers.core.core import Core
from swaptiers.core.plan import MAX_FRUITLESS
from swaptiers.demotion.request import Moved, Plan, latest_plan, note_unreadable, raise_failure
from swaptiers.graph import TierGraph


@attrs.frozen(kw_only=True)
class Evacuated:
    """How far an evacuation came.

    `entries` have left by this call, to which tier `targets` says; `left` are still there; `refused`: why, as reason ->
    how often it ended a batch (`unreadable`: how many entries could not be read, or only wrong). `done`: nothing is left.
    """

    tier: str
    entries: int
    left: int
    targets: dict[str, int]
    refused: dict[str, int]

    @property
    def done(self) -> bool:
        """True if nothing is left."""
        return self.left == 0


@attrs.frozen(kw_only=True)
class _Batch:
    """`left`: entries that left the tier. `is_progress`: something moved, be it out of the way, or was found unreadable;
    not so if others were quicker to take all of the batch."""

    left: int
    is_progress: bool


Progress = Callable[[Evacuated], bool | None]
"""Called after each batch; False stops the evacuation, which can be resumed."""


def evacuate(
    core: Core,
    graph: TierGraph,
    held: AbstractContextManager[Any],
    move: Callable[[Plan], Moved],
    *,
    rank: int,
    clock: Callable[[], int],
    progress: Progress | None = None,
) -> Evacuated:
    """Move batch after batch out of the tier until it is empty, or nothing more can go, or `progress` says stop.

    `held`: the lock over a system that is open.
    """
    name = graph.tiers[rank].name
    with held:
        api_plans.bar_tier(core.state, rank, DRAINING)
        api_plans.try_unreadable_again(core.state, rank)
    targets: dict[str, int] = {}
    refused: dict[str, int] = {}

    def so_far() -> Evacuated:
        left = int(core.st.tiers[rank].entries)
        return Evacuated(tier=name, entries=sum(targets.values()), left=left, targets=targets, refused=refused)

    moved = True
    while moved and core.st.tiers[rank].entries:
        moved = False
        for edge, target in _ways_out(core, graph, rank):
            fruitless = 0
            while fruitless < MAX_FRUITLESS:
                batch = _batch(core, held, move, edge, target, rank, clock(), refused)
                if batch is None:
                    break
                left, fruitless = batch.left, 0 if batch.is_progress else fruitless + 1
                if left:
                    moved = True
                    to = graph.tiers[target].name
                    targets[to] = targets.get(to, 0) + left
                if progress is not None and progress(so_far()) is False:
                    return so_far()
    return so_far()


def _ways_out(core: Core, graph: TierGraph, rank: int) -> Iterator[tuple[int, int]]:
    """Edges and the ranks of their targets: the tier's own, then one to each faster tier, the nearest first."""
    for edge in graph.edges_from(graph.tiers[rank].name):
        yield edge, int(core.st.edges[edge].target)
    for faster in range(rank - 1, -1, -1):
        if not core.st.tiers[faster].barred and not core.st.tiers[faster].disabled:
            yield EVACUATION, faster


def _batch(
    core: Core,
    held: AbstractContextManager[Any],
    move: Callable[[Plan], Moved],
    edge: int,
    target: int,
    rank: int,
    now: int,
    refused: dict[str, int],
) -> _Batch | None:
    """One batch along one way; None if this way has no more to give now."""
    with held:
        st = core.st
        if edge == EVACUATION:
            _aim(core, rank, target)
        policy = LRU if edge == EVACUATION or st.edges[edge].policy != FIFO else FIFO
        try:
            api_plans.plan_out(core.state, edge, policy, now)
            plan = latest_plan(core)
        except BaseException:
            api_plans.cancel_untaken(core.state)
            raise
        blocked = int(st.plan_blocked)
        if blocked:
            refused[REASON_NAMES[blocked]] = refused.get(REASON_NAMES[blocked], 0) + 1
    raise_failure(core)
    if plan is None:
        return None
    moved = move(plan)
    note_unreadable(moved, refused)
    left = moved.entries if plan.edge == edge else 0
    return _Batch(left=left, is_progress=moved.is_progress)


def _aim(core: Core, rank: int, target: int) -> None:
    """Let the edge that no config names lead from the tier to `target`."""
    st = core.st
    edge = st.edges[EVACUATION]
    edge.source, edge.target = rank, target
    edge.policy = LRU
    edge.batch = 64
    edge.keeps_compressed = 0
