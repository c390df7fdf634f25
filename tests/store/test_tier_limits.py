"""memory.swap.tiers.max with numbers (our extension): per tier, for a subtree, on stores and on moves alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swaptiers as st

PAGE = 4096


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


def raw_pages(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


def system(when: st.Triggers, on_full: Any = "demote") -> st.SwapSystem:
    tiers = [st.MemorySpec(name=name, capacity="1M") for name in ("near", "far", "disk")]
    edges = [st.EdgeSpec(source=a, target=b, when=when, batch=4) for a, b in (("near", "far"), ("far", "disk"))]
    return st.SwapSystem(tiers, edges, on_full=on_full, clock=Clock(), max_entries=1 << 12)


PRESSURE = st.Triggers(pressure=True)
REQUEST = st.Triggers(request=True)


def where(swap: st.SwapSystem, ids: Any) -> str:
    """The first letter of each entry's tier."""
    return "".join("nfd"[int(swap.core.records[int(entry) & 0xFFFF_FFFF].tier)] for entry in ids)


def test_a_limit_makes_room_among_its_own_pages() -> None:
    """At its limit a cgroup pushes its own coldest down; those of a neighbour that are colder still stay."""
    with system(PRESSURE) as swap:
        neighbour = swap.swap_out(raw_pages(10, 1), swap.cgroup("/b"))
        limited = swap.cgroup("/a", tiers_max={"near": 8 * PAGE})
        ids = swap.swap_out(raw_pages(20, 2), limited)
        assert where(swap, neighbour) == "n" * 10
        assert where(swap, ids).lstrip("f").strip("n") == ""
        assert 4 < where(swap, ids).count("n") <= 8
        assert swap.stats().tiers["near"].refused == {}


def test_a_limit_holds_for_the_subtree() -> None:
    """Children share their parent's; room for one is made among all of them, and nobody outside."""
    with system(PRESSURE) as swap:
        swap.cgroup("/p", tiers_max={"near": 8 * PAGE})
        outside = swap.swap_out(raw_pages(3, 9), "/")
        first = swap.swap_out(raw_pages(8, 1), swap.cgroup("/p/a"))
        second = swap.swap_out(raw_pages(4, 2), swap.cgroup("/p/b"))
        assert where(swap, first) == "ffffnnnn"
        assert where(swap, second) == "nnnn"
        assert where(swap, outside) == "nnn"


@pytest.mark.parametrize(("on_full", "says"), [("spill", "nnnnnfff"), ("refuse", "nnnnn")])
def test_a_store_at_the_limit(on_full: Any, says: str) -> None:
    """Without an edge that moves at once it goes on to the next tier or is refused, and is counted."""
    with system(REQUEST, on_full) as swap:
        group = swap.cgroup("/a", tiers_max={"near": 5 * PAGE + PAGE // 2})
        try:
            ids = swap.swap_out(raw_pages(8), group)
        except st.StoreRefusedError as error:
            assert error.reasons == {"tiers_max": 3}
            ids = error.ids[error.ids > 0]
        assert where(swap, ids) == says
        assert dict(swap.stats().tiers["near"].refused) == {"tiers_max": 3}


def test_a_move_at_the_limit() -> None:
    """A request moves what the limit of the tier below has room for, and says what stopped it."""
    with system(REQUEST) as swap:
        group = swap.cgroup("/a", tiers_max={"far": 6 * PAGE})
        ids = swap.swap_out(raw_pages(10), group)
        done = swap.demote("1M", source="near")
        assert (done.entries, done.met) == (6, False)
        assert set(done.refused) == {"tiers_max"}
        assert where(swap, ids) == "f" * 6 + "n" * 4


def test_one_cgroup_at_its_limit_does_not_hold_up_the_others() -> None:
    """A request for all of them passes over the one that may not move, and takes from the rest."""
    with system(REQUEST) as swap:
        stuck = swap.swap_out(raw_pages(5, 1), swap.cgroup("/a", tiers_max={"far": 0}))
        full = swap.swap_out(raw_pages(5, 2), swap.cgroup("/b", swap_max=5 * PAGE))
        free = swap.swap_out(raw_pages(5, 3), swap.cgroup("/c"))
        done = swap.demote("1M", source="near")
        assert (where(swap, stuck), where(swap, full), where(swap, free)) == ("nnnnn", "fffff", "fffff")
        assert (done.entries, done.met) == (10, False)


def test_a_numeric_limit_does_not_hold_up_the_others() -> None:
    """As above, with a number: the cgroup at its own limit must not look like a tier that is full for all."""
    with system(REQUEST) as swap:
        stuck = swap.swap_out(raw_pages(5, 1), swap.cgroup("/a", tiers_max={"far": 2 * PAGE}))
        free = swap.swap_out(raw_pages(5, 3), swap.cgroup("/c"))
        done = swap.demote("1M", source="near")
        assert (where(swap, stuck), where(swap, free)) == ("ffnnn", "fffff")
        assert done.entries == 7


def test_a_lowered_limit_moves_nothing() -> None:
    """What is there stays, as in the kernel; new pages go elsewhere until there is room."""
    with system(REQUEST, "spill") as swap:
        group = swap.cgroup("/a")
        ids = swap.swap_out(raw_pages(8), group)
        group.set(tiers_max={"near": 4 * PAGE})
        assert where(swap, ids) == "n" * 8
        assert where(swap, swap.swap_out(raw_pages(1, 1), group)) == "f"
        swap.discard(ids[:5])
        assert where(swap, swap.swap_out(raw_pages(2, 2), group)) == "nf"


def test_a_store_finds_room_past_a_cgroup_at_its_limit() -> None:
    """With the first tier full, the pages of whoever may move give way; a refusal would be wrong."""
    with system(PRESSURE) as swap:
        stuck = swap.swap_out(raw_pages(128, 1), swap.cgroup("/a", tiers_max={"far": 0}))
        free = swap.swap_out(raw_pages(128, 2), swap.cgroup("/c"))
        more = swap.swap_out(raw_pages(20, 3), "/a")
        assert where(swap, stuck) + where(swap, more) == "n" * 148
        assert where(swap, free) == "f" * 20 + "n" * 108


def test_a_limit_below_pushes_back() -> None:
    """At its limits in two tiers, a cgroup's pages go down step by step: none skips a tier, none is refused."""
    with system(PRESSURE) as swap:
        neighbour = swap.swap_out(raw_pages(10, 9), swap.cgroup("/b"))
        group = swap.cgroup("/a", tiers_max={"near": 8 * PAGE, "far": 4 * PAGE})
        ids = swap.swap_out(raw_pages(40), group)
        found = where(swap, ids)
        assert found == "d" * found.count("d") + "f" * found.count("f") + "n" * found.count("n")
        assert found.count("d") >= 28
        assert swap.stats().edges["far->disk"].entries == found.count("d")
        assert swap.stats().edges["near->far"].backpressure > 0
        assert where(swap, neighbour) == "n" * 10
