"""Eviction of a replay: resident pages leave, coldest first, until there is room; each finds a place, or comes back."""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import memory_bytes
from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import MAX_CODECS, NEED_LENGTHS, NEED_ROOM, PLACED, PLACED_ZERO, ZSWAP
from swaptiers.core.entries import publish_entry
from swaptiers.core.kept import store_clean
from swaptiers.core.layout import Header
from swaptiers.core.plan import MAX_FRUITLESS, NEVER, plan_memory
from swaptiers.core.resident import (
    LEAVING,
    SWAPPED,
    charge_resident,
    lru_add,
    lru_remove,
    next_resident,
    over_memory_max,
    pages_of,
)
from swaptiers.core.state import cgroups, header_at, pending_pages, records, scores
from swaptiers.core.store import ask, place
from swaptiers.experiment.events import log_store
from swaptiers.experiment.lab import (
    EVICTED,
    GO_ON,
    IDLE,
    KNOWN,
    LATENCY_BUCKETS,
    LOG_FULL,
    NOT_KNOWN,
    ROOM,
    STORING,
    WANTS_LENGTHS,
    WANTS_MOVE_LENGTHS,
    Lab,
    is_log_full,
    latencies_of,
    latency_bucket,
    lengths_of,
    nexts_of,
    zero_of,
)
from swaptiers.experiment.moving import move
from swaptiers.experiment.pages import content_of, fetch_page, kept_row
from swaptiers.experiment.recency import note_store
from swaptiers.experiment.timing import is_waited_for, write_ns


@part
def make_room(st: Header, lab: Lab) -> int:
    """Reclaim until the page fits under every memory.max, then let it in."""
    cgroup = lab.workloads[lab.workload].cgroup
    scope = over_memory_max(st, cgroup)
    if scope >= 0 and lab.rounds < MAX_FRUITLESS:
        lab.scope = scope
        lab.room_before = memory_bytes(st, scope)
        lab.moved = 0
        _evict_batch(st, lab, scope, lab.reclaim_batch, NEVER)
        lab.phase = STORING
        return GO_ON
    if scope >= 0:
        cgroups(st)[cgroup].over_limit += 1
    _let_in(st, lab, cgroup)
    lab.phase = IDLE
    return GO_ON


@part
def _let_in(st: Header, lab: Lab, cgroup: int) -> None:
    """The page becomes resident, and the reference is over."""
    c = cgroups(st)[cgroup]
    pages = pages_of(lab)
    lru_add(lab, c, lab.page)
    charge_resident(st, cgroup, 1)
    if lab.by_time:
        lab.workloads[lab.workload].ready_at += lab.latency
    else:
        lab.now += lab.latency
    _count_ram(st, lab)
    pages[lab.page].last_use = lab.now
    pages[lab.page].version += lab.write
    lab.stall_ns += lab.latency
    c.stall_ns += lab.latency
    if lab.is_fault:
        lab.faults += 1
        lab.fault_ns += lab.latency
        c.fault_ns += lab.latency
        latencies_of(lab)[lab.workload * LATENCY_BUCKETS + latency_bucket(lab.latency)] += 1


@part
def _count_ram(st: Header, lab: Lab) -> None:
    """Resident pages plus zswap's pools, integrated over time."""
    used = cgroups(st)[0].resident_pages * st.page_size
    for tier in range(st.tiers_n):
        if st.tiers[tier].kind == ZSWAP:
            used += st.tiers[tier].pool_bytes
    lab.ram_byte_ns += float(used) * float(lab.now - lab.ram_since)
    lab.ram_since = lab.now
    lab.ram_peak = max(lab.ram_peak, used)


@part
def _evict_batch(st: Header, lab: Lab, scope: int, most: int, used_before: int) -> int:
    """Take up to `most` of the coldest pages of the next cgroup off its LRU; they ask for places. How many were taken."""
    st.pending_n = 0
    st.pending_i = 0
    lab.writing_tier = -1
    cgroup = next_resident(st, scope)
    if cgroup < 0:
        return 0
    c = cgroups(st)[cgroup]
    pages = pages_of(lab)
    pending = pending_pages(st)
    clean = 0
    while st.pending_n + clean < most and c.lru_tail >= 0 and pages[c.lru_tail].last_use < used_before:
        page = int(c.lru_tail)
        lru_remove(lab, c, page)
        if c.lru_tail >= 0:
            fetch_page(lab, pages[c.lru_tail].hotter)
        row = kept_row(st, lab, page)
        if row >= 0:
            _store_clean(st, lab, cgroup, page, row)
            clean += 1
            continue
        pages[page].state = LEAVING
        content = content_of(lab, page)
        p = pending[st.pending_n]
        ask(p, page, cgroup, pages[page].last_use, zero_of(lab)[content] != 0)
        p.content = content
        if lab.lengths_at != 0:
            _look_lengths_up(lab, p)
        st.pending_n += 1
    charge_resident(st, cgroup, -st.pending_n - clean)
    return int(st.pending_n + clean)


@part
def _store_clean(st: Header, lab: Lab, cgroup: int, page: int, row: int) -> None:
    """The page is what its slot still holds: it is out again, and nothing is written."""
    p = pages_of(lab)[page]
    store_clean(st, row, p.last_use)
    p.hotter = row
    if lab.following_at != 0:
        scores(st)[row] = nexts_of(lab)[page]
    note_store(st, lab, cgroup, page, records(st)[row].tier)
    p.state = SWAPPED  # last: the order of recency may be counted anew, and this page is not in it before


@part
def _look_lengths_up(lab: Lab, p: Any) -> None:
    lengths = lengths_of(lab)
    for codec in range(min(len(lengths) // lab.contents_n, MAX_CODECS)):
        p.lengths[codec] = lengths[codec * lab.contents_n + p.content]


@part
def store_batch(st: Header, lab: Lab) -> int:
    """Place the evicted pages, and end the round of reclaim that they were evicted for."""
    status = _place_pending(st, lab)
    return _end_round(st, lab) if status == GO_ON else status


@part
def evict_on(st: Header, lab: Lab) -> int:
    """Evict the next of `evict_left` pages of the subtree `scope`, one cgroup after the other. Nobody waits for room.

    EVICTED once there were enough, or no cgroup of the subtree has a page that was last used before `evict_before`.
    """
    status = _place_pending(st, lab)
    if status != GO_ON:
        return status
    scope = cgroups(st)[lab.scope]
    if lab.evict_left <= 0 or lab.rounds >= scope.place_end - scope.place:
        lab.latency = 0
        lab.phase = IDLE
        return EVICTED
    taken = _evict_batch(st, lab, lab.scope, min(lab.reclaim_batch, lab.evict_left), lab.evict_before)
    lab.evict_left -= taken
    lab.rounds = 0 if taken > 0 else lab.rounds + 1
    return GO_ON


@part
def _place_pending(st: Header, lab: Lab) -> int:
    """Place the evicted pages one after the other; room is made for each where it is wanted. GO_ON: all are placed."""
    pending = pending_pages(st)
    st.now = lab.now
    while st.pending_i < st.pending_n:
        if is_log_full(lab):
            return LOG_FULL
        p = pending[st.pending_i]
        if lab.move_lengths == NOT_KNOWN:
            status = place(st, p)
            if status == NEED_LENGTHS:
                return WANTS_LENGTHS
        else:
            status = NEED_ROOM
        if status == NEED_ROOM:
            moved = lab.moved
            if not move(st, lab, True):
                return WANTS_MOVE_LENGTHS
            if lab.moved == moved:  # all of the batch grew beyond a limit, and so would the next
                p.fruitless = MAX_FRUITLESS
            continue
        _settle_page(st, lab, p)
        st.pending_i += 1
    return GO_ON


@part
def _end_round(st: Header, lab: Lab) -> int:
    """Did the round free anything? If not, zswap itself has to give way; if that fails too, the round was fruitless."""
    freed = lab.room_before - memory_bytes(st, lab.scope)
    if freed <= 0 and (lab.move_lengths == KNOWN or plan_memory(st, lab.scope) > 0):
        if not move(st, lab, True):
            return WANTS_MOVE_LENGTHS
        freed = lab.room_before - memory_bytes(st, lab.scope)
    lab.rounds = 0 if freed > 0 else lab.rounds + 1
    lab.phase = ROOM
    return GO_ON


@part
def _settle_page(st: Header, lab: Lab, p: Any) -> None:
    """The page's place is decided: swapped out, or back to the hot end because nobody takes it."""
    page = p.owner
    pages = pages_of(lab)
    if p.state == PLACED:
        publish_entry(st, p.row)
        pages[page].hotter = p.row
        if lab.following_at != 0:
            scores(st)[p.row] = nexts_of(lab)[page]
        note_store(st, lab, p.cgroup, page, p.tier)
        pages[page].state = SWAPPED
        log_store(st, lab, p)
        wait = write_ns(st, p.tier, lab.now + lab.latency, 1, p.length, p.tier != lab.writing_tier)
        lab.writing_tier = p.tier
        if is_waited_for(st, p.tier):
            lab.latency += wait
    elif p.state == PLACED_ZERO:
        pages[page].hotter = p.row
        pages[page].state = SWAPPED
    else:
        pages[page].last_use = lab.now
        lru_add(lab, cgroups(st)[p.cgroup], page)
        charge_resident(st, p.cgroup, 1)


@kernel
def settled_ram(at: int, laba: Any) -> None:
    """Bring the RAM integral up to now."""
    _count_ram(header_at(at), laba[0])
