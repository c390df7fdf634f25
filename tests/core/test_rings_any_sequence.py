"""Cold lists against plain Python lists: any sequence of arrivals, uses, second chances, plans and new stamps."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from one_cold_list import ANY_STAMP, ROWS, ColdList, drop, give_a_chance, pop, put_back, touch


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
        self.most = 0

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
            self.cold.forget(row)
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

    @invariant()
    def stamps_stay_small(self) -> None:
        """They are kept in 31 bits: more than the limit only where more entries than that are alive."""
        self.most = max(self.most, len(self.uses))
        if hasattr(self, "cold"):
            assert int(self.cold.core.st.stamp) <= max(int(self.cold.core.st.stamp_limit), self.most + 1)

    def teardown(self) -> None:
        if hasattr(self, "cold"):
            while self.uses:
                self.take_coldest(40)
            assert pop(self.cold.state, self.by_use) == -1
            self.cold.core.close()


TestListMachine = ListMachine.TestCase
TestListMachine.settings = settings(max_examples=80, stateful_step_count=30)
