"""A plan's entries, from their reservation to the switch of their records once their bytes are there.

A plan is one batch on one edge. Its entries are off their cold list and hold a place in the target, but their source is
still the authoritative one; `commit_move` switches the record if its stamp is unchanged, `undo_move` gives the reservation
back. In a log a place has its address once the length is known (`place_moves`).
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import enter, leave, over_tiers_max, over_zswap_max, refusal
from swaptiers.core.compile import part
from swaptiers.core.constants import (
    ACCEPTED,
    BY_REQUEST,
    CHOSEN,
    COPYING,
    FULL,
    INCOMPRESSIBLE,
    PLANNED,
    RAW,
    REFERENCED,
    TIERS_MAX,
    ZSWAP,
    ZSWAP_MAX,
)
from swaptiers.core.kept import give_way_to
from swaptiers.core.layout import Header
from swaptiers.core.quotas import charge_written, refund_written
from swaptiers.core.rings import next_stamp, own_ring, ring_push, ring_push_front
from swaptiers.core.segments import append, append_copy, is_log, written
from swaptiers.core.slots import slot_alloc, slot_release
from swaptiers.core.state import cgroups, checksums, plan_entries, records

UNPLACED = -1


@part
def clear_plan(st: Header, edge: int, trigger: int) -> None:
    st.plan_n = 0
    st.plan_taken = 0
    st.plan_edge = edge
    st.plan_trigger = trigger
    st.plan_bytes = 0
    st.plan_scanned = 0
    st.plan_rotated = 0
    st.plan_young = 0
    st.plan_blocked = ACCEPTED


@part
def reserve_move(st: Header, edge: int, row: int) -> bool:
    """Reserve the entry's place in the target, into the plan's next element; False if the target refuses."""
    e = st.edges[edge]
    r = records(st)[row]
    target = st.tiers[e.target]
    reserved = min(int(r.length), st.page_size) if target.kind == ZSWAP or e.keeps_compressed else st.page_size
    reason = refusal(st, e.target, r.cgroup, reserved, e.source)
    while give_way_to(st, e.target, r.cgroup, reason):
        reason = refusal(st, e.target, r.cgroup, reserved, e.source)
    slot = UNPLACED
    if reason == ACCEPTED and is_log(target):
        target.unplaced += 1
    elif reason == ACCEPTED:
        slot = slot_alloc(st, e.target)
        reason = ACCEPTED if slot >= 0 else FULL
    if reason != ACCEPTED:
        st.plan_blocked = reason
        e.refused[reason] += 1
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
    records(st)[row].marks |= PLANNED
    reserved = plan_entries(st)[st.plan_n].reserved
    add_to_plan(st, row)
    charge_written(st, st.edges[st.plan_edge], reserved)


@part
def add_to_plan(st: Header, row: int) -> None:
    """Describe the entry in the plan's next element."""
    r = records(st)[row]
    p = plan_entries(st)[st.plan_n]
    p.row = row
    p.stamp = r.stamp
    p.epoch = st.epoch
    p.generation = r.generation
    p.cgroup = r.cgroup
    p.owner = r.owner
    p.slot = r.slot
    p.length = r.length
    p.checksum = p.to_checksum = checksums(st)[row]
    p.copied = 1
    st.plan_n += 1
    st.plan_bytes += r.length


@part
def place_moves(st: Header, edge: int, entries: Any, n: int) -> int:
    """The lengths are known: give those that will be copied their addresses in a target that is a log. Those that became
    longer and may not be in zswap, or found no room in the log, have `copied` 0 then; how many these are."""
    e = st.edges[edge]
    t = st.tiers[e.target]
    homeless = 0
    if t.kind == ZSWAP:
        for i in range(n):
            if entries[i].copied and entries[i].to_length > entries[i].reserved:
                reason = _growth_refusal(st, e, entries[i])
                if reason != ACCEPTED:
                    e.refused[reason] += 1
                    entries[i].copied = 0
                    homeless += 1
    if not is_log(t):
        return homeless
    for i in range(n):
        p = entries[i]
        if not p.copied:
            continue
        if e.source == e.target:
            p.to_slot = append_copy(st, t, p.to_length, p.row)
        else:
            p.to_slot = append(st, t, p.to_length, p.row)
            t.unplaced -= 1 if p.to_slot >= 0 else 0
        if p.to_slot < 0:
            p.copied = 0
            homeless += 1
    return homeless


@part
def _growth_refusal(st: Header, e: Any, p: Any) -> int:
    """Why zswap does not take the planned entry, which became longer than what was reserved; ACCEPTED if it does."""
    if p.to_length >= st.page_size and (st.tiers[e.target].raw_refused or cgroups(st)[p.cgroup].writeback == 0):
        return INCOMPRESSIBLE
    if st.tiers[e.source].kind == ZSWAP and over_zswap_max(st, p.cgroup) >= 0:
        return ZSWAP_MAX
    if over_tiers_max(st, e.target, p.cgroup, p.to_length - p.reserved) >= 0:
        return TIERS_MAX
    return ACCEPTED


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
    if is_log(st.tiers[e.target]):
        written(st, st.tiers[e.target], p.to_slot)
    leave(st, e.source, r.cgroup, r.length)
    slot_release(st, e.source, r.slot, r.length)
    _count_move(st, edge, trigger, r, p)
    r.tier = e.target
    r.slot = p.to_slot
    r.length = p.to_length
    if p.to_checksum != p.checksum:
        checksums(st)[p.row] = p.to_checksum
    r.marks &= ~(PLANNED | CHOSEN | COPYING | RAW | REFERENCED)
    if st.tiers[e.target].codec >= 0 and p.to_length >= st.page_size:
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
            c.zswpwb_proactive_bytes += p.length if trigger == BY_REQUEST else 0


@part
def undo_move(st: Header, edge: int, p: Any) -> None:
    """The move is off: give back the reservation; an entry that is still there returns to the old end of its list."""
    e = st.edges[edge]
    r = records(st)[p.row]
    leave(st, e.target, p.cgroup, p.reserved)
    refund_written(e, p.reserved)
    give_back(st, e.target, p)
    if is_current(st, p, e.source):
        r.marks &= ~PLANNED
        ring_push_front(st, own_ring(st, r), p.row)


@part
def give_back(st: Header, tier: int, p: Any) -> None:
    """The reserved place of a move that is off."""
    t = st.tiers[tier]
    if not is_log(t):
        slot_release(st, tier, p.to_slot, p.reserved)
    elif p.to_slot >= 0:
        written(st, t, p.to_slot)
        slot_release(st, tier, p.to_slot, p.to_length)
    else:
        t.unplaced -= 1
