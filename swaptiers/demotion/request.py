"""A request to demote: so many bytes out of a tier, for a cgroup and its descendants, whoever carries the moves out.

Mirrors the walk of the proposed proactive writeback (`source=zswap`): over the subtree by the edge's share (there: round
robin), a batch of scanned entries at a time, 16 tries without progress. The budget is bytes as stored in the source.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import attrs
import numpy as np

from swaptiers.core import api_plans
from swaptiers.core.constants import FIFO, LANDED, REASON_NAMES, SECOND_CHANCE
from swaptiers.core.core import Core
from swaptiers.core.layout import PLAN
from swaptiers.core.plan import MAX_FRUITLESS, NEVER
from swaptiers.graph import TierGraph

Referenced = Literal["ignore", "rotate"]


@attrs.define(eq=False)
class Plan:
    """One batch on one edge: `entries` is a copy of the core's table (dtype PLAN), ours to fill in."""

    edge: int
    trigger: int
    entries: Any


class Moved(NamedTuple):
    """What became of a plan. Bytes as stored: in the source before, in the target after. `unreadable`: entries that
    could not be read, or failed their checksums; they stay, and are not planned again."""

    entries: int
    freed_bytes: int
    written_bytes: int
    unreadable: int = 0

    @property
    def is_progress(self) -> bool:
        """False if trying again would do the same: nothing moved, and nothing got out of the way."""
        return self.entries + self.unreadable > 0


@attrs.frozen(kw_only=True)
class Demoted:
    """What a request did. `freed_bytes` were stored in the source, `written_bytes` went into the targets.

    `met`: the request was met; if not, `refused` says why entries stayed (reason -> how often it stopped a batch;
    `unreadable`: how many entries could not be read or failed their checksums, which stay where they are).
    """

    entries: int
    freed_bytes: int
    written_bytes: int
    scanned: int
    rotated: int
    refused: dict[str, int]
    met: bool


def latest_plan(core: Core) -> Plan | None:
    """A copy of what the core planned last, None if that was nothing. The caller holds the lock, and lands the plan.

    None too if a user's policy failed on the way: then `raise_failure` is due.
    """
    words = core.words
    if core.failure is not None:
        api_plans.cancel_untaken(core.state)
        return None
    n = words["plan_n"]
    if n == 0:
        return None
    entries = np.frombuffer(bytearray(n * PLAN.itemsize), PLAN)  # np.zeros() takes a while for a record
    entries["row"] = LANDED
    plan = Plan(edge=words["plan_edge"], trigger=words["plan_trigger"], entries=entries)
    core.take_off(plan)  # first: whoever is interrupted from here on finds it among the flights
    api_plans.take_plan(core.state, entries)
    return plan


def raise_failure(core: Core) -> None:
    """Raise what a user's policy failed with, once."""
    failure, core.failure = core.failure, None
    if failure is not None:
        raise failure


@attrs.define
class _Tally:
    """What a request has done so far."""

    entries: int = 0
    freed_bytes: int = 0
    written_bytes: int = 0
    scanned: int = 0
    rotated: int = 0
    fruitless: int = 0
    refused: dict[str, int] = attrs.field(factory=dict)

    def wants_more(self, nbytes: int, max_scanned: int | None) -> bool:
        """False once the request is met, has been looked for long enough, or leads nowhere."""
        if self.freed_bytes >= nbytes or self.fruitless >= MAX_FRUITLESS:
            return False
        return max_scanned is None or self.scanned < max_scanned


def demote(
    core: Core,
    graph: TierGraph,
    held: AbstractContextManager[Any],
    move: Callable[[Plan], Moved],
    *,
    scope: int,
    source: str,
    nbytes: int,
    target: str | None,
    referenced: Referenced,
    now: int,
    used_before: int = NEVER,
    max_scanned: int | None = None,
) -> Demoted:
    """Plan batch after batch and let `move` carry each out, until the request is met or nothing more can be moved.

    An overshoot of less than a batch is possible. `target` None: along every edge out of `source`, in their order.
    `referenced`: `rotate` is the kernel's walk, where 16 fruitless tries in all end it; with `ignore`, 16 in a row do.
    `held`: the lock over a system that is open. `used_before`: nothing that was last used then or later is moved.
    `max_scanned`: so many entries are looked at, and up to a batch more.
    """
    tally = _Tally()
    edges = list(graph.edges_from(source, target))
    while edges and tally.wants_more(nbytes, max_scanned):
        policy = _policy(core, edges[0], referenced)
        with held:
            try:
                api_plans.plan_for_request(
                    core.state, edges[0], scope, policy, nbytes - tally.freed_bytes, used_before, now
                )
                rotated = _count_plan(core, edges[0], tally)
                plan = latest_plan(core)
            except BaseException:
                api_plans.cancel_untaken(core.state)
                raise
        raise_failure(core)
        if plan is None:
            tally.fruitless += 1
            if not rotated:
                edges.pop(0)
            continue
        moved = move(plan)
        if not moved.is_progress:
            tally.fruitless += 1
        elif referenced == "ignore":
            tally.fruitless = 0
        note_unreadable(moved, tally.refused)
        if plan.edge == edges[0]:
            tally.entries += moved.entries
            tally.freed_bytes += moved.freed_bytes
            tally.written_bytes += moved.written_bytes
    return Demoted(
        entries=tally.entries,
        freed_bytes=tally.freed_bytes,
        written_bytes=tally.written_bytes,
        scanned=tally.scanned,
        rotated=tally.rotated,
        refused=tally.refused,
        met=tally.freed_bytes >= nbytes,
    )


def note_unreadable(moved: Moved, refused: dict[str, int]) -> None:
    """Count what could not be read among the reasons."""
    if moved.unreadable:
        refused["unreadable"] = refused.get("unreadable", 0) + moved.unreadable


def _count_plan(core: Core, edge: int, tally: _Tally) -> int:
    """What the latest plan looked at; the entries that it rotated."""
    words = core.words
    rotated, blocked = words["plan_rotated"], words["plan_blocked"]
    if words["plan_edge"] == edge:
        tally.scanned += words["plan_scanned"]
        tally.rotated += rotated
    if blocked:
        reason = REASON_NAMES[blocked]
        tally.refused[reason] = tally.refused.get(reason, 0) + 1
    return rotated


def _policy(core: Core, edge: int, referenced: Referenced) -> int:
    """`rotate`: the kernel's list, fifo with a second chance. `ignore`: the edge's own order, and nobody waits."""
    if referenced == "rotate":
        return SECOND_CHANCE
    policy = core.edges[edge]["policy"]
    return FIFO if policy == SECOND_CHANCE else policy
