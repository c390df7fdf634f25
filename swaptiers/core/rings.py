"""Cold lists: chunked rings of (row, stamp), coldest first, with lazy deletion.

An element is live only while its stamp is still the record's. A cold list keeps one ring per way in, so that what comes
in one way stays in order; `lru` takes the older of the heads by last use, `fifo` the older by stamp, without sorting. Where
edges take entries by their contents, there is a ring per class of stored lengths too: nobody looks past what is not theirs.
Elements that do come in out of order of last use (a second chance upstream, an API caller's own times) are counted; the
ring is sorted when they are more than a sixteenth of it, before `lru` looks at it again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import part
from swaptiers.core.constants import CHOSEN, CHUNK, EVERY_CLASS, NONE, UNREADABLE, UNREADABLE_CLASS
from swaptiers.core.layout import Header
from swaptiers.core.state import cell_of, cgroups, chunks, fetch_record, records, rings

STAMP_BITS = 32
SORT_SHARE = 16
WAYS = 128
"""A ring's key is its way in + WAYS x its class."""
COMPACT_SLACK = 256
AHEAD = 4
"""How many elements ahead of a ring's head records are fetched into the cache."""


@part
def next_stamp(st: Header) -> int:
    """The stamp of a new placement. When they are used up, every live element is restamped in its order."""
    if st.stamp >= st.stamp_limit:
        restamp(st)
    st.stamp += 1
    return int(st.stamp)


@part
def placement_of(st: Header, r: Any) -> int:
    """The record's stamp with the epoch that it belongs to: no two placements have the same."""
    return int(st.epoch << STAMP_BITS | r.stamp)


@part
def is_of_epoch(st: Header, placement: int) -> bool:
    """True if nothing has been restamped since."""
    return bool(placement >> STAMP_BITS == st.epoch)


@part
def restamp(st: Header) -> None:
    """Start the stamps again at 1, keeping their order; plans made before are void (`epoch`)."""
    compact_all(st)
    table = records(st)
    top = st.row_top
    stamps = np.empty(top, np.int64)
    for row in range(top):
        stamps[row] = table[row].stamp
    order = np.argsort(stamps, kind="mergesort")
    fresh = np.zeros(top, np.int64)
    st.stamp = 0
    for i in range(top):
        row = order[i]
        if stamps[row] > 0:
            st.stamp += 1
            fresh[row] = st.stamp
    for index in range(st.ring_top):
        _renumber(st, rings(st)[index], fresh)
    for row in range(top):
        table[row].stamp = fresh[row]
    st.epoch += 1


@part
def _renumber(st: Header, ring: Any, fresh: Any) -> None:
    table = chunks(st)
    chunk, at = ring.head_chunk, ring.head_at
    for _ in range(ring.total):
        if at == CHUNK:
            chunk, at = table[chunk].next, 0
        table[chunk].stamps[at] = fresh[table[chunk].rows[at]]
        at += 1


@part
def chunk_alloc(st: Header) -> int:
    """A chunk of rows and stamps, the last of its list."""
    if st.chunk_free > 0:
        chunk = st.chunk_free - 1
        st.chunk_free = chunks(st)[chunk].next
    else:
        chunk = st.chunk_top
        if chunk >= st.chunks_n:
            raise MemoryError("no chunk is left for the cold lists")
        st.chunk_top += 1
    chunks(st)[chunk].next = NONE
    return int(chunk)


@part
def chunk_free(st: Header, chunk: int) -> None:
    chunks(st)[chunk].next = st.chunk_free
    st.chunk_free = chunk + 1


@part
def class_of(t: Any, length: int) -> int:
    """The class of an entry of `length` stored bytes: how many of the tier's bounds it reaches."""
    n = 0
    while n < t.bounds_n and length >= t.bounds[n]:
        n += 1
    return n


@part
def takes_of(st: Header, edge: int, cgroup: int) -> int:
    """The classes of the cgroup's entries that the edge takes; those edges that no config names take all."""
    return int(cgroups(st)[cgroup].takes[edge]) if edge < st.edges_n else EVERY_CLASS


@part
def key_of(st: Header, r: Any) -> int:
    """The key of the ring that a record's element is in, or belongs in."""
    if r.marks & UNREADABLE:
        return int(r.way) + WAYS * UNREADABLE_CLASS
    return int(r.way) + WAYS * int(class_of(st.tiers[r.tier], r.length))


@part
def own_ring(st: Header, r: Any) -> Any:
    """That ring."""
    return ring_of(st, r.cgroup, r.tier, key_of(st, r))


@part
def is_taken(ring: Any, classes: int) -> bool:
    """True if the ring's class is one of `classes`."""
    return bool((classes >> (ring.key // WAYS)) & 1)


@part
def ring_of(st: Header, cgroup: int, tier: int, key: int) -> Any:
    """The ring of a cold list for one way in and one class, made if absent."""
    cell = cell_of(st, cgroup, tier)
    index = cell.first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        if ring.key == key:
            return ring
        index = ring.next
    if st.ring_top >= st.rings_n:
        raise MemoryError("no ring is left for the cold lists")
    ring = rings(st)[st.ring_top]
    st.ring_top += 1
    ring.head_chunk = NONE
    ring.tail_chunk = NONE
    ring.key = key
    ring.next = cell.first_ring
    cell.first_ring = st.ring_top
    return ring


@part
def _append(st: Header, ring: Any, row: int, stamp: int) -> None:
    if ring.tail_chunk < 0:
        ring.head_chunk = chunk_alloc(st)
        ring.tail_chunk = ring.head_chunk
        ring.head_at = 0
        ring.tail_at = 0
    elif ring.tail_at == CHUNK:
        chunk = chunk_alloc(st)
        chunks(st)[ring.tail_chunk].next = chunk
        ring.tail_chunk = chunk
        ring.tail_at = 0
    c = chunks(st)[ring.tail_chunk]
    c.rows[ring.tail_at] = row
    c.stamps[ring.tail_at] = stamp
    ring.tail_at += 1
    ring.total += 1


@part
def ring_push(st: Header, ring: Any, row: int) -> None:
    """Add the record at the young end, under its present stamp."""
    record = records(st)[row]
    if ring.total > 2 * ring.live + COMPACT_SLACK:
        compact(st, ring)
    _append(st, ring, row, record.stamp)
    ring.live += 1
    if record.last_use < ring.latest_use:
        ring.disorder += 1
    else:
        ring.latest_use = record.last_use


@part
def ring_push_front(st: Header, ring: Any, row: int) -> None:
    """Put the record back at the old end (a plan that was not carried out), under its present stamp."""
    ring.latest_use = max(ring.latest_use, records(st)[row].last_use)
    if ring.head_chunk < 0:
        _append(st, ring, row, records(st)[row].stamp)
        ring.live += 1
        records(st)[row].marks &= ~CHOSEN
        return
    if ring.head_at == 0:
        chunk = chunk_alloc(st)
        chunks(st)[chunk].next = ring.head_chunk
        ring.head_chunk = chunk
        ring.head_at = CHUNK
    ring.head_at -= 1
    c = chunks(st)[ring.head_chunk]
    c.rows[ring.head_at] = row
    c.stamps[ring.head_at] = records(st)[row].stamp
    ring.total += 1
    ring.live += 1
    ring.disorder += ring.live if records(st)[row].marks & CHOSEN else 0  # it did not come from this end: sort again
    records(st)[row].marks &= ~CHOSEN


@part
def _drop_head(st: Header, ring: Any) -> None:
    ring.head_at += 1
    ring.total -= 1
    if ring.total == 0:
        _release_chunks(st, ring)
    elif ring.head_at == CHUNK:
        chunk = ring.head_chunk
        ring.head_chunk = chunks(st)[chunk].next
        ring.head_at = 0
        chunk_free(st, chunk)
    elif ring.head_at + AHEAD < CHUNK:
        fetch_record(st, chunks(st)[ring.head_chunk].rows[ring.head_at + AHEAD])


@part
def _release_chunks(st: Header, ring: Any) -> None:
    chunk = ring.head_chunk
    while chunk >= 0:
        following = chunks(st)[chunk].next
        chunk_free(st, chunk)
        chunk = following
    ring.head_chunk = NONE
    ring.tail_chunk = NONE
    ring.total = 0
    ring.disorder = 0
    ring.latest_use = 0


@part
def ring_head(st: Header, ring: Any) -> int:
    """The row of the oldest live element, dead ones before it dropped; NONE if there is none."""
    table = records(st)
    while ring.total > 0:
        c = chunks(st)[ring.head_chunk]
        row = c.rows[ring.head_at]
        if table[row].stamp == c.stamps[ring.head_at]:
            return int(row)
        _drop_head(st, ring)
    return NONE


@part
def ring_pop(st: Header, ring: Any) -> None:
    """Take the oldest live element off, as `ring_head` gave it."""
    ring.live -= 1
    _drop_head(st, ring)


@part
def compact(st: Header, ring: Any) -> None:
    """Drop the dead elements."""
    rows = _live_rows(st, ring)
    _rebuild(st, ring, rows)


@part
def compact_all(st: Header) -> None:
    for index in range(st.ring_top):
        compact(st, rings(st)[index])


@part
def sort_ring(st: Header, ring: Any) -> None:
    """Put the elements in order of last use, equal ones in the order in which they came."""
    rows = _live_rows(st, ring)
    table = records(st)
    uses = np.empty(len(rows), np.int64)
    for i in range(len(rows)):
        uses[i] = table[rows[i]].last_use
    _rebuild(st, ring, rows[np.argsort(uses, kind="mergesort")])
    ring.disorder = 0


@part
def _live_rows(st: Header, ring: Any) -> Any:
    rows = np.empty(ring.total, np.int64)
    table = records(st)
    chunk, at = ring.head_chunk, ring.head_at
    n = 0
    for _ in range(ring.total):
        if at == CHUNK:
            chunk, at = chunks(st)[chunk].next, 0
        row = chunks(st)[chunk].rows[at]
        if table[row].stamp == chunks(st)[chunk].stamps[at]:
            rows[n] = row
            n += 1
        at += 1
    return rows[:n]


@part
def _rebuild(st: Header, ring: Any, rows: Any) -> None:
    latest, disorder = ring.latest_use, ring.disorder
    _release_chunks(st, ring)
    table = records(st)
    for i in range(len(rows)):
        _append(st, ring, rows[i], table[rows[i]].stamp)
    ring.live = len(rows)
    if len(rows) > 0:
        ring.latest_use = latest
        ring.disorder = disorder


@part
def coldest_by_use(st: Header, cgroup: int, tier: int, classes: int) -> int:
    """1 + the index of the ring of one of `classes` whose head was last used longest ago; 0 if they are empty."""
    table = records(st)
    best = 0
    best_use = 0
    index = cell_of(st, cgroup, tier).first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        if is_taken(ring, classes):
            if ring.disorder * SORT_SHARE > ring.live:
                sort_ring(st, ring)
            row = ring_head(st, ring)
            if row >= 0 and (best == 0 or table[row].last_use < best_use):
                best = index
                best_use = table[row].last_use
        index = ring.next
    return int(best)


@part
def coldest_by_arrival(st: Header, cgroup: int, tier: int, classes: int) -> int:
    """1 + the index of the ring of one of `classes` whose head arrived first; 0 if they are empty."""
    table = records(st)
    best = 0
    best_stamp = 0
    index = cell_of(st, cgroup, tier).first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        if is_taken(ring, classes):
            row = ring_head(st, ring)
            if row >= 0 and (best == 0 or table[row].stamp < best_stamp):
                best = index
                best_stamp = table[row].stamp
        index = ring.next
    return int(best)


@part
def list_coldest(st: Header, tier: int, cgroup: int, classes: int, rows: Any) -> int:
    """Fill `rows` with live entries of these classes, taking from each ring's old end in turn; how many there were."""
    n = 0
    index = cell_of(st, cgroup, tier).first_ring
    left = 0
    while index > 0:
        ring = rings(st)[index - 1]
        left += 1 if is_taken(ring, classes) and ring.live > 0 else 0
        index = ring.next
    index = cell_of(st, cgroup, tier).first_ring
    while index > 0 and left > 0:
        ring = rings(st)[index - 1]
        if is_taken(ring, classes) and ring.live > 0:
            n = _list_ring(st, ring, rows, n, n + (len(rows) - n) // left)
            left -= 1
        index = ring.next
    return n


@part
def _list_ring(st: Header, ring: Any, rows: Any, n: int, end: int) -> int:
    """Put the ring's oldest live rows into rows[n:end]; where the next one goes."""
    table = records(st)
    chunk, at = ring.head_chunk, ring.head_at
    for _ in range(ring.total):
        if n >= end:
            break
        if at == CHUNK:
            chunk, at = chunks(st)[chunk].next, 0
        row = chunks(st)[chunk].rows[at]
        if table[row].stamp == chunks(st)[chunk].stamps[at]:
            rows[n] = row
            n += 1
        at += 1
    return n
