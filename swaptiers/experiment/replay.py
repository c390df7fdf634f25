"""The replay: one compiled loop over references that decides everything it can and logs what has to happen to bytes.

It stops when it meets what it cannot know: the stored lengths of a batch of evictions (payload: real), or a time at which
Python has something to do. Its log is ordered; within a segment of it no event reads what another one of the segment
writes, so a segment may run as all loads, then all moves, then all stores.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import memory_bytes
from swaptiers.core.cleaning import drop_move, end_plan, finish_move
from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import KEPT, MAX_CODECS, NEED_LENGTHS, NEED_ROOM, PLACED, PLACED_ZERO, ZERO, ZSWAP
from swaptiers.core.entries import begin_take, finish_take, publish_entry
from swaptiers.core.kept import drop_kept, keep_taken, may_keep, store_clean
from swaptiers.core.layout import Header
from swaptiers.core.moves import place_moves
from swaptiers.core.plan import MAX_FRUITLESS, NEVER, plan_memory
from swaptiers.core.quotas import end_timed
from swaptiers.core.resident import (
    LEAVING,
    PAGE_BYTES,
    RESIDENT,
    SWAPPED,
    charge_resident,
    lru_add,
    lru_remove,
    lru_touch,
    next_resident,
    over_memory_max,
    pages_of,
)
from swaptiers.core.slots import settle
from swaptiers.core.state import (
    cgroups,
    fetch,
    fetch_record,
    header_at,
    pending_pages,
    plan_entries,
    records,
    scores,
)
from swaptiers.core.store import ask, place
from swaptiers.core.workers import plan_background, ready_edge, rest_worker, wake_workers
from swaptiers.experiment.ages import note_reuse
from swaptiers.experiment.lab import (
    CHUNK_DONE,
    DUE,
    EVICTED,
    IDLE,
    KNOWN,
    LATENCY_BUCKETS,
    LOAD,
    LOG_FULL,
    MOVE,
    NOT_KNOWN,
    ROOM,
    STORE,
    STORING,
    WANTS_LENGTHS,
    WANTS_MOVE_LENGTHS,
    WANTS_REFERENCES,
    Lab,
    following_of,
    is_log_full,
    kept_of,
    latencies_of,
    latency_bucket,
    lengths_of,
    log_of,
    nexts_of,
    steps_of,
    zero_of,
)
from swaptiers.experiment.recency import note_fault, note_move, note_store
from swaptiers.experiment.timing import is_waited_for, read_ns, write_ns
from swaptiers.workloads.contents import content_index

FAR, NEAR = 12, 5
"""How many references ahead a page is fetched into the cache, and what it points to: most of a replay's time would be
waiting for memory."""
PAGE_MASK = (1 << 32) - 1
WRITE_BIT = 1 << 32
WORKLOAD_SHIFT = 33
GO_ON = -1


@kernel
def replay(at: int, laba: Any, references: Any, n: int) -> int:
    """Go through references[cursor:n] (by time: until n references are done) until one of the reasons to stop."""
    st = header_at(at)
    lab = laba[0]
    while True:
        if lab.phase == IDLE and lab.by_time:
            status = _next_by_time(st, lab, references, n)
        elif lab.phase == IDLE:
            status = _next_reference(st, lab, references, n)
        elif lab.phase == ROOM:
            status = _make_room(st, lab)
        elif lab.phase == STORING:
            status = _store_batch(st, lab)
        else:
            status = _evict_on(st, lab)
        if status != GO_ON:
            return int(status)


@part
def _next_reference(st: Header, lab: Lab, references: Any, n: int) -> int:
    if lab.cursor == n:
        return CHUNK_DONE
    if lab.now >= lab.stop_at:
        return DUE
    if is_log_full(lab):
        return LOG_FULL
    if st.kick or st.wake_at <= lab.now or lab.is_resuming:
        status = _run_workers(st, lab)
        if status != GO_ON:
            return status
    elif _refer_to_resident(st, lab, references, n) > 0:
        return GO_ON
    _look_ahead(st, lab, references, lab.cursor, n)
    packed = references[lab.cursor]
    lab.cursor += 1
    workload = packed >> WORKLOAD_SHIFT
    lab.now += max(lab.workloads[workload].think, 1)
    _refer(st, lab, packed & PAGE_MASK, (packed & WRITE_BIT) != 0, workload)
    return GO_ON


@part
def _fetch_page(lab: Lab, page: int) -> None:
    fetch(lab.pages_at + page * PAGE_BYTES, PAGE_BYTES)


@part
def _look_ahead(st: Header, lab: Lab, references: Any, cursor: int, n: int) -> None:
    """Let the processor fetch what later references will want: a hint, which changes nothing."""
    if cursor + FAR >= n:
        return
    _fetch_page(lab, references[cursor + FAR] & PAGE_MASK)
    p = pages_of(lab)[references[cursor + NEAR] & PAGE_MASK]
    if p.state == RESIDENT:
        _fetch_page(lab, p.hotter)
        _fetch_page(lab, p.colder)
    elif p.state == SWAPPED:
        fetch_record(st, p.hotter)


@part
def _refer_to_resident(st: Header, lab: Lab, references: Any, n: int) -> int:
    """References in a row that are hits, with nothing due in between: most of a run. As many as there were.

    Does for each what `_refer` does, and nothing else: a write that may give a slot up is left to that.
    """
    pages = pages_of(lab)
    until = min(lab.stop_at, st.wake_at)
    first = cursor = lab.cursor
    now = lab.now
    while cursor < n and now < until:
        _look_ahead(st, lab, references, cursor, n)
        packed = references[cursor]
        page = packed & PAGE_MASK
        p = pages[page]
        write = (packed >> 32) & 1
        if p.state != RESIDENT or (write and lab.kept_at != 0):
            break
        work = lab.workloads[packed >> WORKLOAD_SHIFT]
        c = cgroups(st)[work.cgroup]
        now += max(work.think, 1)
        if lab.following_at != 0:
            nexts_of(lab)[page] = following_of(lab)[lab.refs + cursor - first]
        if lab.ages_at != 0:
            note_reuse(lab, work.cgroup, now - p.last_use, zero_of(lab)[content_of(lab, page)] != 0)
        c.refs += 1
        c.hits += 1
        p.last_use = now
        p.version += write
        lru_touch(lab, c, page)
        cursor += 1
    lab.refs += cursor - first
    lab.cursor = cursor
    lab.now = now
    return int(cursor - first)


@part
def _next_by_time(st: Header, lab: Lab, references: Any, n: int) -> int:
    """The reference that is due first. Background steps that are due before it come before it."""
    if lab.refs >= n:
        return CHUNK_DONE
    w = _first_due(lab)
    work = lab.workloads[w]
    if work.at == work.end:
        lab.workload = w
        return WANTS_REFERENCES
    if is_log_full(lab):
        return LOG_FULL
    due = max(work.ready_at, lab.now)
    at = min(due, lab.now if st.kick or lab.is_resuming else max(lab.now, st.wake_at))
    if at >= lab.stop_at:
        lab.now = max(lab.now, lab.stop_at)
        return DUE
    if st.kick or st.wake_at <= due or lab.is_resuming:
        lab.now = at
        return _run_workers(st, lab)
    packed = references[work.at]
    work.at += 1
    lab.now = due
    work.ready_at = due + max(work.think, 1)
    _refer(st, lab, packed & PAGE_MASK, (packed & WRITE_BIT) != 0, w)
    return GO_ON


@part
def _first_due(lab: Lab) -> int:
    """The workload whose next reference is due first; the first listed of equal ones; -1 if all are done."""
    first = -1
    for w in range(lab.workloads_n):
        work = lab.workloads[w]
        if work.at == work.end and work.left == 0:
            continue
        if first < 0 or work.ready_at < lab.workloads[first].ready_at:
            first = w
    return first


@part
def _refer(st: Header, lab: Lab, page: int, write: bool, workload: int) -> None:
    """One reference: a hit is over here; a fault or a first touch goes on to make room."""
    work = lab.workloads[workload]
    if lab.following_at != 0:
        nexts_of(lab)[page] = following_of(lab)[lab.refs]
    lab.refs += 1
    c = cgroups(st)[work.cgroup]
    c.refs += 1
    p = pages_of(lab)[page]
    if p.state == RESIDENT:
        c.hits += 1
        if lab.ages_at != 0:
            note_reuse(lab, work.cgroup, lab.now - p.last_use, zero_of(lab)[content_of(lab, page)] != 0)
        p.last_use = lab.now
        if write:
            p.version += 1
            _drop_kept(st, lab, page)
        lru_touch(lab, c, page)
        return
    lab.page = page
    lab.write = 1 if write else 0
    lab.workload = workload
    lab.latency = 0
    lab.rounds = 0
    lab.is_fault = 1 if p.state == SWAPPED else 0
    if lab.is_fault:
        c.faults += 1
        _swap_in(st, lab, page)
    else:
        c.first_touches += 1
    lab.phase = ROOM


@part
def _swap_in(st: Header, lab: Lab, page: int) -> None:
    """The entry is taken before room is made: its own place counts as room, and nobody can demote it."""
    p = pages_of(lab)[page]
    row = p.hotter
    r = records(st)[row]
    if lab.ages_at != 0:
        note_reuse(lab, r.cgroup, lab.now - r.last_use, r.backing == ZERO)
    if r.backing == ZERO:
        _log_load(st, lab, row, page)
    else:
        note_fault(st, lab, r.cgroup, page, r.tier)
        lab.latency += read_ns(st, r.tier, lab.now, 1, r.length)
        _log_load(st, lab, row, page)
    p.state = LEAVING
    begin_take(st, row)
    if lab.kept_at != 0 and not lab.write and may_keep(st, r):
        keep_taken(st, row)
        kept_of(lab)[page] = row
        return
    finish_take(st, row, True)
    _release_if_unlogged(st, lab)


@part
def _kept_row(st: Header, lab: Lab, page: int) -> int:
    """The row of the slot that a resident page still has; -1 if there is none, any more."""
    if lab.kept_at == 0:
        return -1
    row = kept_of(lab)[page]
    if row < 0 or records(st)[row].backing != KEPT or records(st)[row].owner != page:
        return -1
    return int(row)


@part
def _drop_kept(st: Header, lab: Lab, page: int) -> None:
    """The page is written: the slot that it may still have is worth nothing any more."""
    row = _kept_row(st, lab, page)
    if row >= 0:
        drop_kept(st, row)
        _release_if_unlogged(st, lab)


@part
def _release_if_unlogged(st: Header, lab: Lab) -> None:
    """Without bytes there is no log to wait for."""
    if lab.lengths_at != 0:
        settle(st)


@part
def _make_room(st: Header, lab: Lab) -> int:
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
            _fetch_page(lab, pages[c.lru_tail].hotter)
        row = _kept_row(st, lab, page)
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
def content_of(lab: Lab, page: int) -> int:
    """Which of the contents the page has now."""
    w = 0
    while page >= lab.workloads[w].end_page:
        w += 1
    work = lab.workloads[w]
    version = int(pages_of(lab)[page].version)
    return int(work.first_content + content_index(page - work.first_page, version, work.salt, work.blocks))


@kernel
def contents_of(laba: Any, pages: Any, out: Any) -> None:
    """Which of the contents each of the pages has now."""
    for i in range(len(pages)):
        out[i] = content_of(laba[0], pages[i])


@part
def _look_lengths_up(lab: Lab, p: Any) -> None:
    lengths = lengths_of(lab)
    for codec in range(min(len(lengths) // lab.contents_n, MAX_CODECS)):
        p.lengths[codec] = lengths[codec * lab.contents_n + p.content]


@part
def _store_batch(st: Header, lab: Lab) -> int:
    """Place the evicted pages, and end the round of reclaim that they were evicted for."""
    status = _place_pending(st, lab)
    return _end_round(st, lab) if status == GO_ON else status


@part
def _evict_on(st: Header, lab: Lab) -> int:
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
            if not _move(st, lab, True):
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
        if not _move(st, lab, True):
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
        _log_store(st, lab, p)
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


@part
def _run_workers(st: Header, lab: Lab) -> int:
    """Background demotion, a batch a step, as far as the clock has come. GO_ON, or what is wanted before it goes on."""
    st.now = lab.now
    if lab.is_resuming:  # whom the steps have woken since is woken at the next reference, as if nothing had been wanted
        lab.is_resuming = 0
        if lab.move_lengths == KNOWN:
            _worker_moves(st, lab)
    elif st.kick:
        wake_workers(st)
    while st.wake_at <= lab.now:
        if is_log_full(lab):
            lab.is_resuming = 1
            return LOG_FULL
        edge = ready_edge(st)
        if edge < 0:
            break
        lab.worker_edge = edge
        if plan_background(st, edge) > 0:
            if not _worker_moves(st, lab):
                lab.is_resuming = 1
                return WANTS_MOVE_LENGTHS
        elif st.plan_rotated == 0:
            rest_worker(st, edge)
    return GO_ON


@part
def _worker_moves(st: Header, lab: Lab) -> bool:
    started = max(st.edges[lab.worker_edge].ready_at, 0)
    before, moved = lab.latency, lab.moved
    lab.latency = 0
    if not _move(st, lab, False):
        lab.latency = before
        return False
    if lab.moved == moved:
        rest_worker(st, lab.worker_edge)
        lab.latency = before
        return True
    st.edges[lab.worker_edge].ready_at = max(started, lab.now) + lab.latency
    lab.latency = before
    st.wake_at = min(st.wake_at, st.edges[lab.worker_edge].ready_at)
    return True


@kernel
def move_planned(at: int, laba: Any) -> bool:
    """Carry out the core's latest plan for a request. False: lengths of the move are wanted first."""
    st = header_at(at)
    lab = laba[0]
    lab.latency = 0  # of the last reference, which is over
    done = _move(st, lab, False)
    lab.latency = 0
    return done


@part
def _move(st: Header, lab: Lab, at_once: bool) -> bool:
    """Carry out the latest plan: log it, charge the clock, switch the records.

    `at_once`: somebody waits: for the read and for work that the CPU does, not for a device's write. Otherwise the step
    takes until its write is done. False: the lengths in a compressed target are wanted first.
    """
    e = st.edges[st.plan_edge]
    if st.tiers[e.target].codec >= 0 and not _know_lengths(st, lab):
        return False
    plan = plan_entries(st)
    homeless = place_moves(st, st.plan_edge, plan, st.plan_n)
    moved = st.plan_n - homeless
    read = freed = written = 0
    is_cleaning = e.source == e.target
    for i in range(st.plan_n):
        p = plan[i]
        read += p.length
        if not p.copied:
            continue
        _log_move(st, lab, p)
        freed += p.length
        written += p.to_length
        finish_move(st, st.plan_edge, st.plan_trigger, p)
        if not is_cleaning:
            note_move(st, lab, p.cgroup, p.owner, e.source, e.target)
    for i in range(st.plan_n - 1 if homeless > 0 else -1, -1, -1):
        if not plan[i].copied:
            drop_move(st, st.plan_edge, plan[i])
    if lab.steps_at != 0 and not is_cleaning and moved > 0:
        _note_step(st, lab, moved, freed, written)
    end_plan(st, st.plan_edge)
    if is_cleaning:
        _begin_segment(st, lab)  # a copy has its old stamp, which would not tell a read that it was just written
    started = lab.now + lab.latency
    reads = 1 if is_cleaning else st.plan_n  # cleaning reads its segment in one go
    lab.latency += read_ns(st, e.source, started, reads, read)
    wait = write_ns(st, e.target, lab.now + lab.latency, moved, written, True) if moved > 0 else 0
    end_timed(st, e, lab.now + lab.latency + wait - started)
    if not at_once or is_waited_for(st, e.target):
        lab.latency += wait
    lab.moved += moved
    _release_if_unlogged(st, lab)
    return True


@part
def _note_step(st: Header, lab: Lab, moved: int, freed: int, written: int) -> None:
    """The plan's batch, which is one cgroup's, as an event; when it began."""
    step = steps_of(lab)[lab.steps_n]
    lab.steps_n += 1
    step.time_ns = lab.now + lab.latency
    step.source = st.edges[st.plan_edge].source
    step.target = st.edges[st.plan_edge].target
    step.trigger = st.plan_trigger
    step.cgroup = plan_entries(st)[0].cgroup
    step.entries = moved
    step.freed_bytes = freed
    step.written_bytes = written


@part
def _know_lengths(st: Header, lab: Lab) -> bool:
    """True once the plan's entries have their lengths in the compressed target."""
    if st.edges[st.plan_edge].keeps_compressed:
        return True
    if lab.lengths_at == 0:
        known = lab.move_lengths == KNOWN
        lab.move_lengths = NOT_KNOWN
        return bool(known)
    codec = st.tiers[st.edges[st.plan_edge].target].codec
    plan = plan_entries(st)
    lengths = lengths_of(lab)
    for i in range(st.plan_n):
        plan[i].to_length = min(lengths[codec * lab.contents_n + content_of(lab, plan[i].owner)], st.page_size)
    return True


@part
def _next_event(st: Header, lab: Lab, kind: int) -> Any:
    event = log_of(lab)[lab.log_n]
    lab.log_n += 1
    event.kind = kind
    event.segment = lab.segment
    event.tier = event.to_tier = -1
    event.keeps = 0
    return event


@part
def _read_after_write(st: Header, lab: Lab, stamp: int) -> None:
    """A slot is read: if it was written in this segment of the log, the read belongs to the next one."""
    if lab.epoch != st.epoch:
        lab.epoch = st.epoch
        lab.segment_stamp = 0
    if stamp > lab.segment_stamp:
        _begin_segment(st, lab)


@part
def _begin_segment(st: Header, lab: Lab) -> None:
    """What is logged from here on may read what was written before."""
    lab.segment += 1
    lab.segment_stamp = st.stamp


@part
def _log_load(st: Header, lab: Lab, row: int, page: int) -> None:
    if lab.lengths_at != 0:
        return
    r = records(st)[row]
    if r.backing != ZERO:
        _read_after_write(st, lab, r.stamp)
    event = _next_event(st, lab, LOAD)
    event.tier = r.tier
    event.slot = r.slot
    event.length = r.length
    event.content = content_of(lab, page)


@part
def _log_move(st: Header, lab: Lab, p: Any) -> None:
    if lab.lengths_at != 0:
        return
    _read_after_write(st, lab, p.stamp)
    e = st.edges[st.plan_edge]
    event = _next_event(st, lab, MOVE)
    event.tier = e.source
    event.slot = p.slot
    event.length = p.length
    event.to_tier = e.target
    event.to_slot = p.to_slot
    event.to_length = p.to_length
    event.keeps = e.keeps_compressed
    event.content = content_of(lab, p.owner)


@part
def _log_store(st: Header, lab: Lab, p: Any) -> None:
    if lab.lengths_at != 0:
        return
    event = _next_event(st, lab, STORE)
    event.to_tier = p.tier
    event.to_slot = p.slot
    event.to_length = p.length
    event.content = p.content


@kernel
def log_has_run(at: int, laba: Any) -> None:
    """The log's events have happened to the bytes: it starts anew, and the slots that it freed may be used again."""
    st = header_at(at)
    lab = laba[0]
    lab.log_n = 0
    lab.segment = 0
    lab.segment_stamp = st.stamp
    lab.epoch = st.epoch
    settle(st)


@kernel
def settled_ram(at: int, laba: Any) -> None:
    """Bring the RAM integral up to now."""
    _count_ram(header_at(at), laba[0])
