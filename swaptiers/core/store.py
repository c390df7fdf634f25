"""Where a page goes: the order of tiers, room made for it, spilling, and the page that nobody takes.

Mirrors swap_writeout() and zswap_store(): zero check first, then zswap with its limits and its latch, then the devices by
priority. One call decides one page as far as it can and says what it needs to go on.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.charges import over_swap_max, refusal
from swaptiers.core.compile import part
from swaptiers.core.constants import (
    ACCEPTED,
    DISABLED,
    DONE,
    DRAINING,
    FORBIDDEN,
    FULL,
    HYSTERESIS,
    INCOMPRESSIBLE,
    NEED_LENGTHS,
    NEED_ROOM,
    NONE,
    PLACED,
    PLACED_ZERO,
    POOL_LIMIT,
    QUARANTINED,
    REFUSE,
    REFUSED,
    SPARSE,
    SPILL,
    SWAP_MAX,
    UNKNOWN_LENGTH,
    WAITING,
    WRITEBACK_OFF,
    ZSWAP_MAX,
)
from swaptiers.core.entries import place_zero, reserve_entry, row_alloc, row_return
from swaptiers.core.kept import give_way_to
from swaptiers.core.layout import Header
from swaptiers.core.plan import MAX_FRUITLESS, plan_room
from swaptiers.core.rings import ring_head
from swaptiers.core.segments import append, is_log
from swaptiers.core.slots import slot_alloc
from swaptiers.core.state import cell_of, cgroups, records, rings


@part
def ask(pending: Any, owner: int, cgroup: int, last_use: int, zero: bool) -> None:
    """Make `pending` ask for a place for a page; its compressed lengths are not known yet."""
    pending.owner = owner
    pending.cgroup = cgroup
    pending.last_use = last_use
    pending.zero = 1 if zero else 0
    pending.checksum = 0
    pending.state = WAITING
    pending.row = -1
    pending.tier = -1
    pending.reason = ACCEPTED
    pending.rank = 0
    pending.first_rank = -1
    pending.fruitless = 0
    pending.limit_shrunk = 0
    pending.behind = 0
    for i in range(len(pending.lengths)):
        pending.lengths[i] = -1


@part
def place(st: Header, pending: Any) -> int:
    """Decide where the page goes. DONE: `pending.state` says. NEED_ROOM: a plan has to be moved first, then call again.
    NEED_LENGTHS: `pending.lengths[st.need_codec]` has to be filled in first."""
    while not cgroups(st)[pending.cgroup].alive:  # removed since the page asked: its parent takes the page too
        pending.cgroup = cgroups(st)[pending.cgroup].parent
    if pending.zero:
        return _place_zero(st, pending)
    while pending.rank < st.tiers_n:
        tier = st.by_rank[pending.rank]
        length = _length_in(st, tier, pending)
        reason = refusal(st, tier, pending.cgroup, length, NONE)
        if reason == UNKNOWN_LENGTH:
            st.need_codec = st.tiers[tier].codec
            return NEED_LENGTHS
        if give_way_to(st, tier, pending.cgroup, reason):
            continue
        if reason == ACCEPTED:
            if put(st, tier, length, pending):
                return DONE
            reason = FULL
        if _make_room(st, tier, reason, pending):
            return NEED_ROOM
        if not _goes_on(st, tier, reason, pending):
            break
        pending.rank += 1
        pending.fruitless = 0
        pending.limit_shrunk = 0
    _refuse(st, pending)
    return DONE


@part
def _place_zero(st: Header, pending: Any) -> int:
    if st.legacy_swap_charge and over_swap_max(st, pending.cgroup) >= 0:
        pending.reason = SWAP_MAX
        _refuse(st, pending)
        return DONE
    pending.row = place_zero(st, pending.cgroup, pending.last_use, pending.owner)
    pending.state = PLACED_ZERO
    return DONE


@part
def _length_in(st: Header, tier: int, pending: Any) -> int:
    """Stored bytes of the page in this tier; negative = not known yet. What does not get smaller is kept raw."""
    codec = st.tiers[tier].codec
    if codec < 0:
        return int(st.page_size)
    return int(min(pending.lengths[codec], st.page_size))


@part
def put(st: Header, tier: int, length: int, pending: Any) -> bool:
    """Give the page a slot and a record; False if the tier has no slot left."""
    row = row_alloc(st)
    t = st.tiers[tier]
    slot = append(st, t, length, row) if is_log(t) else slot_alloc(st, tier)
    if slot < 0:
        row_return(st, row)
        return False
    reserve_entry(st, row, tier, slot, pending.cgroup, pending.last_use, length, pending.owner)
    pending.row = row
    pending.state = PLACED
    pending.tier = tier
    pending.slot = slot
    pending.length = length
    if pending.first_rank >= 0 and pending.first_rank < pending.rank:
        _count_bypass(st, pending)
    return True


@part
def _count_bypass(st: Header, pending: Any) -> None:
    """A page went below the first tier that it was allowed in, while that one held an older entry of its cgroup."""
    first = st.by_rank[pending.first_rank]
    index = cell_of(st, pending.cgroup, first).first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        row = ring_head(st, ring)
        if row >= 0 and records(st)[row].last_use < pending.last_use:
            cgroups(st)[pending.cgroup].bypass += 1
            return
        index = ring.next


@part
def _make_room(st: Header, tier: int, reason: int, pending: Any) -> bool:
    """True if a plan was made that may free room, or the next call may find one."""
    if reason in (FORBIDDEN, WRITEBACK_OFF, DRAINING, QUARANTINED, DISABLED, INCOMPRESSIBLE):
        return False
    if st.tiers[tier].on_full == REFUSE and reason != SPARSE:
        return False
    while pending.fruitless < MAX_FRUITLESS:
        n = plan_room(st, tier, reason, pending.limit_shrunk == 0)
        if reason == ZSWAP_MAX:
            pending.limit_shrunk = 1
        if n > 0:
            return True
        if st.plan_rotated == 0:
            break
        pending.fruitless += 1
        pending.limit_shrunk = 0
    if (
        pending.behind and pending.fruitless < MAX_FRUITLESS
    ):  # the caller publishes, or waits for others, and asks again
        pending.behind = 0
        pending.limit_shrunk = 0
        return True
    return False


@part
def _goes_on(st: Header, tier: int, reason: int, pending: Any) -> bool:
    """Count the refusal; True if the page may ask the next tier."""
    t = st.tiers[tier]
    if reason in (FORBIDDEN, WRITEBACK_OFF, DRAINING, QUARANTINED, DISABLED):
        pending.reason = pending.reason if pending.reason != ACCEPTED else reason
        return True
    t.refused[reason] += 1
    pending.reason = reason
    if pending.first_rank < 0:
        pending.first_rank = pending.rank
    if reason == POOL_LIMIT:
        t.pool_limit_hit += 1
        t.latched = 1
        st.kick = 1
    elif reason == HYSTERESIS:
        st.kick = 1
    elif reason == ZSWAP_MAX:
        cgroups(st)[st.refusal_scope].zswap_max_events += 1
    elif reason == SWAP_MAX:
        cgroups(st)[over_swap_max(st, pending.cgroup)].swap_max_events += 1
    return bool(reason == INCOMPRESSIBLE or t.on_full == SPILL)


@part
def _refuse(st: Header, pending: Any) -> None:
    """Nobody takes it: the page stays where it is."""
    pending.state = REFUSED
    if pending.reason == ACCEPTED:
        pending.reason = FORBIDDEN
    cgroups(st)[pending.cgroup].swap_fail_events += 1
