"""Plan, then move: which entries go along an edge, in batches, cgroup by cgroup, and push-back from a full target.

Reactive writeback, background demotion, requests and push-back all plan here; `moves` has what becomes of a plan.
"""

from __future__ import annotations

from swaptiers.core.charges import refusal, why_barred
from swaptiers.core.chooser import call_chooser
from swaptiers.core.cleaning import plan_cleaning
from swaptiers.core.compile import part
from swaptiers.core.constants import (
    ACCEPTED,
    AGE,
    BY_EVACUATION,
    BY_LIMIT,
    BY_PRESSURE,
    BY_REQUEST,
    CHOSEN,
    CUSTOM,
    EVACUATION,
    FULL,
    LRU,
    MAX_EDGES,
    NOT_REACHED,
    PLAN_MAX,
    POOL_LIMIT,
    QUOTA,
    REFERENCED,
    SECOND_CHANCE,
    SPARSE,
    SWAP_MAX,
    TIERS_MAX,
    TOO_YOUNG,
    WHEN_LIMIT,
    WHEN_PRESSURE,
    WHEN_REQUEST,
    ZSWAP,
    ZSWAP_MAX,
)
from swaptiers.core.entries import rotate, unlist
from swaptiers.core.layout import Header
from swaptiers.core.moves import clear_plan, plan_entry, reserve_move
from swaptiers.core.picks import is_by_score, pick_highest
from swaptiers.core.quotas import is_over_quota, start_timed
from swaptiers.core.rings import (
    class_of,
    coldest_by_arrival,
    coldest_by_use,
    next_stamp,
    ring_head,
    ring_pop,
    takes_of,
)
from swaptiers.core.shares import begin_search, end_turn, next_cgroup, spare_bytes
from swaptiers.core.state import cell_of, picks, records, rings

MAX_FRUITLESS = 16
"""Tries without anything moved before an initiator gives up (MAX_RECLAIM_RETRIES)."""
ANY_AGE = -(1 << 62)
UNLIMITED = 1 << 62
NEVER = 1 << 62
ROOT = 0


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
    classes = takes_of(st, edge, cgroup)
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
def plan_edge(st: Header, edge: int, scope: int, policy: int, budget: int, used_before: int) -> int:
    """One batch along `edge` from the next cgroup of `scope` that has any to give; the number of entries planned.

    A cgroup whose own limit stops the move is passed over, and remembered if nobody else has any to give; a target that
    is full stops the search. One with a memory.swap.tiers.low gives down to that and an entry less at most.
    """
    blocked, blocked_scope = ACCEPTED, ROOT
    begin_search(st)
    while True:
        cgroup = next_cgroup(st, edge, scope)
        if cgroup < 0:
            break
        st.plan_blocked = ACCEPTED
        spare = spare_bytes(st, st.edges[edge].source, cgroup, scope)
        plan_batch(st, edge, cgroup, policy, min(budget, spare), used_before)
        if st.plan_n > 0:
            end_turn(st, edge, scope, cgroup)
        if st.plan_n > 0 or st.plan_rotated > 0 or st.plan_blocked in (FULL, POOL_LIMIT, SPARSE):
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
    return bool(blocked in (FULL, POOL_LIMIT, ZSWAP_MAX, TIERS_MAX, SPARSE))


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
    """A batch along one edge; if that finds its target a log too sparse to append to, a batch of cleaning there."""
    n = _plan_along(st, edge, scope, policy, trigger, budget, used_before)
    if n > 0 or st.plan_blocked != SPARSE:
        return n
    scanned = st.plan_scanned
    n = plan_cleaning(st, st.edges[edge].target)
    if n == 0:
        clear_plan(st, edge, trigger)
        st.plan_blocked, st.plan_scanned = SPARSE, scanned
    return n


@part
def _plan_along(st: Header, edge: int, scope: int, policy: int, trigger: int, budget: int, used_before: int) -> int:
    """A batch along one edge, and what became of it, counted."""
    e = st.edges[edge]
    clear_plan(st, edge, trigger)
    e.asked += 1
    if is_over_quota(st, e):
        st.plan_blocked = QUOTA
        e.refused[QUOTA] += 1
        e.stalled[QUOTA] += 1
        return 0
    barred = why_barred(st, e.target)
    if barred != ACCEPTED:
        st.plan_blocked = barred
        e.refused[barred] += 1
        e.stalled[barred] += 1
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
    else:
        e.stalled[st.plan_blocked] += 1
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

    A log that is too sparse is cleaned. `pressure` edges always; for memory.zswap.max also `limit` edges, once per store
    (zswap_store()'s shrink_memcg()).
    Returns the number of entries planned; 0 with `st.plan_rotated` > 0 means: ask again.
    """
    clear_plan(st, 0, BY_PRESSURE)
    if reason == SWAP_MAX:
        return 0
    scope = st.refusal_scope
    if reason == SPARSE:
        n = plan_cleaning(st, tier)
        if n > 0:
            return n
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
def plan_evacuation(st: Header, edge: int, policy: int) -> int:
    """One batch out of a tier that is being evacuated: along one of its edges with push-back, or straight up."""
    if edge == EVACUATION:
        return _plan_on(st, edge, ROOT, policy, BY_EVACUATION, UNLIMITED, NEVER)
    return plan_down(st, edge, ROOT, policy, BY_EVACUATION, UNLIMITED, NEVER)


@part
def why_not(st: Header, edge: int, row: int) -> int:
    """What would stop this entry on this edge now; ACCEPTED if nothing would, NOT_REACHED if the edge is not for it."""
    e = st.edges[edge]
    r = records(st)[row]
    t = st.tiers[e.target]
    if not (takes_of(st, edge, r.cgroup) >> class_of(st.tiers[e.source], r.length)) & 1:
        return NOT_REACHED
    if e.policy == AGE and r.last_use >= st.now - e.older_than:
        return TOO_YOUNG
    if is_over_quota(st, e):
        return QUOTA
    exact = t.kind == ZSWAP or e.keeps_compressed
    return int(refusal(st, e.target, r.cgroup, min(r.length, st.page_size) if exact else st.page_size, e.source))


@part
def plan_request(st: Header, edge: int, scope: int, policy: int, budget: int, used_before: int) -> int:
    """One batch of a request along `edge` under `policy`, of what was used before then, with push-back."""
    return plan_down(st, edge, scope, policy, BY_REQUEST, budget, used_before)
