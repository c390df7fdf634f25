"""The swap cache, as far as it concerns tiers: a page that was read back and not written keeps its slot.

Evicting it again unmodified writes nothing. As in the kernel (mm/swap_state.c, folio_free_swap()), slots are given up by
whom they are in the way: none is kept while the tier, or a limit on it, is used beyond a mark, and the longest kept go
when a store or a move would be refused.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import charge_path, over_swap_max, used_bytes
from swaptiers.core.compile import part
from swaptiers.core.constants import BUSY, CHUNK, FULL, KEPT, NO_LIMIT, REFERENCED, STORED, SWAP_MAX, TIERS_MAX
from swaptiers.core.entries import count_load, row_free
from swaptiers.core.layout import Header
from swaptiers.core.rings import next_stamp, own_ring, ring_head, ring_push
from swaptiers.core.slots import settle, slot_release
from swaptiers.core.state import cell_of, cgroups, chunks, records, rings


@part
def may_keep(st: Header, r: Any) -> bool:
    """True if the loaded entry's slot may stay: neither its tier nor a limit on its cgroup is used beyond the mark."""
    t = st.tiers[r.tier]
    if r.backing != STORED or not t.keeps_clean or t.barred or used_bytes(st, r.tier) > t.keep_bytes:
        return False
    table = cgroups(st)
    c = r.cgroup
    while c >= 0:
        limit = table[c].swap_max
        if limit != NO_LIMIT and table[c].swap_pages * st.page_size * t.capacity_bytes > limit * t.keep_bytes:
            return False  # mem_cgroup_swap_full(), with the tier's mark
        c = table[c].parent
    return True


@part
def keep_taken(st: Header, row: int) -> None:
    """The taken entry has been loaded and keeps its slot: no entry of any list, still charged to whom it was."""
    r = records(st)[row]
    t = st.tiers[r.tier]
    count_load(st, r)
    cgroups(st)[r.cgroup].own_entries -= 1
    _count(st, r, -1)
    r.backing = KEPT
    r.marks &= ~BUSY
    r.stamp = next_stamp(st)
    ring_push(st, rings(st)[t.kept_ring - 1], row)


@part
def _count(st: Header, r: Any, entries: int) -> None:
    """Among the entries of its tier and cgroup, or (with -1) among the kept slots of the tier."""
    t = st.tiers[r.tier]
    cell = cell_of(st, r.cgroup, r.tier)
    t.kept -= entries
    t.entries += entries
    t.stored_bytes += entries * r.length
    cell.entries += entries
    cell.stored_bytes += entries * r.length
    cell.whole_pages += entries  # only whole pages are kept


@part
def _take_off(st: Header, r: Any) -> None:
    """Its element in the ring of the kept is dead from now on."""
    rings(st)[st.tiers[r.tier].kept_ring - 1].live -= 1


@part
def store_clean(st: Header, row: int, last_use: int) -> None:
    """The page is evicted as it was read: its entry is back, and nothing is written."""
    r = records(st)[row]
    t = st.tiers[r.tier]
    stamp = next_stamp(st)  # first: it may restamp every live element, this one too
    _take_off(st, r)
    _count(st, r, 1)
    cgroups(st)[r.cgroup].own_entries += 1
    r.backing = STORED
    r.last_use = last_use
    r.marks |= REFERENCED
    r.way = 0
    r.stamp = stamp
    ring_push(st, own_ring(st, r), row)
    t.stores += 1
    t.clean_stores += 1


@part
def drop_kept(st: Header, row: int) -> None:
    """The page was written, or the slot is wanted: it is free."""
    r = records(st)[row]
    st.tiers[r.tier].kept -= 1
    _take_off(st, r)
    charge_path(st, r.tier, r.cgroup, -r.length, -1)
    st.tiers[r.tier].pool_bytes -= st.page_size
    slot_release(st, r.tier, r.slot, r.length)
    row_free(st, row)


@part
def give_way(st: Header, tier: int, scope: int) -> bool:
    """Give up the slot of `tier` that is kept for longest in the subtree of `scope`. False if there is none."""
    t = st.tiers[tier]
    if t.kept == 0:
        return False
    ring = rings(st)[t.kept_ring - 1]
    table = cgroups(st)
    row = ring_head(st, ring)
    if scope == 0:
        drop_kept(st, row)
        return True
    chunk, at = ring.head_chunk, ring.head_at
    for _ in range(ring.total):
        if at == CHUNK:
            chunk, at = chunks(st)[chunk].next, 0
        row = chunks(st)[chunk].rows[at]
        r = records(st)[row]
        place = table[r.cgroup].place
        if r.stamp == chunks(st)[chunk].stamps[at] and table[scope].place <= place < table[scope].place_end:
            drop_kept(st, row)
            return True
        at += 1
    return False


@part
def give_way_to(st: Header, tier: int, cgroup: int, reason: int) -> bool:
    """Give up a kept slot that stands behind a refusal: of the tier where that is full, of the limited subtree else."""
    gave = False
    if reason == SWAP_MAX:
        scope = over_swap_max(st, cgroup)
        for each in range(st.tiers_n):
            gave = gave or (scope >= 0 and give_way(st, each, scope))
    elif reason == FULL or reason == TIERS_MAX:
        gave = give_way(st, tier, st.refusal_scope)
    if gave and not st.is_logged:
        settle(st)
    return gave
