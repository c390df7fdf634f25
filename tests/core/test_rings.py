"""Cold lists against plain Python lists: order by arrival and by last use, second chances, dead elements, new stamps."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from swaptiers.core.compile import kernel
from swaptiers.core.core import Core, TierTerms
from swaptiers.core.entries import rotate, touch_entry, unlist
from swaptiers.core.rings import (
    COMPACT_SLACK,
    SORT_SHARE,
    coldest_by_arrival,
    coldest_by_use,
    next_stamp,
    ring_head,
    ring_of,
    ring_pop,
    ring_push,
    ring_push_front,
)
from swaptiers.core.state import CHOSEN, DEMOTE, MEMORY, STORED, cell_of, records, rings

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
    ring_push(st, ring_of(st, 0, 0, way), row)


@kernel
def drop(sta: Any, row: int) -> None:
    unlist(sta[0], row)
    records(sta[0])[row].stamp = 0


@kernel
def pop(sta: Any, by_use: bool) -> int:
    """The coldest row, off its list but still with its stamp, as a plan takes it; -1 if there is none."""
    st = sta[0]
    index = coldest_by_use(st, 0, 0) if by_use else coldest_by_arrival(st, 0, 0)
    if index == 0:
        return -1
    ring = rings(st)[index - 1]
    row = ring_head(st, ring)
    ring_pop(st, ring)
    return int(row)


@kernel
def put_back(sta: Any, row: int) -> None:
    ring_push_front(sta[0], ring_of(sta[0], 0, 0, records(sta[0])[row].way), row)


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
    ring = rings(st)[coldest_by_arrival(st, 0, 0) - 1]
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
        self.state = self.core.state

    def push(self, row: int, way: int, last_use: int) -> None:
        push(self.state, row, way, last_use)

    def pop_all(self, *, by_use: bool) -> list[int]:
        rows = []
        while (row := pop(self.state, by_use)) >= 0:
            drop_popped(self, row)
            rows.append(row)
        return rows

    def lengths(self) -> tuple[int, int]:
        out = np.zeros(2, np.int64)
        lengths(self.state, out)
        return int(out[0]), int(out[1])


def drop_popped(cold: ColdList, row: int) -> None:
    """The row is gone for good: it has no element any more, so there is none to unlist."""
    cold.core.records[row].stamp = 0


@pytest.mark.parametrize("stamp_limit", [ANY_STAMP, 40])
def test_each_way_in_keeps_its_order(stamp_limit: int) -> None:
    """Entries that come in by three ways, each way in order: `lru` must merge them by last use, `fifo` by arrival."""
    uses = {0: 5000, 1: 1000, 2: 3000}
    chance = random.Random(3)
    arrived: list[tuple[int, int]] = []
    by_use, by_arrival = ColdList(stamp_limit), ColdList(stamp_limit)
    for row in range(600):
        way = chance.choice([0, 1, 2])
        uses[way] += chance.randrange(1, 50)
        last_use = uses[way] * 3 + way
        arrived.append((last_use, row))
        by_use.push(row, way, last_use)
        by_arrival.push(row, way, last_use)
    assert by_arrival.pop_all(by_use=False) == list(range(600))
    assert by_use.pop_all(by_use=True) == [row for _, row in sorted(arrived)]


@settings(max_examples=80)
@given(uses=some.lists(some.integers(0, 10**6), min_size=2, max_size=300))
def test_a_list_in_disorder_is_sorted(uses: list[int]) -> None:
    """Callers' own times, more than a sixteenth of them late: exact order by last use, and equal ones as they came."""
    late = sum(use < max(uses[:i], default=0) for i, use in enumerate(uses))
    cold = ColdList()
    for row, use in enumerate(uses):
        cold.push(row, 0, use)
    order = cold.pop_all(by_use=True)
    assert sorted(order) == list(range(len(uses)))
    if late * SORT_SHARE > len(uses):
        assert order == sorted(order, key=lambda row: uses[row])


def test_a_few_that_came_late_do_not_disturb_the_others() -> None:
    """One straggler in a thousand: no sort, all others in order, and the straggler is not lost."""
    cold = ColdList()
    for row in range(1000):
        cold.push(row, 0, 100 + row if row != 600 else 5)
    order = cold.pop_all(by_use=True)
    assert sorted(order) == list(range(1000))
    order.remove(600)
    assert order == sorted(order)


def test_an_entry_picked_from_the_middle_and_put_back_is_found_in_its_place() -> None:
    """A policy that picks by score takes from anywhere; undone, the entry must not stay the coldest of all."""
    cold = ColdList()
    for row in range(100):
        cold.push(row, 0, row)
    for row in (50, 99, 70):
        pick(cold.state, row)
        put_back(cold.state, row)
    assert cold.pop_all(by_use=True) == list(range(100))


def test_dead_elements_take_no_space_for_ever() -> None:
    """The same ten entries used again and again: without compaction each use would leave an element behind."""
    cold = ColdList()
    for row in range(10):
        cold.push(row, 0, row)
    for turn in range(5000):
        touch(cold.state, turn * 7 % 10, 100 + turn)
        total, live = cold.lengths()
        assert live == 10
        assert total <= 2 * live + COMPACT_SLACK + 1
    assert int(cold.core.st.chunk_top) <= 2 + (2 * 10 + COMPACT_SLACK) // 127 * 2
    assert cold.pop_all(by_use=False) == [turn * 7 % 10 for turn in range(4990, 5000)]


def test_chunks_come_back() -> None:
    """A list filled and emptied again and again must not use up its memory."""
    cold = ColdList()
    tops = []
    for turn in range(6):
        for row in range(1000):
            cold.push(row, turn % 2, row)
        assert len(cold.pop_all(by_use=bool(turn % 3))) == 1000
        tops.append(int(cold.core.st.chunk_top))
    assert set(tops) == {tops[0]}


def test_new_stamps_void_old_elements_only() -> None:
    """A row that was reused is in the list once, at its new place, though its old element is still in some ring."""
    cold = ColdList()
    for row in range(5):
        cold.push(row, 0, row)
    drop(cold.state, 1)
    cold.push(1, 0, 100)
    assert cold.pop_all(by_use=False) == [0, 2, 3, 4, 1]


class ListMachine(RuleBasedStateMachine):
    """The cold list against one plain list per way in, with stamps that run out all the time.

    `by_use`: each way comes in order of last use, and entries leave by last use. Else: any times, second chances, and
    entries leave by arrival.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[int, list[int]] = {0: [], 1: [], 2: []}
        self.arrival: dict[int, int] = {}
        self.uses: dict[int, int] = {}
        self.now = 0
        self.fresh = 0

    @initialize(by_use=some.booleans(), stamp_limit=some.sampled_from([7, 30, 200, ANY_STAMP]))
    def start(self, by_use: bool, stamp_limit: int) -> None:
        self.by_use = by_use
        self.cold = ColdList(stamp_limit)

    def rows(self) -> list[int]:
        return [row for rows in self.lists.values() for row in rows]

    def way_of(self, row: int) -> int:
        return next(way for way, rows in self.lists.items() if row in rows)

    def arrive(self, row: int, way: int) -> None:
        self.now += 1
        self.arrival[row] = self.now
        self.lists[way].append(row)

    def coldest(self) -> int:
        heads = [rows[0] for rows in self.lists.values() if rows]
        order = self.uses if self.by_use else self.arrival
        return min(heads, key=lambda row: order[row])

    @rule(n=some.integers(1, 60), way=some.integers(0, 2), age=some.integers(0, 10**6))
    def add(self, n: int, way: int, age: int) -> None:
        for _ in range(n):
            row = self.fresh = (self.fresh + 1) % ROWS
            if row in self.uses:
                return
            self.arrive(row, way)
            self.uses[row] = 10**7 + 3 * self.now - 10**5 * way if self.by_use else 10**7 - age
            self.cold.push(row, way, self.uses[row])

    @precondition(lambda self: self.uses)
    @rule(chance=some.randoms(use_true_random=False), n=some.integers(1, 40))
    def free(self, chance: random.Random, n: int) -> None:
        for row in chance.sample(self.rows(), min(n, len(self.uses))):
            drop(self.cold.state, row)
            self.forget(row)

    def forget(self, row: int) -> None:
        self.lists[self.way_of(row)].remove(row)
        del self.uses[row], self.arrival[row]

    @precondition(lambda self: self.uses)
    @rule(n=some.integers(1, 40))
    def take_coldest(self, n: int) -> None:
        for _ in range(min(n, len(self.uses))):
            row = pop(self.cold.state, self.by_use)
            assert row == self.coldest()
            drop_popped(self.cold, row)
            self.forget(row)

    @precondition(lambda self: self.uses)
    @rule(n=some.integers(1, 40))
    def plan_and_undo(self, n: int) -> None:
        """Back in the order opposite to that in which they were taken: as if nothing had been."""
        taken = [pop(self.cold.state, self.by_use) for _ in range(min(n, len(self.uses)))]
        for row in reversed(taken):
            put_back(self.cold.state, row)

    @precondition(lambda self: self.uses)
    @rule(chance=some.randoms(use_true_random=False), n=some.integers(1, 40))
    def use(self, chance: random.Random, n: int) -> None:
        rows = self.lists[0] if self.by_use else self.rows()
        for row in chance.sample(rows, min(n, len(rows))):
            way = self.way_of(row)
            self.lists[way].remove(row)
            self.arrive(row, way)
            self.uses[row] = 10**7 + 3 * self.now
            touch(self.cold.state, row, self.uses[row])

    @precondition(lambda self: self.uses and not self.by_use)
    @rule(n=some.integers(1, 40))
    def rotate(self, n: int) -> None:
        for _ in range(n):
            row = self.coldest()
            way = self.way_of(row)
            self.lists[way].remove(row)
            self.arrive(row, way)
            give_a_chance(self.cold.state)

    @invariant()
    def every_element_is_counted(self) -> None:
        if hasattr(self, "cold"):
            total, live = self.cold.lengths()
            assert live == len(self.uses)
            assert total >= live

    def teardown(self) -> None:
        if hasattr(self, "cold"):
            while self.uses:
                self.take_coldest(40)
            assert pop(self.cold.state, self.by_use) == -1
            self.cold.core.close()


TestListMachine = ListMachine.TestCase
TestListMachine.settings = settings(max_examples=80, stateful_step_count=30)
