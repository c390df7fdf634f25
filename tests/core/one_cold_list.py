"""One cold list of the core with nothing around it, for the tests of rings."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import kernel
from swaptiers.core.constants import CHOSEN, DEMOTE, EVERY_CLASS, MEMORY, STORED
from swaptiers.core.core import Core, TierTerms
from swaptiers.core.entries import rotate, touch_entry, unlist
from swaptiers.core.rings import (
    coldest_by_arrival,
    coldest_by_use,
    next_stamp,
    own_ring,
    ring_head,
    ring_pop,
    ring_push,
    ring_push_front,
)
from swaptiers.core.state import cell_of, records, rings

ROWS = 4096
ANY_STAMP = (1 << 31) - 1


@kernel
def push(sta: Any, row: int, way: int, last_use: int) -> None:
    st = sta[0]
    r = records(st)[row]
    r.backing = STORED
    r.way = way
    r.last_use = last_use
    r.stamp = next_stamp(st)
    ring_push(st, own_ring(st, r), row)


@kernel
def drop(sta: Any, row: int) -> None:
    unlist(sta[0], row)
    records(sta[0])[row].stamp = 0


@kernel
def pop(sta: Any, by_use: bool) -> int:
    """The coldest row, off its list but still with its stamp, as a plan takes it; -1 if there is none."""
    st = sta[0]
    index = coldest_by_use(st, 0, 0, EVERY_CLASS) if by_use else coldest_by_arrival(st, 0, 0, EVERY_CLASS)
    if index == 0:
        return -1
    ring = rings(st)[index - 1]
    row = ring_head(st, ring)
    ring_pop(st, ring)
    return int(row)


@kernel
def put_back(sta: Any, row: int) -> None:
    ring_push_front(sta[0], own_ring(sta[0], records(sta[0])[row]), row)


@kernel
def pick(sta: Any, row: int) -> None:
    """Off its list, wherever it stands in it."""
    stamp = next_stamp(sta[0])
    unlist(sta[0], row)
    records(sta[0])[row].stamp = stamp
    records(sta[0])[row].marks |= CHOSEN


@kernel
def give_a_chance(sta: Any) -> None:
    st = sta[0]
    ring = rings(st)[coldest_by_arrival(st, 0, 0, EVERY_CLASS) - 1]
    rotate(st, ring, ring_head(st, ring))


@kernel
def touch(sta: Any, row: int, now: int) -> None:
    touch_entry(sta[0], row, now)


@kernel
def lengths(sta: Any, out: Any) -> None:
    """Elements and live elements of all rings of the list."""
    st = sta[0]
    index = cell_of(st, 0, 0).first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        out[0] += ring.total
        out[1] += ring.live
        index = ring.next


class ColdList:
    """One cgroup's list in one tier."""

    def __init__(self, stamp_limit: int = ANY_STAMP) -> None:
        terms = TierTerms(
            kind=MEMORY, codec=-1, raw_refused=False, on_full=DEMOTE, capacity_bytes=ROWS * 4096, accept_bytes=0
        )
        self.core = Core(page_size=4096, tiers=[terms], edges=[], max_entries=ROWS, stamp_limit=stamp_limit)
        self.core.st.row_top = ROWS
        self.state = self.core.header

    def push(self, row: int, way: int, last_use: int) -> None:
        push(self.state, row, way, last_use)

    def forget(self, row: int) -> None:
        """A popped row is gone for good: it has no element any more, so there is none to unlist."""
        self.core.records[row].stamp = 0

    def pop_all(self, *, by_use: bool) -> list[int]:
        rows = []
        while (row := pop(self.state, by_use)) >= 0:
            self.forget(row)
            rows.append(row)
        return rows

    def lengths(self) -> tuple[int, int]:
        out = np.zeros(2, np.int64)
        lengths(self.state, out)
        return int(out[0]), int(out[1])
