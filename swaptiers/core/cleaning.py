"""Cleaning a log: what is alive in the segment with the least of it is copied to the head, or demoted.

A copy is a move from a tier to itself, along an edge of its own: planned, carried out and committed as every other. Its
entry stays in its cold list all the while, and anybody may take it or plan it; then the copy is dropped.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import (
    BUSY,
    BY_CLEANING,
    CHOSEN,
    CHUNK,
    COPYING,
    NONE,
    PLAN_MAX,
    PLANNED,
    STORED,
    UNREADABLE,
)
from swaptiers.core.entries import unlist
from swaptiers.core.layout import Header
from swaptiers.core.moves import add_to_plan, clear_plan, commit_move, plan_entry, reserve_move, undo_move
from swaptiers.core.rings import class_of, next_stamp
from swaptiers.core.segments import least_alive, written
from swaptiers.core.slots import slot_release
from swaptiers.core.state import cgroups, chunks, plan_entries, records, segments


@part
def plan_cleaning(st: Header, tier: int) -> int:
    """What is alive in the emptiest sealed segment, as a plan; 0 if there is none, or one is being cleaned."""
    t = st.tiers[tier]
    clear_plan(st, t.cleaner, BY_CLEANING)
    victim = least_alive(t)
    while victim >= 0 and _is_barren(st, tier, victim):
        segments(t)[victim].barren = 1
        victim = least_alive(t)
    if victim < 0 or st.edges[t.cleaner].working:
        return 0
    if t.cleans_down and _plan_down_from(st, tier, victim) > 0:
        return int(st.plan_n)
    clear_plan(st, t.cleaner, BY_CLEANING)
    _plan_copies(st, tier, victim)
    st.edges[t.cleaner].working = 1 if st.plan_n > 0 else 0
    t.cleanings += 1 if st.plan_n > 0 else 0
    return int(st.plan_n)


@part
def _is_alive(st: Header, tier: int, row: int, address: int) -> bool:
    """True if the payload at the address is the entry's, can be read, and nobody is taking or moving it."""
    return bool(
        _is_here(st, tier, row, address) and not records(st)[row].marks & (BUSY | PLANNED | COPYING | UNREADABLE)
    )


@part
def _is_here(st: Header, tier: int, row: int, address: int) -> bool:
    r = records(st)[row]
    return bool(r.backing == STORED and r.tier == tier and r.slot == address)


@part
def _is_barren(st: Header, tier: int, victim: int) -> bool:
    """True if something is alive in the segment, and nothing of that can be read."""
    t = st.tiers[tier]
    s = segments(t)[victim]
    chunk, at, found = s.first_chunk, 0, False
    for _ in range(s.noted):
        if at == CHUNK:
            chunk, at = chunks(st)[chunk].next, 0
        row = chunks(st)[chunk].rows[at]
        if _is_here(st, tier, row, victim * t.segment_bytes + chunks(st)[chunk].stamps[at]):
            if not records(st)[row].marks & UNREADABLE:
                return False
            found = True
        at += 1
    return found


@part
def _plan_copies(st: Header, tier: int, victim: int) -> None:
    t = st.tiers[tier]
    s = segments(t)[victim]
    chunk, at = s.first_chunk, 0
    for _ in range(s.noted):
        if at == CHUNK:
            chunk, at = chunks(st)[chunk].next, 0
        row = chunks(st)[chunk].rows[at]
        address = victim * t.segment_bytes + chunks(st)[chunk].stamps[at]
        if st.plan_n < PLAN_MAX and _is_alive(st, tier, row, address):
            r = records(st)[row]
            r.marks |= COPYING
            p = plan_entries(st)[st.plan_n]
            p.to_slot = NONE
            p.reserved = r.length
            p.to_length = r.length
            add_to_plan(st, row)
        at += 1


@part
def _plan_down_from(st: Header, tier: int, victim: int) -> int:
    """What is alive in the victim, along the first of the tier's edges that takes any of it; how many entries."""
    for edge in range(st.edges_n):
        if st.edges[edge].source == tier:
            clear_plan(st, edge, BY_CLEANING)
            _plan_along(st, edge, victim)
            if st.plan_n > 0:
                return int(st.plan_n)
    return 0


@part
def _plan_along(st: Header, edge: int, victim: int) -> None:
    tier = st.edges[edge].source
    t = st.tiers[tier]
    s = segments(t)[victim]
    chunk, at = s.first_chunk, 0
    for _ in range(s.noted):
        if at == CHUNK:
            chunk, at = chunks(st)[chunk].next, 0
        row = chunks(st)[chunk].rows[at]
        address = victim * t.segment_bytes + chunks(st)[chunk].stamps[at]
        at += 1
        if st.plan_n >= PLAN_MAX or not _is_alive(st, tier, row, address):
            continue
        r = records(st)[row]
        if not (cgroups(st)[r.cgroup].takes[edge] >> class_of(t, r.length)) & 1:
            continue
        if not reserve_move(st, edge, row):
            return
        stamp = next_stamp(st)  # first: it may restamp every live element, this one too
        unlist(st, row)
        r.stamp = stamp
        r.marks |= CHOSEN
        plan_entry(st, row)


@part
def commit_copy(st: Header, edge: int, p: Any) -> bool:
    """Switch the record to the copy, if the entry is still where it was and nobody is moving it."""
    e = st.edges[edge]
    t = st.tiers[e.source]
    r = records(st)[p.row]
    if not _is_still_there(r, e.source, p) or r.marks & (BUSY | PLANNED):
        undo_copy(st, edge, p)
        return False
    written(st, t, p.to_slot)
    slot_release(st, e.source, r.slot, r.length)
    r.slot = p.to_slot
    r.marks &= ~COPYING
    e.entries += 1
    e.freed_bytes += p.length
    e.written_bytes += p.length
    e.by_trigger[BY_CLEANING] += 1
    t.cleaned_entries += 1
    t.cleaned_bytes += p.length
    t.read_bytes += p.length
    t.written_bytes += p.length
    return True


@part
def undo_copy(st: Header, edge: int, p: Any) -> None:
    """The copy is dropped; the entry is where it was, if it is still there."""
    e = st.edges[edge]
    if p.to_slot >= 0:
        written(st, st.tiers[e.source], p.to_slot)
        slot_release(st, e.source, p.to_slot, p.to_length)
    r = records(st)[p.row]
    if _is_still_there(r, e.source, p):
        r.marks &= ~COPYING


@part
def _is_still_there(r: Any, tier: int, p: Any) -> bool:
    return bool(r.generation == p.generation and r.backing == STORED and r.tier == tier and r.slot == p.slot)


@part
def finish_move(st: Header, edge: int, trigger: int, p: Any) -> bool:
    """The bytes of a planned entry are there: commit it as what it is, a move or a copy. False if it had to be dropped."""
    if edge >= st.edges_n and st.edges[edge].source == st.edges[edge].target:
        return commit_copy(st, edge, p)
    return commit_move(st, edge, trigger, p)


@part
def drop_move(st: Header, edge: int, p: Any) -> None:
    """A planned entry is not moved after all."""
    if edge >= st.edges_n and st.edges[edge].source == st.edges[edge].target:
        undo_copy(st, edge, p)
    else:
        undo_move(st, edge, p)


@part
def end_plan(st: Header, edge: int) -> None:
    """All of a plan's entries are committed or dropped; the log may be cleaned further."""
    if edge >= st.edges_n:
        st.edges[edge].working = 0
