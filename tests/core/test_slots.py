"""The slot allocator: clusters of 256, quarantine until settled, nothing handed out twice, everything comes back."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from swaptiers.core.compile import kernel
from swaptiers.core.constants import CLUSTER, DEMOTE, FILE
from swaptiers.core.core import Core, TierTerms
from swaptiers.core.slots import settle, slot_alloc, slot_release

PAGE = 4096
CLUSTERS = 3
SLOTS = CLUSTERS * CLUSTER
ONLY = 0
"""The tier's number: there is one."""


@kernel
def alloc_slots(sta: Any, tier: int, out: Any) -> None:
    for i in range(len(out)):
        out[i] = slot_alloc(sta[0], tier)


@kernel
def release_slots(sta: Any, tier: int, slots: Any) -> None:
    for i in range(len(slots)):
        slot_release(sta[0], tier, slots[i], PAGE)


@kernel
def settle_slots(sta: Any) -> None:
    settle(sta[0])


class Slots:
    """A tier of three clusters."""

    def __init__(self) -> None:
        terms = TierTerms(
            kind=FILE, codec=-1, raw_refused=False, on_full=DEMOTE, capacity_bytes=SLOTS * PAGE, accept_bytes=0
        )
        self.core = Core(page_size=PAGE, tiers=[terms], edges=[], max_entries=1 << 10)

    def alloc(self, n: int) -> list[int]:
        out = np.zeros(n, np.int64)
        alloc_slots(self.core.header, ONLY, out)
        return [int(slot) for slot in out]

    def release(self, slots: list[int]) -> None:
        release_slots(self.core.header, ONLY, np.array(slots, np.int64))

    def settle(self) -> None:
        settle_slots(self.core.header)

    def close(self) -> None:
        self.core.close()


@pytest.fixture
def slots() -> Iterator[Slots]:
    made = Slots()
    yield made
    made.close()


def breaks(slots: list[int]) -> int:
    """How often the next slot is not the neighbour of the one before."""
    return sum(b != a + 1 for a, b in itertools.pairwise(slots))


def test_an_empty_tier_is_handed_out_in_order(slots: Slots) -> None:
    """A batch that were scattered over an empty file would be many writes instead of one."""
    assert slots.alloc(SLOTS) == list(range(SLOTS))
    assert slots.alloc(2) == [-1, -1]


def test_a_freed_slot_waits_until_settled(slots: Slots) -> None:
    """Given out at once, a slot would be overwritten before the load that was decided on it has run."""
    taken = slots.alloc(SLOTS)
    slots.release(taken[5:8])
    assert slots.alloc(1) == [-1]
    slots.settle()
    assert sorted(slots.alloc(3)) == taken[5:8]
    assert slots.alloc(1) == [-1]


def test_empty_clusters_come_before_holes(slots: Slots) -> None:
    """With a whole cluster free, a batch must lie side by side and not fill the holes of another."""
    slots.alloc(SLOTS)
    slots.release(list(range(CLUSTER, 2 * CLUSTER)))
    slots.release(list(range(0, CLUSTER, 2)))
    slots.settle()
    assert slots.alloc(CLUSTER) == list(range(CLUSTER, 2 * CLUSTER))
    assert slots.alloc(CLUSTER // 2) == list(range(0, CLUSTER, 2))
    assert slots.alloc(1) == [-1]


def test_all_come_back_in_long_runs(slots: Slots) -> None:
    """After a full and scattered life the tier is as contiguous as at first, but for where the cursor stood."""
    for seed in range(5):
        taken = slots.alloc(SLOTS)
        assert sorted(taken) == list(range(SLOTS))
        random.Random(seed).shuffle(taken)
        slots.release(taken)
        slots.settle()
    assert breaks(slots.alloc(SLOTS)) <= CLUSTERS


def test_a_random_walk(slots: Slots) -> None:
    """Long enough to turn clusters over many times: any list link that is lost loses 256 slots for good."""
    chance = random.Random(7)
    taken: list[int] = []
    for _ in range(400):
        wanted = chance.randrange(0, 200)
        got = [slot for slot in slots.alloc(wanted) if slot >= 0]
        assert len(got) == min(wanted, SLOTS - len(taken))
        taken += got
        assert len(set(taken)) == len(taken)
        chance.shuffle(taken)
        keep = chance.randrange(0, len(taken) + 1)
        slots.release(taken[keep:])
        del taken[keep:]
        slots.settle()
    slots.release(taken)
    slots.settle()
    assert sorted(slots.alloc(SLOTS)) == list(range(SLOTS))


class SlotMachine(RuleBasedStateMachine):
    """The allocator against a set of what is out and a set of what is in quarantine."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots()
        self.taken: list[int] = []
        self.quarantined: set[int] = set()

    @rule(n=some.one_of(some.integers(0, 40), some.sampled_from([CLUSTER - 1, CLUSTER, CLUSTER + 1, SLOTS])))
    def alloc(self, n: int) -> None:
        free = SLOTS - len(self.taken) - len(self.quarantined)
        got = self.slots.alloc(n)
        good, none = got[: min(n, free)], got[min(n, free) :]
        assert all(0 <= slot < SLOTS for slot in good), "a slot was kept back, or is outside the file"
        assert none == [-1] * len(none)
        assert len(set(good)) == len(good)
        assert not self.quarantined & set(good), "a slot came out of quarantine too early"
        assert not set(self.taken) & set(good), "a slot is out twice"
        self.taken += good

    @precondition(lambda self: self.taken)
    @rule(chance=some.randoms(use_true_random=False), share=some.floats(0, 1))
    def release_some(self, chance: random.Random, share: float) -> None:
        chance.shuffle(self.taken)
        keep = int(share * len(self.taken))
        self.slots.release(self.taken[keep:])
        self.quarantined |= set(self.taken[keep:])
        del self.taken[keep:]

    @rule(cluster=some.integers(0, CLUSTERS - 1))
    def release_a_cluster(self, cluster: int) -> None:
        here = [slot for slot in self.taken if slot // CLUSTER == cluster]
        self.slots.release(here)
        self.quarantined |= set(here)
        self.taken = [slot for slot in self.taken if slot // CLUSTER != cluster]

    @rule()
    def settle(self) -> None:
        self.slots.settle()
        self.quarantined.clear()

    @invariant()
    def quarantine_is_counted(self) -> None:
        assert int(self.slots.core.st.quarantine_top) == len(self.quarantined)

    def teardown(self) -> None:
        self.slots.release(self.taken)
        self.slots.settle()
        assert sorted(self.slots.alloc(SLOTS)) == list(range(SLOTS))
        self.slots.close()


TestSlotMachine = SlotMachine.TestCase
TestSlotMachine.settings = settings(max_examples=60, stateful_step_count=30)
