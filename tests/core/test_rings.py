"""Cold lists: order by arrival and by last use, stragglers, dead elements, and memory that comes back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from one_cold_list import ANY_STAMP, ColdList, drop, pick, pop, put_back, touch

from swaptiers.core.rings import COMPACT_SLACK, SORT_SHARE


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


def test_an_entry_put_back_alone_is_still_known_to_be_the_hottest() -> None:
    """Back in a list that was empty by then: what comes in colder after it must still leave first."""
    cold = ColdList()
    cold.push(0, 0, 100)
    row = pop(cold.state, True)
    put_back(cold.state, row)
    cold.push(1, 0, 50)
    assert cold.pop_all(by_use=True) == [1, 0]


def test_the_hottest_put_back_is_known_as_such_to_what_comes_after() -> None:
    """Once it is sorted in at the young end, a colder one that comes after it has come out of order."""
    cold = ColdList()
    for row in range(5):
        cold.push(row, 0, row)
    cold.push(5, 0, 100)
    pick(cold.state, 5)
    assert cold.pop_all(by_use=True) == list(range(5))
    cold.push(6, 0, 10)
    put_back(cold.state, 5)
    assert pop(cold.state, True) == 6
    cold.forget(6)
    cold.push(7, 0, 50)
    assert cold.pop_all(by_use=True) == [7, 5]


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
