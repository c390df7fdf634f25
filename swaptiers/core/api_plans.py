"""What Python calls: plans are made, taken, carried out and cancelled. Each kernel takes the header by its address."""

from __future__ import annotations

from typing import Any

from swaptiers.core.cleaning import drop_move, end_plan, finish_move
from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import BUSY, COPYING, LANDED, PLANNED, STORED, TIME_TAKEN, UNREADABLE, UNTIMED, WHEN_AGE
from swaptiers.core.entries import set_aside, try_again
from swaptiers.core.kept import give_way
from swaptiers.core.layout import Header
from swaptiers.core.moves import place_moves
from swaptiers.core.plan import plan_evacuation, plan_request, why_not
from swaptiers.core.quotas import end_timed
from swaptiers.core.rings import list_coldest
from swaptiers.core.segments import is_log
from swaptiers.core.slots import settle
from swaptiers.core.state import State, cgroups, header_at, plan_entries, records, segments
from swaptiers.core.workers import plan_background, ready_edge, rest_worker, wake_workers


@kernel
def rest_background(at: State, edge: int) -> None:
    """The step could not be carried out: the edge's worker waits for its next trigger."""
    st = header_at(at)
    e = st.edges[edge]
    if (e.when & WHEN_AGE) != 0 and e.age_due <= st.now:  # what failed is tried again when it would be looked for again
        e.age_due = st.now + e.age_every
    rest_worker(st, edge)


@kernel
def plan_for_request(at: State, edge: int, scope: int, policy: int, budget: int, used_before: int, now: int) -> int:
    st = header_at(at)
    st.now = now
    return plan_request(st, edge, scope, policy, budget, used_before)


@kernel
def plan_out(at: State, edge: int, policy: int, now: int) -> int:
    """Plan a batch of an evacuation along one edge; how many entries."""
    header_at(at).now = now
    return plan_evacuation(header_at(at), edge, policy)


@kernel
def bar_tier(at: State, tier: int, reason: int) -> None:
    """From now on nothing new comes in, for the first reason that there was; it gives up the slots that it keeps."""
    st = header_at(at)
    if st.tiers[tier].barred == 0:
        st.tiers[tier].barred = reason
    while give_way(st, tier, 0):
        pass
    settle(st)


@kernel
def readmit_tier(at: State, tier: int) -> None:
    """The tier takes entries again, and the edges into it are asked again."""
    st = header_at(at)
    st.tiers[tier].barred = 0
    st.kick = 1


@kernel
def set_unreadable_aside(at: State, tier: int, entries: Any) -> None:
    """Those of a plan's entries that are still in their source, whose bytes could not be read: no edge takes them."""
    st = header_at(at)
    for i in range(len(entries)):
        p = entries[i]
        r = records(st)[p.row]
        if r.generation != p.generation or r.backing != STORED or r.tier != tier or r.slot != p.slot:
            continue
        if not r.marks & (BUSY | PLANNED | COPYING | UNREADABLE):
            set_aside(st, p.row)


@kernel
def try_unreadable_again(at: State, tier: int) -> None:
    """What could not be read in the tier may be moved again."""
    st = header_at(at)
    for row in range(st.row_top):
        r = records(st)[row]
        if r.backing == STORED and r.tier == tier and r.marks & UNREADABLE and not r.marks & BUSY:
            try_again(st, row)
    t = st.tiers[tier]
    for segment in range(t.segment_top if is_log(t) else 0):
        segments(t)[segment].barren = 0


@kernel
def find_reasons(at: State, edge: int, rows: Any, reasons: Any) -> None:
    """Why each of the rows would not move along the edge now, as `why_not` has it."""
    for i in range(len(rows)):
        reasons[i] = why_not(header_at(at), edge, rows[i])


@kernel
def next_background(at: State, now: int) -> int:
    """Plan the next due background step: the edge whose worker it is, or -1 if none is due."""
    st = header_at(at)
    st.now = now
    if st.kick:
        wake_workers(st)
    if st.wake_at > now:
        return -1
    edge = ready_edge(st)
    if edge >= 0 and plan_background(st, edge) == 0 and st.plan_rotated == 0:
        rest_worker(st, edge)
    return edge


@kernel
def cancel_plan(at: State, edge: int, entries: Any, n: int) -> None:
    """Put a plan's entries back, the last first, so that the coldest ends up coldest. Nothing, if the plan is over."""
    _cancel(header_at(at), edge, entries, n)


@part
def _cancel(st: Header, edge: int, entries: Any, n: int) -> None:
    if n == 0 or entries[0].row == LANDED:
        return
    if entries[0].row != UNTIMED:
        for i in range(n - 1, -1, -1):
            drop_move(st, edge, entries[i])
        end_plan(st, edge)
    end_timed(st, st.edges[edge], 0)
    settle(st)
    entries[0].row = LANDED


@kernel
def cancel_untaken(at: State) -> None:
    """Put back the entries of the latest plan, if nobody has taken it."""
    st = header_at(at)
    if st.plan_taken == 0:
        st.plan_taken = 1
        _cancel(st, st.plan_edge, plan_entries(st), st.plan_n)


@kernel
def take_plan(at: State, entries: Any) -> None:
    """The latest plan's entries, for the caller alone, who lands them."""
    st = header_at(at)
    for i in range(len(entries)):
        entries[i] = plan_entries(st)[i]
    st.plan_taken = 1


@kernel
def spend_time(at: State, edge: int, took_ns: int, entries: Any) -> None:
    """The plan, which is carried out, took so long, which a quota of time counts."""
    end_timed(header_at(at), header_at(at).edges[edge], took_ns)
    entries[0].row = LANDED


@kernel
def list_candidates(at: State, edge: int, cgroup: int, rows: Any) -> int:
    """Fill `rows` with entries of the cgroup that the edge takes, from the old ends of their rings; how many."""
    st = header_at(at)
    return list_coldest(st, st.edges[edge].source, cgroup, cgroups(st)[cgroup].takes[edge], rows)


@kernel
def commit_plan(at: State, edge: int, trigger: int, entries: Any, n: int) -> int:
    """Switch what was copied and is still in its place; undo the rest. `copied` says per entry which. The number moved."""
    st = header_at(at)
    moved = 0
    st.done_freed = 0
    st.done_written = 0
    for i in range(n):
        if entries[i].copied and finish_move(st, edge, trigger, entries[i]):
            moved += 1
            st.done_freed += entries[i].length
            st.done_written += entries[i].to_length
        elif entries[i].copied:
            entries[i].copied = 0
        else:
            entries[i].copied = -1
    for i in range(n - 1, -1, -1):
        if entries[i].copied < 0:
            drop_move(st, edge, entries[i])
            entries[i].copied = 0
    end_plan(st, edge)
    settle(st)
    if n > 0:
        entries[0].row = UNTIMED if st.edges[edge].quota_of == TIME_TAKEN else LANDED
    return moved


@kernel
def place_plan(at: State, edge: int, entries: Any, n: int) -> int:
    """The lengths are known: addresses for what goes into a log. `copied` is 0 where there was no room after all, and this
    is how often."""
    return place_moves(header_at(at), edge, entries, n)
