"""Who pays for what: tiers, cgroups and all their ancestors, and every reason to say no.

Each account is kept where it is asked for: per tier, per cgroup and tier ("cell"), per cgroup with its descendants. A
limit is looked up at every ancestor, as page_counter_try_charge() does.
"""

from __future__ import annotations

from swaptiers.core.compile import part
from swaptiers.core.constants import (
    ACCEPTED,
    DISABLED,
    FORBIDDEN,
    FULL,
    HYSTERESIS,
    INCOMPRESSIBLE,
    NO_LIMIT,
    NONE,
    POOL_LIMIT,
    SPARSE,
    SWAP_MAX,
    TIERS_MAX,
    UNKNOWN_LENGTH,
    WRITEBACK_OFF,
    ZSWAP,
    ZSWAP_MAX,
)
from swaptiers.core.layout import Header
from swaptiers.core.segments import has_room
from swaptiers.core.state import cell_of, cgroups
from swaptiers.core.zsmalloc import pool_add, pool_remove

ROOT = 0


@part
def used_bytes(st: Header, tier: int) -> int:
    """What a tier's capacity is measured in: pool bytes of a zswap tier, payloads of a log, page_size per slot elsewhere."""
    t = st.tiers[tier]
    if t.kind == ZSWAP:
        return int(t.pool_bytes)
    return int(t.stored_bytes) if t.segment_bytes > 0 else int((t.entries + t.kept) * st.page_size)


@part
def enter(st: Header, tier: int, cgroup: int, length: int) -> None:
    """Account an entry of `length` stored bytes in `tier`, for `cgroup` and all its ancestors."""
    t = st.tiers[tier]
    t.entries += 1
    t.stored_bytes += length
    if t.kind == ZSWAP:
        pool_add(st, tier, length)
    elif t.segment_bytes == 0:
        t.pool_bytes += st.page_size
        t.peak_pool_bytes = max(t.peak_pool_bytes, t.pool_bytes)
    cell = cell_of(st, cgroup, tier)
    cell.entries += 1
    cell.stored_bytes += length
    cell.whole_pages += 1 if length >= st.page_size else 0
    charge_path(st, tier, cgroup, length, 1)
    if used_bytes(st, tier) >= t.watch_bytes:
        st.kick = 1


@part
def leave(st: Header, tier: int, cgroup: int, length: int) -> None:
    """Take back what `enter` accounted."""
    t = st.tiers[tier]
    t.entries -= 1
    t.stored_bytes -= length
    if t.kind == ZSWAP:
        pool_remove(st, tier, length)
    elif t.segment_bytes == 0:
        t.pool_bytes -= st.page_size
    cell = cell_of(st, cgroup, tier)
    cell.entries -= 1
    cell.stored_bytes -= length
    cell.whole_pages -= 1 if length >= st.page_size else 0
    charge_path(st, tier, cgroup, -length, -1)


@part
def charge_path(st: Header, tier: int, cgroup: int, length: int, pages: int) -> None:
    """Charge `length` stored bytes and `pages` slots of the tier to the cgroup and all its ancestors."""
    table = cgroups(st)
    in_zswap = st.tiers[tier].kind == ZSWAP
    swap_pages = pages if not in_zswap or st.legacy_swap_charge else 0
    zswap_bytes = length if in_zswap else 0
    c = cgroup
    while c >= 0:
        table[c].zswap_bytes += zswap_bytes
        table[c].swap_pages += swap_pages
        cell_of(st, c, tier).tree_bytes += length
        c = table[c].parent


@part
def charge_zero(st: Header, cgroup: int, entries: int) -> None:
    """Account zero-filled pages: they take no tier space; today's kernel charges their slot to memory.swap all the same."""
    table = cgroups(st)
    st.zero_entries += entries
    table[cgroup].own_zero += entries
    if st.legacy_swap_charge:
        c = cgroup
        while c >= 0:
            table[c].swap_pages += entries
            c = table[c].parent


@part
def memory_bytes(st: Header, cgroup: int) -> int:
    """memory.current of the subtree: resident pages, and zswap's stored bytes where they are charged."""
    c = cgroups(st)[cgroup]
    return int(c.resident_pages * st.page_size + (c.zswap_bytes if st.charge_zswap else 0))


@part
def over_swap_max(st: Header, cgroup: int) -> int:
    """The nearest ancestor whose memory.swap.max has no room for one more page; NONE if all have."""
    table = cgroups(st)
    c = cgroup
    while c >= 0:
        limit = table[c].swap_max
        if limit != NO_LIMIT and (table[c].swap_pages + 1) * st.page_size > limit:
            return int(c)
        c = table[c].parent
    return NONE


@part
def over_zswap_max(st: Header, cgroup: int) -> int:
    """The nearest ancestor at its memory.zswap.max, as obj_cgroup_may_zswap() looks; NONE if none is."""
    table = cgroups(st)
    c = cgroup
    while c >= 0:
        limit = table[c].zswap_max
        if limit != NO_LIMIT and table[c].zswap_bytes >= limit:
            return int(c)
        c = table[c].parent
    return NONE


@part
def over_tiers_max(st: Header, tier: int, cgroup: int, length: int) -> int:
    """The nearest ancestor whose numeric memory.swap.tiers.max has no room for `length` more bytes; NONE if all have."""
    table = cgroups(st)
    c = cgroup
    while c >= 0:
        cell = cell_of(st, c, tier)
        if cell.limit_bytes != NO_LIMIT and cell.tree_bytes + length > cell.limit_bytes:
            return int(c)
        c = table[c].parent
    return NONE


@part
def is_forbidden(st: Header, tier: int, cgroup: int) -> bool:
    """True if this cgroup's pages may not be in this tier at all: its mask, or writeback switched off, or zswap.max 0."""
    table = cgroups(st)
    if (table[cgroup].allowed >> tier) & 1 == 0:
        return True
    if st.tiers[tier].kind != ZSWAP:
        return bool(table[cgroup].writeback == 0)
    c = cgroup
    while c >= 0:
        if table[c].zswap_max == 0:
            return True
        c = table[c].parent
    return False


@part
def why_barred(st: Header, tier: int) -> int:
    """Why nothing at all comes into the tier now; ACCEPTED if something may."""
    if st.tiers[tier].barred:
        return int(st.tiers[tier].barred)
    return DISABLED if st.tiers[tier].disabled else ACCEPTED


@part
def refusal(st: Header, tier: int, cgroup: int, length: int, held: int) -> int:
    """Why `tier` would not take one more payload of `length` bytes from `cgroup` now; ACCEPTED if it would.

    `held`: the tier that an entry comes from, whose charges a move does not raise; NONE for a store. `length` UNKNOWN
    (negative): UNKNOWN_LENGTH is answered when only the length could still say no. `st.refusal_scope` is the cgroup in
    whose subtree room has to be made. As zswap_store() and get_swap_pages() decide.
    """
    st.refusal_scope = ROOT
    barred = why_barred(st, tier)
    if barred != ACCEPTED:
        return barred
    if is_forbidden(st, tier, cgroup):
        if cgroups(st)[cgroup].writeback == 0 and st.tiers[tier].kind != ZSWAP:
            return WRITEBACK_OFF
        return FORBIDDEN
    if st.tiers[tier].kind == ZSWAP:
        return _zswap_refusal(st, tier, cgroup, length, held)
    if st.tiers[tier].segment_bytes > 0:
        return _log_refusal(st, tier, cgroup, length, held)
    return _slot_refusal(st, tier, cgroup, held)


@part
def _zswap_refusal(st: Header, tier: int, cgroup: int, length: int, held: int) -> int:
    t = st.tiers[tier]
    over = over_zswap_max(st, cgroup) if held < 0 or st.tiers[held].kind != ZSWAP else NONE
    if over >= 0:
        st.refusal_scope = over
        return ZSWAP_MAX
    if st.legacy_swap_charge and held < 0 and over_swap_max(st, cgroup) >= 0:
        return SWAP_MAX
    if t.pool_bytes >= t.capacity_bytes:
        return POOL_LIMIT
    if t.latched:
        if t.pool_bytes > t.accept_bytes:
            return HYSTERESIS
        t.latched = 0
    if length < 0:
        return UNKNOWN_LENGTH
    if length >= st.page_size and (t.raw_refused or cgroups(st)[cgroup].writeback == 0):
        return INCOMPRESSIBLE
    over = over_tiers_max(st, tier, cgroup, min(length, st.page_size))
    if over >= 0:
        st.refusal_scope = over
        return TIERS_MAX
    return ACCEPTED


@part
def _slot_refusal(st: Header, tier: int, cgroup: int, held: int) -> int:
    t = st.tiers[tier]
    is_charged = held >= 0 and (st.legacy_swap_charge or st.tiers[held].kind != ZSWAP)
    if not is_charged and over_swap_max(st, cgroup) >= 0:
        return SWAP_MAX
    over = over_tiers_max(st, tier, cgroup, st.page_size)
    if over >= 0:
        st.refusal_scope = over
        return TIERS_MAX
    if (t.entries + t.kept + 1) * st.page_size > t.capacity_bytes:
        return FULL
    return ACCEPTED


@part
def _log_refusal(st: Header, tier: int, cgroup: int, length: int, held: int) -> int:
    t = st.tiers[tier]
    is_charged = held >= 0 and (st.legacy_swap_charge or st.tiers[held].kind != ZSWAP)
    if not is_charged and over_swap_max(st, cgroup) >= 0:
        return SWAP_MAX
    if length < 0:
        return UNKNOWN_LENGTH
    over = over_tiers_max(st, tier, cgroup, length)
    if over >= 0:
        st.refusal_scope = over
        return TIERS_MAX
    if t.stored_bytes + length > t.capacity_bytes:
        return FULL
    return ACCEPTED if has_room(st, t) else SPARSE
