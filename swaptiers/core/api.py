"""The kernels that Python calls: each takes the header by its address."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.bulk import is_zero
from swaptiers.core.charges import memory_bytes, refusal
from swaptiers.core.cleaning import drop_move, end_plan, finish_move
from swaptiers.core.compile import kernel, part
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
    set_aside,
    touch_entry,
    try_again,
    withdraw_entry,
    withdraw_zero,
)
from swaptiers.core.kept import drop_kept, give_way, keep_taken, may_keep, store_clean
from swaptiers.core.moves import place_moves
from swaptiers.core.plan import plan_evacuation, plan_request, why_not
from swaptiers.core.quotas import end_timed
from swaptiers.core.rings import (
    is_of_epoch,
    key_of,
    list_coldest,
    next_stamp,
    own_ring,
    placement_of,
    ring_of,
    ring_push,
)
from swaptiers.core.segments import OPEN, SEALED, is_log
from swaptiers.core.slots import settle
from swaptiers.core.state import (
    ACCEPTED,
    BUSY,
    COPYING,
    DONE,
    FREE,
    KEPT,
    LANDED,
    NONE,
    PLACED,
    PLACED_ZERO,
    PLANNED,
    REFUSED,
    RETIRED,
    STORED,
    TIME_TAKEN,
    UNREADABLE,
    UNTIMED,
    WAITING,
    WHEN_AGE,
    ZERO,
    ZSWAP,
    Header,
    cell_of,
    cgroups,
    checksums,
    header_at,
    pending_pages,
    plan_entries,
    records,
    segments,
)
from swaptiers.core.store import ask, place, put
from swaptiers.core.workers import plan_background, ready_edge, rest_worker, wake_workers

State = int
"""The address of the header: an array of one record would cost 0.2 us a call."""


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
def rest_background(at: State, edge: int) -> None:
    """The step could not be carried out: the edge's worker waits for its next trigger."""
    st = header_at(at)
    e = st.edges[edge]
    if (e.when & WHEN_AGE) != 0 and e.age_due <= st.now:  # what failed is tried again when it would be looked for again
        e.age_due = st.now + e.age_every
    rest_worker(st, edge)


@kernel
def find_rows(at: State, ids: Any, rows: Any) -> int:
    """The rows of live entries; the index of the first id that names none, or -1."""
    st = header_at(at)
    for i in range(len(ids)):
        rows[i] = row_of(st, ids[i])
        if rows[i] < 0:
            return i
    return -1


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
def plan_for_request(at: State, edge: int, scope: int, policy: int, budget: int, used_before: int, now: int) -> int:
    st = header_at(at)
    st.now = now
    return plan_request(st, edge, scope, policy, budget, used_before)


@kernel
def plan_out(at: State, edge: int, policy: int, now: int) -> int:
    """Plan a batch of an evacuation along one edge; how many entries."""
    header_at(at).now = now
    return plan_evacuation(header_at(at), edge, policy)


@kernel
def bar_tier(at: State, tier: int, reason: int) -> None:
    """From now on nothing new comes in, for the first reason that there was; it gives up the slots that it keeps."""
    st = header_at(at)
    if st.tiers[tier].barred == 0:
        st.tiers[tier].barred = reason
    while give_way(st, tier, 0):
        pass
    settle(st)


@kernel
def readmit_tier(at: State, tier: int) -> None:
    """The tier takes entries again, and the edges into it are asked again."""
    st = header_at(at)
    st.tiers[tier].barred = 0
    st.kick = 1


@kernel
def set_unreadable_aside(at: State, tier: int, entries: Any) -> None:
    """Those of a plan's entries that are still in their source, whose bytes could not be read: no edge takes them."""
    st = header_at(at)
    for i in range(len(entries)):
        p = entries[i]
        r = records(st)[p.row]
        if r.generation != p.generation or r.backing != STORED or r.tier != tier or r.slot != p.slot:
            continue
        if not r.marks & (BUSY | PLANNED | COPYING | UNREADABLE):
            set_aside(st, p.row)


@kernel
def try_unreadable_again(at: State, tier: int) -> None:
    """What could not be read in the tier may be moved again."""
    st = header_at(at)
    for row in range(st.row_top):
        r = records(st)[row]
        if r.backing == STORED and r.tier == tier and r.marks & UNREADABLE and not r.marks & BUSY:
            try_again(st, row)
    t = st.tiers[tier]
    for segment in range(t.segment_top if is_log(t) else 0):
        segments(t)[segment].barren = 0


@kernel
def find_reasons(at: State, edge: int, rows: Any, reasons: Any) -> None:
    """Why each of the rows would not move along the edge now, as `why_not` has it."""
    for i in range(len(rows)):
        reasons[i] = why_not(header_at(at), edge, rows[i])


@kernel
def next_background(at: State, now: int) -> int:
    """Plan the next due background step: the edge whose worker it is, or -1 if none is due."""
    st = header_at(at)
    st.now = now
    if st.kick:
        wake_workers(st)
    if st.wake_at > now:
        return -1
    edge = ready_edge(st)
    if edge >= 0 and plan_background(st, edge) == 0 and st.plan_rotated == 0:
        rest_worker(st, edge)
    return edge


@kernel
def cancel_plan(at: State, edge: int, entries: Any, n: int) -> None:
    """Put a plan's entries back, the last first, so that the coldest ends up coldest. Nothing, if the plan is over."""
    _cancel(header_at(at), edge, entries, n)


@part
def _cancel(st: Header, edge: int, entries: Any, n: int) -> None:
    if n == 0 or entries[0].row == LANDED:
        return
    if entries[0].row != UNTIMED:
        for i in range(n - 1, -1, -1):
            drop_move(st, edge, entries[i])
        end_plan(st, edge)
    end_timed(st, st.edges[edge], 0)
    settle(st)
    entries[0].row = LANDED


@kernel
def cancel_untaken(at: State) -> None:
    """Put back the entries of the latest plan, if nobody has taken it."""
    st = header_at(at)
    if st.plan_taken == 0:
        st.plan_taken = 1
        _cancel(st, st.plan_edge, plan_entries(st), st.plan_n)


@kernel
def take_plan(at: State, entries: Any) -> None:
    """The latest plan's entries, for the caller alone, who lands them."""
    st = header_at(at)
    for i in range(len(entries)):
        entries[i] = plan_entries(st)[i]
    st.plan_taken = 1


@kernel
def spend_time(at: State, edge: int, took_ns: int, entries: Any) -> None:
    """The plan, which is carried out, took so long, which a quota of time counts."""
    end_timed(header_at(at), header_at(at).edges[edge], took_ns)
    entries[0].row = LANDED


@kernel
def list_candidates(at: State, edge: int, cgroup: int, rows: Any) -> int:
    """Fill `rows` with entries of the cgroup that the edge takes, from the old ends of their rings; how many."""
    st = header_at(at)
    return list_coldest(st, st.edges[edge].source, cgroup, cgroups(st)[cgroup].takes[edge], rows)


@kernel
def commit_plan(at: State, edge: int, trigger: int, entries: Any, n: int) -> int:
    """Switch what was copied and is still in its place; undo the rest. `copied` says per entry which. The number moved."""
    st = header_at(at)
    moved = 0
    st.done_freed = 0
    st.done_written = 0
    for i in range(n):
        if entries[i].copied and finish_move(st, edge, trigger, entries[i]):
            moved += 1
            st.done_freed += entries[i].length
            st.done_written += entries[i].to_length
        elif entries[i].copied:
            entries[i].copied = 0
        else:
            entries[i].copied = -1
    for i in range(n - 1, -1, -1):
        if entries[i].copied < 0:
            drop_move(st, edge, entries[i])
            entries[i].copied = 0
    end_plan(st, edge)
    settle(st)
    if n > 0:
        entries[0].row = UNTIMED if st.edges[edge].quota_of == TIME_TAKEN else LANDED
    return moved


@kernel
def place_plan(at: State, edge: int, entries: Any, n: int) -> int:
    """The lengths are known: addresses for what goes into a log. `copied` is 0 where there was no room after all, and this
    is how often."""
    return place_moves(header_at(at), edge, entries, n)


@kernel
def reparent(at: State, cgroup: int) -> None:
    """A cgroup is removed: its entries join its parent's cold lists at the young end, as memcg_reparent_list_lrus()."""
    st = header_at(at)
    table = records(st)
    parent = cgroups(st)[cgroup].parent
    stamps = np.empty(st.row_top, np.int64)
    rows = np.empty(st.row_top, np.int64)
    n = 0
    for row in range(st.row_top):
        r = table[row]
        if r.backing in (FREE, RETIRED) or r.cgroup != cgroup:
            continue
        r.cgroup = parent
        if r.backing == KEPT:
            cgroups(st)[cgroup].swap_pages -= 1
            cell_of(st, cgroup, r.tier).tree_bytes -= r.length
            continue
        cgroups(st)[cgroup].own_entries -= 1
        cgroups(st)[parent].own_entries += 1
        if r.backing == ZERO:
            cgroups(st)[cgroup].own_zero -= 1
            cgroups(st)[parent].own_zero += 1
            cgroups(st)[cgroup].swap_pages -= 1 if st.legacy_swap_charge else 0
            continue
        _move_own_account(st, cgroup, parent, r.tier, r.length)
        if not r.marks & BUSY:
            stamps[n] = r.stamp
            rows[n] = row
            n += 1
    order = np.argsort(stamps[:n], kind="mergesort")
    for i in range(n):
        row = rows[order[i]]
        r = table[row]
        stamp = next_stamp(st)  # first, as in begin_take
        if not r.marks & PLANNED:
            ring_of(st, cgroup, r.tier, key_of(st, r)).live -= 1
        r.marks &= ~PLANNED
        r.stamp = stamp
        ring_push(st, own_ring(st, r), row)


@part
def _move_own_account(st: Header, cgroup: int, parent: int, tier: int, length: int) -> None:
    """The ancestors have paid all along; what was the cgroup's own, and its subtree's, is its parent's own now."""
    in_zswap = st.tiers[tier].kind == ZSWAP
    c = cgroups(st)[cgroup]
    c.zswap_bytes -= length if in_zswap else 0
    c.swap_pages -= 1 if not in_zswap or st.legacy_swap_charge else 0
    cell_of(st, cgroup, tier).tree_bytes -= length
    cell_of(st, cgroup, tier).entries -= 1
    cell_of(st, cgroup, tier).stored_bytes -= length
    cell_of(st, parent, tier).entries += 1
    cell_of(st, parent, tier).stored_bytes += length
    whole = 1 if length >= st.page_size else 0
    cell_of(st, cgroup, tier).whole_pages -= whole
    cell_of(st, parent, tier).whole_pages += whole


@kernel
def memory_current(at: State, cgroup: int) -> int:
    return memory_bytes(header_at(at), cgroup)


@kernel
def audit(at: State, cells: Any, kept: Any, totals: Any) -> None:
    """Recount everything from the records: `cells` (cgroups, MAX_TIERS, 3): own entries, stored bytes, whole pages; `kept`
    (cgroups, MAX_TIERS): kept slots; `totals`: free, retired, zero, stored, kept rows."""
    st = header_at(at)
    table = records(st)
    for row in range(st.row_top):
        r = table[row]
        if r.backing == FREE:
            totals[0] += 1
        elif r.backing == RETIRED:
            totals[1] += 1
        elif r.backing == ZERO:
            totals[2] += 1
        elif r.backing == KEPT:
            totals[4] += 1
            kept[r.cgroup, r.tier] += 1
        else:
            totals[3] += 1
            cells[r.cgroup, r.tier, 0] += 1
            cells[r.cgroup, r.tier, 1] += r.length
            cells[r.cgroup, r.tier, 2] += 1 if r.length >= st.page_size else 0


@kernel
def count_segments(at: State, tier: int, totals: Any) -> None:
    """Recount a log: segments in use, bytes alive in them, addresses that nobody has written to."""
    t = header_at(at).tiers[tier]
    for segment in range(t.segment_top):
        s = segments(t)[segment]
        if s.state == OPEN or s.state == SEALED:
            totals[0] += 1
            totals[1] += s.live
            totals[2] += s.pending


@kernel
def zero_rows(words: Any, out: Any) -> None:
    """out[i] = True where row i of `words` (pages seen as int64) holds nothing but zeros."""
    for i in range(len(words)):
        out[i] = is_zero(words[i])
