"""The entry table: records with generations, made, placed, taken and freed.

An entry id is (system tag, 7 bits | generation, 24 bits | row, 32 bits). A row's generation grows each time it is reused
and the row is retired when they are used up, so an id never names a second page.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import charge_zero, enter, leave
from swaptiers.core.compile import part
from swaptiers.core.constants import (
    BUSY,
    CHOSEN,
    FREE,
    KEPT,
    NONE,
    PLANNED,
    RAW,
    REFERENCED,
    RETIRED,
    STORED,
    UNREADABLE,
    ZERO,
    ZSWAP,
)
from swaptiers.core.layout import Header
from swaptiers.core.rings import next_stamp, own_ring, ring_pop, ring_push, ring_push_front
from swaptiers.core.segments import is_log, written
from swaptiers.core.slots import slot_release
from swaptiers.core.state import cell_of, cgroups, records

ROW_BITS, GENERATION_BITS = 32, 24
STALE, FOREIGN, BUSY_NOW = -1, -2, -3


@part
def row_alloc(st: Header) -> int:
    """A free row under a generation that it never had."""
    table = records(st)
    if st.free_row >= 0:
        row = st.free_row
        st.free_row = table[row].slot
        st.free_rows -= 1
    else:
        row = st.row_top
        if row >= st.records_n:
            raise MemoryError("no record is left: the system holds as many entries as it was made for")
        st.row_top += 1
        st.free_row = NONE
    r = table[row]
    r.generation += 1
    r.stamp = 0
    r.marks = 0
    return int(row)


@part
def row_return(st: Header, row: int) -> None:
    """A row that was not needed after all; nobody has seen its generation."""
    records(st)[row].generation -= 1
    row_free(st, row)


@part
def row_free(st: Header, row: int) -> None:
    """The entry is gone; its id is stale from now on."""
    r = records(st)[row]
    r.stamp = 0
    r.marks = 0
    if r.generation >= st.generation_limit:
        r.backing = RETIRED
        st.retired_rows += 1
        return
    r.backing = FREE
    r.slot = st.free_row
    st.free_row = row
    st.free_rows += 1


@part
def entry_id(st: Header, row: int) -> int:
    """The id under which the entry in `row` is known outside."""
    generation = int(records(st)[row].generation)
    return int((((st.id_tag << GENERATION_BITS) | generation) << ROW_BITS) | row)


@part
def row_of(st: Header, entry: int) -> int:
    """The row of a live entry; STALE, FOREIGN or BUSY_NOW if the id names none that can be used."""
    row = entry & ((1 << ROW_BITS) - 1)
    generation = (entry >> ROW_BITS) & ((1 << GENERATION_BITS) - 1)
    if (entry >> (ROW_BITS + GENERATION_BITS)) != st.id_tag:
        return FOREIGN
    if row >= st.row_top:
        return STALE
    r = records(st)[row]
    if r.generation != generation or r.backing == FREE or r.backing == RETIRED or r.backing == KEPT:
        return STALE
    if r.marks & BUSY:
        return BUSY_NOW
    return int(row)


@part
def place_zero(st: Header, cgroup: int, last_use: int, owner: int) -> int:
    """Record a zero-filled page: it has an entry and no bytes (the swap layer's zeromap)."""
    row = row_alloc(st)
    r = records(st)[row]
    r.backing = ZERO
    r.tier = NONE
    r.slot = 0
    r.length = 0
    r.cgroup = cgroup
    r.last_use = last_use
    r.owner = owner
    st.zero_stores += 1
    charge_zero(st, cgroup, 1)
    cgroups(st)[cgroup].own_entries += 1
    return row


@part
def reserve_entry(
    st: Header, row: int, tier: int, slot: int, cgroup: int, last_use: int, length: int, owner: int
) -> None:
    """The record of a page whose bytes are on their way into `slot`: accounted, busy, in no cold list yet."""
    r = records(st)[row]
    r.backing = STORED
    r.tier = tier
    r.slot = slot
    r.length = length
    r.cgroup = cgroup
    r.last_use = last_use
    r.owner = owner
    r.marks = BUSY | REFERENCED
    if length >= st.page_size and st.tiers[tier].codec >= 0:
        r.marks |= RAW
    r.way = 0
    enter(st, tier, cgroup, length)
    cgroups(st)[cgroup].own_entries += 1


@part
def publish_entry(st: Header, row: int) -> None:
    """The bytes are there: the entry joins its cold list. New at the young end, referenced, as zswap_store() does."""
    r = records(st)[row]
    r.marks &= ~BUSY
    r.stamp = next_stamp(st)
    ring_push(st, own_ring(st, r), row)
    if is_log(st.tiers[r.tier]):
        written(st, st.tiers[r.tier], r.slot)
    _count_store(st, r.tier, r.cgroup, r.length)


@part
def _count_store(st: Header, tier: int, cgroup: int, length: int) -> None:
    t = st.tiers[tier]
    t.stores += 1
    t.written_bytes += length
    if t.kind == ZSWAP:
        cgroups(st)[cgroup].zswpout += 1
    else:
        cgroups(st)[cgroup].pswpout += 1


@part
def withdraw_entry(st: Header, row: int) -> None:
    """The bytes of a reserved entry could not be written: as if it had never been."""
    r = records(st)[row]
    leave(st, r.tier, r.cgroup, r.length)
    cgroups(st)[r.cgroup].own_entries -= 1
    if is_log(st.tiers[r.tier]):
        written(st, st.tiers[r.tier], r.slot)
    slot_release(st, r.tier, r.slot, r.length)
    row_free(st, row)


@part
def withdraw_zero(st: Header, row: int) -> None:
    """A zero-filled page of a call that failed: as if it had never been."""
    r = records(st)[row]
    charge_zero(st, r.cgroup, -1)
    cgroups(st)[r.cgroup].own_entries -= 1
    st.zero_stores -= 1
    row_free(st, row)


@part
def unlist(st: Header, row: int) -> None:
    """The record's element in its cold list, if it has one, is dead from now on."""
    r = records(st)[row]
    if r.stamp > 0 and not r.marks & PLANNED:
        own_ring(st, r).live -= 1
    r.marks &= ~PLANNED


@part
def set_aside(st: Header, row: int) -> None:
    """The entry's bytes could not be read to be moved: it stays, and no edge takes it, until somebody tries again."""
    _relist(st, row, records(st)[row].marks | UNREADABLE)


@part
def try_again(st: Header, row: int) -> None:
    """The entry may be moved again, the youngest of its cold list until `lru` sorts it in."""
    _relist(st, row, records(st)[row].marks & ~UNREADABLE)


@part
def _relist(st: Header, row: int, marks: int) -> None:
    r = records(st)[row]
    stamp = next_stamp(st)  # first: it may restamp every live element, this one too
    unlist(st, row)
    r.stamp = stamp
    r.marks = marks
    ring_push(st, own_ring(st, r), row)


@part
def begin_take(st: Header, row: int) -> None:
    """Somebody takes the entry: nobody else may, and every mover of it loses."""
    r = records(st)[row]
    stamp = next_stamp(st)  # first: it may restamp every live element, this one too
    if r.backing == STORED:
        unlist(st, row)
    r.stamp = stamp
    r.marks |= BUSY


@part
def restore_taken(st: Header, row: int) -> None:
    """The load failed: the entry is where it was, at the old end of its cold list; `lru` sorts it in again."""
    r = records(st)[row]
    r.marks &= ~BUSY
    if r.backing == STORED:
        r.marks |= CHOSEN  # it may have stood anywhere
        ring_push_front(st, own_ring(st, r), row)


@part
def finish_take(st: Header, row: int, loaded: bool) -> None:
    """The entry is gone: loaded into memory (a swap-in; exclusive, as zswap_load()) or discarded."""
    r = records(st)[row]
    c = cgroups(st)[r.cgroup]
    c.own_entries -= 1
    if r.backing == ZERO:
        charge_zero(st, r.cgroup, -1)
        st.zero_loads += 1 if loaded else 0
    else:
        if loaded:
            count_load(st, r)
        leave(st, r.tier, r.cgroup, r.length)
        slot_release(st, r.tier, r.slot, r.length)
    row_free(st, row)


@part
def count_load(st: Header, r: Any) -> None:
    t = st.tiers[r.tier]
    t.loads += 1
    t.read_bytes += r.length
    cell_of(st, r.cgroup, r.tier).loads += 1
    if t.kind == ZSWAP:
        cgroups(st)[r.cgroup].zswpin += 1
    else:
        cgroups(st)[r.cgroup].pswpin += 1


@part
def touch_entry(st: Header, row: int, now: int) -> None:
    """A `peek`: the page was used now; it goes to the young end of its cold list and is referenced."""
    r = records(st)[row]
    r.last_use = now
    if r.backing != STORED:
        return
    r.marks |= REFERENCED
    if r.marks & PLANNED:
        return
    stamp = next_stamp(st)  # first, as in begin_take
    unlist(st, row)
    r.stamp = stamp
    ring_push(st, own_ring(st, r), row)


@part
def rotate(st: Header, ring: Any, row: int) -> None:
    """The second chance: clear the reference and go to the young end, as shrink_memcg_cb()'s LRU_ROTATE."""
    r = records(st)[row]
    r.marks &= ~REFERENCED
    ring_pop(st, ring)
    r.stamp = next_stamp(st)
    ring_push(st, ring, row)
