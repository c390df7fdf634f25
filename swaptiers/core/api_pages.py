"""What Python calls: pages are stored, taken, peeked at and discarded. Each kernel takes the header by its address."""

from __future__ import annotations

from typing import Any

from swaptiers.core.bulk import is_zero
from swaptiers.core.charges import refusal
from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import ACCEPTED, BUSY, DONE, KEPT, NONE, PLACED, PLACED_ZERO, REFUSED, STORED, WAITING
from swaptiers.core.entries import (
    GENERATION_BITS,
    ROW_BITS,
    begin_take,
    count_load,
    entry_id,
    finish_take,
    publish_entry,
    restore_taken,
    row_of,
    touch_entry,
    withdraw_entry,
    withdraw_zero,
)
from swaptiers.core.kept import drop_kept, keep_taken, may_keep, store_clean
from swaptiers.core.layout import Header
from swaptiers.core.rings import is_of_epoch, placement_of
from swaptiers.core.slots import settle
from swaptiers.core.state import State, cgroups, checksums, header_at, pending_pages, records
from swaptiers.core.store import ask, place, put


@kernel
def ask_places(at: State, pending: Any, n: int, cgroup: int, uses: Any, zero: Any) -> None:
    """Make the first `n` of `pending` ask for places."""
    for i in range(n):
        ask(pending[i], -1, cgroup, uses[i], zero[i])
        pending[i].owner = i


@kernel
def give_lengths(pending: Any, n: int, codec: int, lengths: Any) -> None:
    """What the first `n` of `pending` become with the codec."""
    for i in range(n):
        pending[i].lengths[codec] = lengths[i]


@kernel
def place_pages(at: State, pending: Any, published: int, start: int, n: int) -> int:
    """Place pending[start:n] in order. n if all are decided; else -(1 + index) * 4 - status of the first that is not.

    `st.batch_tiers` and `st.batch_others` then describe those that are decided and not `published`.
    """
    st = header_at(at)
    unpublished = 0
    for i in range(start, n):
        p = pending[i]
        p.behind = 1 if unpublished or st.flying > 0 else 0
        status = place(st, p) if p.state == WAITING else DONE
        if status != DONE:
            _describe_batch(st, pending, published, i)
            return -(1 + i) * 4 - status
        if p.state == PLACED:
            unpublished = 1
    _describe_batch(st, pending, published, n)
    return n


@part
def _describe_batch(st: Header, pending: Any, start: int, end: int) -> None:
    st.batch_tiers = 0
    st.batch_others = 0
    for i in range(start, end):
        if pending[i].state == PLACED:
            st.batch_tiers |= 1 << pending[i].tier
        else:
            st.batch_others += 1


@kernel
def publish_pages(at: State, pending: Any, start: int, n: int, ids: Any) -> None:
    """The bytes of pending[start:n] are written: publish those that have a place, and give their ids."""
    st = header_at(at)
    for i in range(start, n):
        p = pending[i]
        if p.state == PLACED:
            checksums(st)[p.row] = p.checksum
            publish_entry(st, p.row)
            ids[i] = entry_id(st, p.row)
        elif p.state == PLACED_ZERO:
            ids[i] = entry_id(st, p.row)


@kernel
def withdraw_pages(at: State, pending: Any, n: int, ids: Any) -> None:
    """The call is off: free what is reserved for those of pending[:n] that are not published. A second time does nothing."""
    st = header_at(at)
    for i in range(n):
        if ids[i] != 0:
            continue
        if pending[i].state == PLACED:
            withdraw_entry(st, pending[i].row)
        elif pending[i].state == PLACED_ZERO:
            withdraw_zero(st, pending[i].row)
        pending[i].state = REFUSED
    settle(st)


@kernel
def store_page(at: State, cgroup: int, last_use: int, tier: int, length: int, checksum: int) -> int:
    """One page whose length in the compressed tier `tier` is known: its entry id if it is in there now, in `st.one_slot`,
    and published; 0 if it needs more than that, and nothing was done."""
    st = header_at(at)
    stored = min(length, st.page_size)
    if not cgroups(st)[cgroup].alive or refusal(st, tier, cgroup, stored, NONE) != ACCEPTED:
        return 0
    p = pending_pages(st)[0]
    ask(p, -1, cgroup, last_use, False)
    if not put(st, tier, stored, p):
        return 0
    checksums(st)[p.row] = checksum
    publish_entry(st, p.row)
    st.one_slot = p.slot
    st.one_entry = entry_id(st, p.row)
    return int(st.one_entry)


@kernel
def begin_takes(at: State, ids: Any, takes: Any) -> int:
    """Take entries for the caller alone, all or none: the index of the first id that can't be taken, or -1."""
    st = header_at(at)
    bad = _mark_busy(st, ids, takes)
    if bad >= 0:
        return bad
    for i in range(len(ids)):
        begin_take(st, takes[i].row)
        _describe(st, takes[i].row, takes[i])
    _describe_takes(st, takes, len(ids))
    return -1


@part
def _mark_busy(st: Header, ids: Any, takes: Any) -> int:
    """Find the rows and mark them, all or none, so that a refused call leaves every cold list as it was."""
    for i in range(len(ids)):
        row = row_of(st, ids[i])
        takes[i].row = row
        if row < 0:
            for k in range(i):
                records(st)[takes[k].row].marks &= ~BUSY
            return i
        records(st)[row].marks |= BUSY
    return -1


@part
def _describe(st: Header, row: int, take: Any) -> None:
    r = records(st)[row]
    take.row = row
    take.placement = placement_of(st, r)
    take.generation = r.generation
    take.tier = r.tier
    take.slot = r.slot
    take.length = r.length
    take.checksum = checksums(st)[row]
    take.marks = r.marks


@part
def _describe_takes(st: Header, takes: Any, n: int) -> None:
    st.batch_tiers = 0
    st.batch_others = 0
    for i in range(n):
        if takes[i].tier >= 0:
            st.batch_tiers |= 1 << takes[i].tier
        else:
            st.batch_others += 1


@part
def _row_seen(st: Header, entry: int, placement: int, tier: int, slot: int) -> int:
    """The entry's row if it is still there where it was seen; negative if it is not, or somebody is taking it."""
    row = row_of(st, entry)
    if row < 0:
        return row
    r = records(st)[row]
    return row if placement_of(st, r) == placement and r.tier == tier and r.slot == slot else NONE


@kernel
def take_seen(at: State, entry: int, placement: int, tier: int, slot: int) -> bool:
    """The entry was seen there and its page has been read. If it still is there, it is gone now, and its slot is free."""
    st = header_at(at)
    row = _row_seen(st, entry, placement, tier, slot)
    if row < 0:
        return False
    begin_take(st, row)
    finish_take(st, row, True)
    settle(st)
    return True


@kernel
def drop_page(at: State, entry: int) -> int:
    """Let one entry go unread; its row, or why not. `st.one_tier` and `st.one_slot` say what is free now."""
    st = header_at(at)
    row = row_of(st, entry)
    if row >= 0:
        st.one_tier = records(st)[row].tier
        st.one_slot = records(st)[row].slot
        begin_take(st, row)
        finish_take(st, row, False)
        settle(st)
    return int(row)


@kernel
def peek_seen(at: State, entry: int, placement: int, tier: int, slot: int, now: int) -> bool:
    """The entry was seen there and its page has been read. If it still is there, count the read and touch it."""
    st = header_at(at)
    row = _row_seen(st, entry, placement, tier, slot)
    if row < 0:
        return False
    r = records(st)[row]
    if r.backing == STORED:
        count_load(st, r)
    else:
        st.zero_loads += 1
    touch_entry(st, row, now)
    return True


@kernel
def finish_clean(at: State, takes: Any, n: int) -> None:
    """The taken entries have been loaded: those keep their slots that may."""
    st = header_at(at)
    for i in range(n):
        row = takes[i].row
        if may_keep(st, records(st)[row]):
            keep_taken(st, row)
            takes[i].tier = -1
        else:
            finish_take(st, row, True)
    settle(st)


@part
def _kept_row(st: Header, entry: int) -> int:
    """The row of an entry whose slot is kept; -1 if it is not, any more."""
    row = entry & ((1 << ROW_BITS) - 1)
    generation = (entry >> ROW_BITS) & ((1 << GENERATION_BITS) - 1)
    if (entry >> (ROW_BITS + GENERATION_BITS)) != st.id_tag or row >= st.row_top:
        return -1
    r = records(st)[row]
    return int(row) if r.generation == generation and r.backing == KEPT else -1


@kernel
def find_kept(at: State, ids: Any, sums: Any, kept: Any) -> None:
    """Which of the ids have a slot that is kept, and its payload's checksum."""
    st = header_at(at)
    for i in range(len(ids)):
        row = _kept_row(st, ids[i])
        kept[i] = row >= 0
        sums[i] = checksums(st)[row] if row >= 0 else 0


@kernel
def store_kept(at: State, ids: Any, uses: Any, clean: Any, stored: Any) -> None:
    """Where `clean`: the page goes back to its kept slot, if it still has one, and its id into `stored`. Elsewhere the
    slot is free now."""
    st = header_at(at)
    for i in range(len(ids)):
        row = _kept_row(st, ids[i])
        if row >= 0 and clean[i]:
            store_clean(st, row, uses[i])
            stored[i] = ids[i]
        elif row >= 0:
            drop_kept(st, row)
    settle(st)


@kernel
def finish_takes(at: State, takes: Any, n: int, loaded: bool) -> None:
    st = header_at(at)
    for i in range(n):
        finish_take(st, takes[i].row, loaded)
    settle(st)


@part
def _is_taken(st: Header, take: Any) -> bool:
    """True if the entry is still the taker's alone; after a restamp only the generation can tell."""
    r = records(st)[take.row]
    if take.placement == 0 or not r.marks & BUSY:
        return False
    if is_of_epoch(st, take.placement):
        return bool(placement_of(st, r) == take.placement)
    return bool(r.generation == take.generation)


@kernel
def restore_takes(at: State, takes: Any, n: int) -> None:
    """The loads failed: backwards, so that the oldest ends up oldest again. Takes that are over, or never were, are not
    touched."""
    st = header_at(at)
    for i in range(n - 1, -1, -1):
        if _is_taken(st, takes[i]):
            restore_taken(st, takes[i].row)


@kernel
def begin_peeks(at: State, ids: Any, takes: Any) -> int:
    """Where the entries are now; the index of the first id that names none, or -1."""
    st = header_at(at)
    for i in range(len(ids)):
        row = row_of(st, ids[i])
        if row < 0:
            takes[i].row = row
            return i
        _describe(st, row, takes[i])
    _describe_takes(st, takes, len(ids))
    return -1


@part
def is_unmoved(st: Header, take: Any) -> bool:
    r = records(st)[take.row]
    return bool(
        placement_of(st, r) == take.placement and r.tier == take.tier and r.slot == take.slot and not r.marks & BUSY
    )


@kernel
def are_unmoved(at: State, takes: Any) -> bool:
    """True if every entry is still where `begin_peeks` found it."""
    for i in range(len(takes)):
        if not is_unmoved(header_at(at), takes[i]):
            return False
    return True


@kernel
def finish_peeks(at: State, takes: Any, n: int, now: int, unmoved: Any) -> None:
    """For each entry still where it was found, which is said in `unmoved`: count the read and touch it."""
    st = header_at(at)
    for i in range(n):
        unmoved[i] = is_unmoved(st, takes[i])
    for i in range(n):
        if not unmoved[i]:
            continue
        r = records(st)[takes[i].row]
        if r.backing == STORED:
            count_load(st, r)
        else:
            st.zero_loads += 1
        touch_entry(st, takes[i].row, now)


@kernel
def zero_rows(words: Any, out: Any) -> None:
    """out[i] = True where row i of `words` (pages seen as int64) holds nothing but zeros."""
    for i in range(len(words)):
        out[i] = is_zero(words[i])
