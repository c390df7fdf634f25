"""A tier as a log: payloads appended to segments of one file, and segments that have to be cleaned of what is dead.

A segment is open while it is appended to, then sealed; when nothing in it is anybody's any more it is empty and may be used
again (once nobody reads its old bytes). When too few are empty, the sealed one with the least that is alive is cleaned:
what is alive is copied to the head of the log, or demoted. The greedy choice of Rosenblum and Ousterhout's log-structured
file system (1992).

Which segment that is never depends on where segments lie, only on their order and what is alive in them: a laboratory
that moves bytes keeps old segments a while longer than one that does not, and decides the same.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import CHUNK, NONE
from swaptiers.core.layout import Header
from swaptiers.core.rings import chunk_alloc, chunk_free
from swaptiers.core.state import chunks, segments

UNUSED, OPEN, SEALED, LEAVING = 0, 1, 2, 3
RESERVE = 2
"""Segments that only cleaning may take, so that it can always copy what is alive in one."""


@part
def is_log(t: Any) -> bool:
    return bool(t.segment_bytes > 0)


@part
def has_room(st: Header, t: Any) -> bool:
    """True if one more payload, as long as they get, is sure to find a place behind those that are on their way."""
    room = max(t.segments_limit - RESERVE - t.segments_used, 0) * (t.segment_bytes // st.page_size)
    if t.head >= 0:
        room += (t.segment_bytes - segments(t)[t.head].at) // st.page_size
    return bool(t.unplaced < room)


@part
def append(st: Header, t: Any, length: int, row: int) -> int:
    """The address of `length` bytes for the entry in `row` at the head of the log; NONE if there is no room."""
    t.head = _open(st, t, t.head, length, RESERVE)
    return _append_to(st, t, t.head, length, row)


@part
def append_copy(st: Header, t: Any, length: int, row: int) -> int:
    """As `append`, for what cleaning copies: at a head of its own, since that has lived longer than what is new."""
    t.copy_head = _open(st, t, t.copy_head, length, 0)
    return _append_to(st, t, t.copy_head, length, row)


@part
def _open(st: Header, t: Any, head: int, length: int, spared: int) -> int:
    """The head, or the next one where that has no room for `length` bytes; NONE if there are no more."""
    if head >= 0 and segments(t)[head].at + length <= t.segment_bytes:
        return head
    if t.segments_used >= t.segments_limit - spared:
        return head
    fresh = _take_segment(t)
    if fresh >= 0 and head >= 0:
        _seal(st, t, head)
    return fresh if fresh >= 0 else head


@part
def _append_to(st: Header, t: Any, head: int, length: int, row: int) -> int:
    if head < 0 or segments(t)[head].at + length > t.segment_bytes:
        return NONE
    s = segments(t)[head]
    offset = s.at
    _note(st, s, row, offset)
    s.at += length
    s.live += length
    s.pending += 1
    return int(head * t.segment_bytes + offset)


@part
def _take_segment(t: Any) -> int:
    if t.segment_empty >= 0:
        fresh = t.segment_empty
        t.segment_empty = segments(t)[fresh].next
    elif t.segment_top < t.segments_n:
        fresh = t.segment_top
        t.segment_top += 1
    else:
        return NONE
    s = segments(t)[fresh]
    s.at = 0
    s.noted = 0
    s.barren = 0
    s.first_chunk = NONE
    s.last_chunk = NONE
    s.state = OPEN
    t.segments_used += 1
    t.pool_bytes += t.segment_bytes
    t.peak_pool_bytes = max(t.peak_pool_bytes, t.pool_bytes)
    return int(fresh)


@part
def _note(st: Header, s: Any, row: int, offset: int) -> None:
    """Write down whose payload it is, so that cleaning finds what is alive."""
    at = s.noted % CHUNK
    if at == 0:
        chunk = chunk_alloc(st)
        if s.last_chunk >= 0:
            chunks(st)[s.last_chunk].next = chunk
        else:
            s.first_chunk = chunk
        s.last_chunk = chunk
    c = chunks(st)[s.last_chunk]
    c.rows[at] = row
    c.stamps[at] = offset
    s.noted += 1


@part
def _seal(st: Header, t: Any, segment: int) -> None:
    s = segments(t)[segment]
    s.state = SEALED
    t.segments_sealed += 1
    s.order = t.segments_sealed
    _leave_if_dead(st, t, segment)


@part
def _leave_if_dead(st: Header, t: Any, segment: int) -> None:
    """A sealed segment with nothing alive in it counts as empty from now on."""
    s = segments(t)[segment]
    if s.state != SEALED or s.live > 0 or s.pending > 0:
        return
    s.state = LEAVING
    t.segments_used -= 1
    t.pool_bytes -= t.segment_bytes
    chunk = s.first_chunk
    while chunk >= 0:
        following = chunks(st)[chunk].next
        chunk_free(st, chunk)
        chunk = following
    _reuse_if_settled(t, segment)


@part
def written(st: Header, t: Any, address: int) -> None:
    """The payload at this address is there, or will never be."""
    segment = address // t.segment_bytes
    segments(t)[segment].pending -= 1
    _leave_if_dead(st, t, segment)


@part
def forget(st: Header, t: Any, address: int, length: int) -> None:
    """The payload is nobody's any more; its bytes may still be read until `settled`."""
    segment = address // t.segment_bytes
    s = segments(t)[segment]
    s.live -= length
    s.barren = 0
    s.quarantined += 1
    _leave_if_dead(st, t, segment)


@part
def settled(t: Any, address: int) -> None:
    """Nobody reads these old bytes any more."""
    segment = address // t.segment_bytes
    segments(t)[segment].quarantined -= 1
    _reuse_if_settled(t, segment)


@part
def _reuse_if_settled(t: Any, segment: int) -> None:
    """A dead segment can be written again once nobody reads it: that may be so before it is sealed, or long after."""
    s = segments(t)[segment]
    if s.state == LEAVING and s.quarantined == 0:
        s.state = UNUSED
        s.next = t.segment_empty
        t.segment_empty = segment


@part
def least_alive(t: Any) -> int:
    """The sealed segment with the least alive in it, the oldest of equal ones; NONE if none has anything dead, or what is
    alive can't be read."""
    best = NONE
    for segment in range(t.segment_top):
        s = segments(t)[segment]
        if s.state != SEALED or s.barren or s.pending > 0 or s.live >= t.segment_bytes:
            continue
        if best < 0 or (s.live, s.order) < (segments(t)[best].live, segments(t)[best].order):
            best = segment
    return best
