"""The replay: one compiled loop over references that decides everything it can and logs what has to happen to bytes.

It stops when it meets what it cannot know: the stored lengths of a batch of evictions (payload: real), or a time at which
Python has something to do.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import ZERO
from swaptiers.core.entries import begin_take, finish_take
from swaptiers.core.kept import keep_taken, may_keep
from swaptiers.core.layout import Header
from swaptiers.core.resident import LEAVING, RESIDENT, SWAPPED, lru_touch, pages_of
from swaptiers.core.state import cgroups, fetch_record, header_at, records
from swaptiers.experiment.ages import note_reuse
from swaptiers.experiment.events import log_load
from swaptiers.experiment.evicting import evict_on, make_room, store_batch
from swaptiers.experiment.lab import (
    CHUNK_DONE,
    DUE,
    GO_ON,
    IDLE,
    LOG_FULL,
    ROOM,
    STORING,
    WANTS_REFERENCES,
    Lab,
    following_of,
    is_log_full,
    kept_of,
    nexts_of,
    zero_of,
)
from swaptiers.experiment.moving import run_workers
from swaptiers.experiment.pages import content_of, fetch_page, forget_kept, release_if_unlogged
from swaptiers.experiment.recency import note_fault
from swaptiers.experiment.timing import read_ns

FAR, NEAR = 12, 5
"""How many references ahead a page is fetched into the cache, and what it points to: most of a replay's time would be
waiting for memory."""
PAGE_MASK = (1 << 32) - 1
WRITE_BIT = 1 << 32
WORKLOAD_SHIFT = 33


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
            status = make_room(st, lab)
        elif lab.phase == STORING:
            status = store_batch(st, lab)
        else:
            status = evict_on(st, lab)
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
        status = run_workers(st, lab)
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
def _look_ahead(st: Header, lab: Lab, references: Any, cursor: int, n: int) -> None:
    """Let the processor fetch what later references will want: a hint, which changes nothing."""
    if cursor + FAR >= n:
        return
    fetch_page(lab, references[cursor + FAR] & PAGE_MASK)
    p = pages_of(lab)[references[cursor + NEAR] & PAGE_MASK]
    if p.state == RESIDENT:
        fetch_page(lab, p.hotter)
        fetch_page(lab, p.colder)
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
        return run_workers(st, lab)
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
            forget_kept(st, lab, page)
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
        log_load(st, lab, row, page)
    else:
        note_fault(st, lab, r.cgroup, page, r.tier)
        lab.latency += read_ns(st, r.tier, lab.now, 1, r.length)
        log_load(st, lab, row, page)
    p.state = LEAVING
    begin_take(st, row)
    if lab.kept_at != 0 and not lab.write and may_keep(st, r):
        keep_taken(st, row)
        kept_of(lab)[page] = row
        return
    finish_take(st, row, True)
    release_if_unlogged(st, lab)
