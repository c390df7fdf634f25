"""Plan, then move: which entries go along an edge, and the switch of the record once their bytes are there.

A plan is one batch on one edge. Its entries are off their cold list and hold a slot in the target, but their source is
still the authoritative place; `commit_move` switches the record if its stamp is unchanged, `undo_move` gives the
reservation back. Reactive writeback, background demotion, requests and push-back all plan here.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import enter, leave, refusal, used_bytes
from swaptiers.core.chooser import call_chooser
from swaptiers.core.compile import part
from swaptiers.core.entries import rotate, unlist
from swaptiers.core.picks import is_by_score, pick_highest
from swaptiers.core.quotas import (
    charge_written,
    is_over_quota,
    quota_ready,
    refund_written,
    start_timed,
)
from swaptiers.core.rings import (
    coldest_by_arrival,
    coldest_by_use,
    next_stamp,
    own_ring,
    ring_head,
    ring_pop,
    ring_push,
    ring_push_front,
)
from swaptiers.core.slots import slot_alloc, slot_release
from swaptiers.core.state import (
    ACCEPTED,
    AGE,
    BY_AGE,
    BY_LIMIT,
    BY_PRESSURE,
    BY_REQUEST,
    BY_WATERMARK,
    CHOSEN,
    CUSTOM,
    FULL,
    LRU,
    MAX_EDGES,
    NOT_REACHED,
    PLAN_MAX,
    PLANNED,
    POOL_LIMIT,
    QUOTA,
    RAW,
    REFERENCED,
    SECOND_CHANCE,
    SWAP_MAX,
    TIERS_MAX,
    TOO_YOUNG,
    WHEN_AGE,
    WHEN_LIMIT,
    WHEN_PRESSURE,
    WHEN_REQUEST,
    WHEN_WATERMARK,
    ZSWAP,
    ZSWAP_MAX,
    Header,
    cell_of,
    cgroups,
    picks,
    plan_entries,
    preorder,
    records,
    rings,
)

MAX_FRUITLESS = 16
"""Tries without anything moved before an initiator gives up (MAX_RECLAIM_RETRIES)."""
ANY_AGE = -(1 << 62)
UNLIMITED = 1 << 62
NEVER = 1 << 62
ROOT = 0


@part
def clear_plan(st: Header, edge: int, trigger: int) -> None:
    st.plan_n = 0
    st.plan_edge = edge
    st.plan_trigger = trigger
    st.plan_bytes = 0
    st.plan_scanned = 0
    st.plan_rotated = 0
    st.plan_young = 0
    st.plan_blocked = ACCEPTED


@part
def next_cgroup(st: Header, edge: int, scope: int) -> int:
    """The next cgroup of the subtree `scope` with entries in the edge's source, round robin; -1 if none has any."""
    e = st.edges[edge]
    table = cgroups(st)
    first, end = table[scope].place, table[scope].place_end
    place = e.cursor + 1
    for _ in range(end - first):
        if place < first or place >= end:
            place = first
        c = preorder(st)[place]
        if cell_of(st, c, e.source).entries > 0:
            e.cursor = place
            return int(c)
        place += 1
    return -1


@part
def plan_batch(st: Header, edge: int, cgroup: int, policy: int, budget: int, used_before: int) -> None:
    """Add to the plan up to a batch of the cgroup's coldest entries, as the policy sees it.

    Stops when `budget` stored bytes are planned, when the coldest was used at or after `used_before`, or when the target
    says no (`st.plan_blocked` says why).
    """
    e = st.edges[edge]
    scanned = 0
    rotated = 0
    limit = min(e.batch, cell_of(st, cgroup, e.source).entries)
    classes = cgroups(st)[cgroup].takes[edge]
    if classes == 0:
        return
    if policy == CUSTOM:
        scanned = _plan_suggested(st, edge, cgroup, limit, budget, used_before)
        limit = 0
    elif is_by_score(policy):
        picked = pick_highest(st, edge, policy, cgroup, classes, limit)
        scanned = _plan_picked(st, edge, picked, budget, used_before)
        limit = 0
    while scanned < limit and st.plan_bytes < budget and st.plan_n < PLAN_MAX:
        by_use = policy == LRU or policy == AGE
        if by_use:
            index = coldest_by_use(st, cgroup, e.source, classes)
        else:
            index = coldest_by_arrival(st, cgroup, e.source, classes)
        if index == 0:
            break
        ring = rings(st)[index - 1]
        row = ring_head(st, ring)
        if records(st)[row].last_use >= used_before:
            st.plan_young = 1
            break
        scanned += 1
        if policy == SECOND_CHANCE and records(st)[row].marks & REFERENCED:
            rotate(st, ring, row)
            rotated += 1
        elif not reserve_move(st, edge, row):
            break
        else:
            ring_pop(st, ring)
            plan_entry(st, row)
    st.plan_scanned += scanned
    st.plan_rotated += rotated
    e.scanned += scanned
    e.rotated += rotated


@part
def _plan_suggested(st: Header, edge: int, cgroup: int, limit: int, budget: int, used_before: int) -> int:
    """As plan_batch, for the entries that a user's policy suggests; it is told what became of each. The number scanned."""
    suggested = call_chooser(st, edge, cgroup, limit)
    scanned = _plan_picked(st, edge, suggested, budget, used_before)
    if suggested > 0:
        call_chooser(st, edge, cgroup, -suggested)
    return scanned


@part
def _plan_picked(st: Header, edge: int, picked: int, budget: int, used_before: int) -> int:
    """As plan_batch, for the first `picked` rows in `picks`. The number scanned."""
    for i in range(picked):
        picks(st)[i].outcome = NOT_REACHED
    for i in range(picked):
        row = picks(st)[i].row
        if st.plan_bytes >= budget or st.plan_n >= PLAN_MAX:
            return i
        if records(st)[row].last_use >= used_before:
            st.plan_young = 1
            picks(st)[i].outcome = TOO_YOUNG
            continue
        if not reserve_move(st, edge, row):
            picks(st)[i].outcome = st.plan_blocked
            return i + 1
        picks(st)[i].outcome = ACCEPTED
        r = records(st)[row]
        stamp = next_stamp(st)  # first: it may restamp every live element, this one too
        unlist(st, row)
        r.stamp = stamp
        r.marks |= CHOSEN
        plan_entry(st, row)
    return picked


@part
def reserve_move(st: Header, edge: int, row: int) -> bool:
    """Reserve the entry's place in the target, into the plan's next element; False if the target refuses."""
    e = st.edges[edge]
    r = records(st)[row]
    target = st.tiers[e.target]
    reserved = min(int(r.length), st.page_size) if target.kind == ZSWAP else st.page_size
    reason = refusal(st, e.target, r.cgroup, reserved, e.source)
    slot = slot_alloc(st, e.target) if reason == ACCEPTED else -1
    if slot < 0:
        st.plan_blocked = reason if reason != ACCEPTED else FULL
        e.refused[st.plan_blocked] += 1
        return False
    enter(st, e.target, r.cgroup, reserved)
    p = plan_entries(st)[st.plan_n]
    p.to_slot = slot
    p.reserved = reserved
    p.to_length = reserved
    return True


@part
def plan_entry(st: Header, row: int) -> None:
    """The entry, off its cold list by now, is the plan's next: its source stays the authoritative place."""
    r = records(st)[row]
    r.marks |= PLANNED
    p = plan_entries(st)[st.plan_n]
    p.row = row
    p.stamp = r.stamp
    p.epoch = st.epoch
    p.generation = r.generation
    p.cgroup = r.cgroup
    p.owner = r.owner
    p.slot = r.slot
    p.length = r.length
    p.checksum = r.checksum
    p.to_checksum = 0
    p.copied = 1
    st.plan_n += 1
    st.plan_bytes += r.length
    charge_written(st, st.edges[st.plan_edge], p.reserved)


@part
def plan_edge(st: Header, edge: int, scope: int, policy: int, budget: int, used_before: int) -> int:
    """One batch along `edge` from the next cgroup of `scope` that has any to give; the number of entries planned.

    A cgroup whose own limit stops the move is passed over, and remembered if nobody else has any to give; a target that
    is full stops the search.
    """
    tries = cgroups(st)[scope].place_end - cgroups(st)[scope].place
    blocked, blocked_scope = ACCEPTED, ROOT
    for _ in range(tries):
        cgroup = next_cgroup(st, edge, scope)
        if cgroup < 0:
            break
        st.plan_blocked = ACCEPTED
        plan_batch(st, edge, cgroup, policy, budget, used_before)
        if st.plan_n > 0 or st.plan_rotated > 0 or st.plan_blocked in (FULL, POOL_LIMIT):
            return int(st.plan_n)
        if is_target_full(st):
            blocked, blocked_scope = st.plan_blocked, st.refusal_scope
    if blocked != ACCEPTED:
        st.plan_blocked, st.refusal_scope = blocked, blocked_scope
    return 0


@part
def is_target_full(st: Header) -> bool:
    """True if the plan stopped because its target has to be emptied first."""
    blocked = st.plan_blocked
    return bool(blocked in (FULL, POOL_LIMIT, ZSWAP_MAX, TIERS_MAX))


@part
def plan_down(st: Header, edge: int, scope: int, policy: int, trigger: int, budget: int, used_before: int) -> int:
    """One batch along `edge`; if its target is full, one batch along the target's own edges first (depth first).

    This is the push-back: no entry ever skips a tier. An edge that moves only on request is not asked. Returns the
    number of entries planned; `st.plan_edge` says along which edge.
    """
    n = _plan_on(st, edge, scope, policy, trigger, budget, used_before)
    if n > 0 or st.plan_rotated > 0 or not is_target_full(st):
        return n
    blocked, scanned = st.plan_blocked, st.plan_scanned
    asked = 1 << edge
    depth = _push_edges_below(st, edge, 0)
    while depth > 0:
        depth -= 1
        below = st.edge_stack[depth]
        if (asked >> below) & 1:
            continue
        asked |= 1 << below
        n = _plan_on(st, below, st.scope_stack[depth], st.edges[below].policy, BY_PRESSURE, UNLIMITED, NEVER)
        if n > 0 or st.plan_rotated > 0:
            return n
        if is_target_full(st):
            depth = _push_edges_below(st, below, depth)
    clear_plan(st, edge, trigger)
    st.plan_blocked, st.plan_scanned = blocked, scanned
    return 0


@part
def _plan_on(st: Header, edge: int, scope: int, policy: int, trigger: int, budget: int, used_before: int) -> int:
    """A batch along one edge, and what became of it, counted."""
    e = st.edges[edge]
    clear_plan(st, edge, trigger)
    e.asked += 1
    if is_over_quota(st, e):
        st.plan_blocked = QUOTA
        e.refused[QUOTA] += 1
        return 0
    before = used_before
    if policy == AGE:
        before = min(before, st.now - e.older_than)
    n = plan_edge(st, edge, scope, policy, budget, before)
    if n > 0:
        start_timed(e)
    elif st.plan_rotated > 0:
        e.waited += 1
    elif st.plan_young:
        e.young += 1
    elif st.plan_blocked == ACCEPTED:
        e.empty += 1
    return n


@part
def _push_edges_below(st: Header, edge: int, depth: int) -> int:
    """The full target's own edges go on the stack, the first listed on top; returns the stack's new depth."""
    e = st.edges[edge]
    e.backpressure += 1
    scope = st.refusal_scope
    for i in range(st.edges_n - 1, -1, -1):
        below = st.edges[i]
        if below.source == e.target and (below.when & ~WHEN_REQUEST) != 0 and depth < 2 * MAX_EDGES:
            st.edge_stack[depth] = i
            st.scope_stack[depth] = scope
            depth += 1
    return depth


@part
def plan_room(st: Header, tier: int, reason: int, first_try: bool) -> int:
    """Room in `tier` for a store that it refused for `reason`: a batch along one of its edges that moves at once.

    `pressure` edges always; for memory.zswap.max also `limit` edges, once per store (zswap_store()'s shrink_memcg()).
    Returns the number of entries planned; 0 with `st.plan_rotated` > 0 means: ask again.
    """
    clear_plan(st, 0, BY_PRESSURE)
    if reason == SWAP_MAX:
        return 0
    scope = st.refusal_scope
    for edge in range(st.edges_n):
        e = st.edges[edge]
        if e.source != tier:
            continue
        trigger = BY_PRESSURE
        if (e.when & WHEN_PRESSURE) == 0:
            trigger = BY_LIMIT
            if (e.when & WHEN_LIMIT) == 0 or reason != ZSWAP_MAX or not first_try:
                continue
        n = plan_down(st, edge, scope, e.policy, trigger, UNLIMITED, NEVER)
        if n > 0 or st.plan_rotated > 0:
            return n
    return 0


@part
def plan_memory(st: Header, cgroup: int) -> int:
    """Room under memory.max once evicting frees nothing: a batch out of the subtree's zswap along `pressure` edges."""
    clear_plan(st, 0, BY_PRESSURE)
    if not st.charge_zswap:
        return 0
    for edge in range(st.edges_n):
        e = st.edges[edge]
        out_of_zswap = st.tiers[e.source].kind == ZSWAP and st.tiers[e.target].kind != ZSWAP
        if out_of_zswap and (e.when & WHEN_PRESSURE) != 0:
            n = plan_down(st, edge, cgroup, e.policy, BY_PRESSURE, UNLIMITED, NEVER)
            if n > 0 or st.plan_rotated > 0:
                return n
    return 0


@part
def plan_request(st: Header, edge: int, scope: int, policy: int, budget: int) -> int:
    """One batch of a request along `edge` under `policy`, with push-back."""
    return plan_down(st, edge, scope, policy, BY_REQUEST, budget, NEVER)


@part
def is_current(st: Header, p: Any, source: int) -> bool:
    """True if the planned entry is still where the plan found it; after a restamp only the generation can tell."""
    r = records(st)[p.row]
    if p.epoch == st.epoch:
        return bool(r.stamp == p.stamp and r.marks & PLANNED)
    return bool(r.generation == p.generation and r.marks & PLANNED and r.tier == source and r.slot == p.slot)


@part
def commit_move(st: Header, edge: int, trigger: int, p: Any) -> bool:
    """Switch the record to the target and free the source, if the entry has not been taken meanwhile."""
    e = st.edges[edge]
    r = records(st)[p.row]
    if not is_current(st, p, e.source):
        undo_move(st, edge, p)
        return False
    if p.to_length != p.reserved:
        leave(st, e.target, r.cgroup, p.reserved)
        enter(st, e.target, r.cgroup, p.to_length)
        refund_written(e, p.reserved - p.to_length)
    leave(st, e.source, r.cgroup, r.length)
    slot_release(st, e.source, r.slot)
    _count_move(st, edge, trigger, r, p)
    r.tier = e.target
    r.slot = p.to_slot
    r.length = p.to_length
    r.checksum = p.to_checksum
    r.marks &= ~(PLANNED | CHOSEN | RAW | REFERENCED)
    if st.tiers[e.target].kind == ZSWAP and p.to_length >= st.page_size:
        r.marks |= RAW
    r.way = 1 + edge
    r.stamp = next_stamp(st)
    ring_push(st, own_ring(st, r), p.row)
    return True


@part
def _count_move(st: Header, edge: int, trigger: int, r: Any, p: Any) -> None:
    e = st.edges[edge]
    e.entries += 1
    e.freed_bytes += p.length
    e.written_bytes += p.to_length
    e.by_trigger[trigger] += 1
    source, target = st.tiers[e.source], st.tiers[e.target]
    source.demoted_out += 1
    source.read_bytes += p.length
    target.demoted_in += 1
    target.written_bytes += p.to_length
    c = cgroups(st)[r.cgroup]
    if target.kind != ZSWAP:
        c.pswpout += 1
        if source.kind == ZSWAP:
            c.zswpwb += 1


@part
def undo_move(st: Header, edge: int, p: Any) -> None:
    """The move is off: give back the reservation; an entry that is still there returns to the old end of its list."""
    e = st.edges[edge]
    r = records(st)[p.row]
    leave(st, e.target, p.cgroup, p.reserved)
    refund_written(e, p.reserved)
    slot_release(st, e.target, p.to_slot)
    if is_current(st, p, e.source):
        r.marks &= ~PLANNED
        ring_push_front(st, own_ring(st, r), p.row)


@part
def is_wanted(st: Header, edge: int) -> bool:
    """True if a background trigger of the edge wants it to move something now; keeps the triggers' memory up to date."""
    e = st.edges[edge]
    t = st.tiers[e.source]
    used = used_bytes(st, e.source)
    wanted = False
    if e.when & WHEN_WATERMARK:
        if used >= e.high_bytes:
            e.filling = 1
        if used <= e.low_bytes:
            e.filling = 0
        wanted = bool(e.filling)
    if e.when & WHEN_LIMIT:
        if t.latched:
            e.working = 1
        if used <= t.accept_bytes:
            e.working = 0
        wanted = wanted or bool(e.working)
    if e.when & WHEN_AGE:
        wanted = wanted or st.now >= e.age_due
    return wanted


@part
def plan_background(st: Header, edge: int) -> int:
    """One step of the edge's background worker; 0 entries and none rotated: nothing to do until its next trigger."""
    e = st.edges[edge]
    if e.filling:
        return plan_down(st, edge, ROOT, e.policy, BY_WATERMARK, UNLIMITED, NEVER)
    if e.working:
        return plan_down(st, edge, ROOT, e.policy, BY_LIMIT, UNLIMITED, NEVER)
    n = plan_down(st, edge, ROOT, e.policy, BY_AGE, UNLIMITED, st.now - e.age_older_than)
    if n == 0 and st.plan_rotated == 0 and not is_over_quota(st, e):
        e.age_due = st.now + e.age_every
    return n


@part
def wake_workers(st: Header) -> None:
    """A tier filled up, a latch was set or a time came: every background edge that wants to move becomes ready."""
    st.kick = 0
    for edge in range(st.edges_n):
        e = st.edges[edge]
        if (e.when & (WHEN_WATERMARK | WHEN_LIMIT | WHEN_AGE)) == 0:
            continue
        if e.ready_at == NEVER and is_wanted(st, edge):
            e.ready_at = st.now
    find_next_wake(st)


@part
def find_next_wake(st: Header) -> None:
    """`st.wake_at`: when the first background worker may take its next step."""
    st.wake_at = NEVER
    for edge in range(st.edges_n):
        st.wake_at = min(st.wake_at, st.edges[edge].ready_at)


@part
def ready_edge(st: Header) -> int:
    """The background edge whose step is due and that still wants to move; -1 if there is none."""
    for edge in range(st.edges_n):
        e = st.edges[edge]
        if e.ready_at > st.now:
            continue
        if is_wanted(st, edge):
            return edge
        e.ready_at = e.age_due if (e.when & WHEN_AGE) != 0 else NEVER
    find_next_wake(st)
    return -1


@part
def rest_worker(st: Header, edge: int) -> None:
    """The step found nothing that it could move: the worker waits for the edge's next trigger, or for its quota."""
    e = st.edges[edge]
    e.ready_at = e.age_due if (e.when & WHEN_AGE) != 0 and e.age_due > st.now else NEVER
    if is_over_quota(st, e):
        e.ready_at = quota_ready(st, e)
    find_next_wake(st)
