"""Moves of a replay: plans that are carried out at once, in its records, on its clock and in its log."""

from __future__ import annotations

from typing import Any

from swaptiers.core.cleaning import drop_move, end_plan, finish_move
from swaptiers.core.compile import kernel, part
from swaptiers.core.layout import Header
from swaptiers.core.moves import place_moves
from swaptiers.core.quotas import end_timed
from swaptiers.core.state import header_at, plan_entries
from swaptiers.core.workers import plan_background, ready_edge, rest_worker, wake_workers
from swaptiers.experiment.events import begin_segment, log_move
from swaptiers.experiment.lab import (
    GO_ON,
    KNOWN,
    LOG_FULL,
    NOT_KNOWN,
    WANTS_MOVE_LENGTHS,
    Lab,
    is_log_full,
    lengths_of,
    steps_of,
)
from swaptiers.experiment.pages import content_of, release_if_unlogged
from swaptiers.experiment.recency import note_move
from swaptiers.experiment.timing import is_waited_for, read_ns, write_ns


@part
def run_workers(st: Header, lab: Lab) -> int:
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
    if not move(st, lab, False):
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
    done = move(st, lab, False)
    lab.latency = 0
    return done


@part
def move(st: Header, lab: Lab, at_once: bool) -> bool:
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
        log_move(st, lab, p)
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
        begin_segment(st, lab)  # a copy has its old stamp, which would not tell a read that it was just written
    started = lab.now + lab.latency
    reads = 1 if is_cleaning else st.plan_n  # cleaning reads its segment in one go
    lab.latency += read_ns(st, e.source, started, reads, read)
    wait = write_ns(st, e.target, lab.now + lab.latency, moved, written, True) if moved > 0 else 0
    end_timed(st, e, lab.now + lab.latency + wait - started)
    if not at_once or is_waited_for(st, e.target):
        lab.latency += wait
    lab.moved += moved
    release_if_unlogged(st, lab)
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
