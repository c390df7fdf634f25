"""How cgroups take turns to give: round-robin, proportional, borrow; and memory.swap.tiers.low, at every level."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from share_model import Model, max_min
from stores import PAGE, Clock

import swaptiers as st

SHARES = ("round-robin", "proportional", "borrow")
PATHS = ["/", "/a", "/a/x", "/a/y", "/b", "/c"]
"""In the tree's order."""
sizes = some.lists(some.one_of(some.just(0), some.integers(1, 60)), min_size=len(PATHS), max_size=len(PATHS))
batches = some.sampled_from([1, 3, 8])


@contextmanager
def holding(share: Any, batch: int, held: list[int], **limits: Any) -> Iterator[st.SwapSystem]:
    """A system whose cgroups hold so many pages in `fast`; `limits` by name of the limit, per path."""
    tiers = [st.MemorySpec(name="fast", capacity="4M"), st.MemorySpec(name="slow", capacity="4M")]
    edge = st.EdgeSpec(source="fast", target="slow", share=share, batch=batch, when=st.Triggers(request=True))
    with st.SwapSystem(tiers, [edge], clock=Clock(), max_entries=1 << 12) as swap:
        for i, path in enumerate(PATHS):
            swap.cgroup(path, **{name: by_path[path] for name, by_path in limits.items() if path in by_path})
            swap.swap_out(np.full((held[i], PAGE), i + 1, np.uint8), path)
        yield swap


def in_fast(swap: st.SwapSystem) -> list[int]:
    """How many entries each cgroup holds in `fast`."""
    return [int(swap.core.cell(swap.cgroup(path).index, 0).entries) for path in PATHS]


def demote(swap: st.SwapSystem, entries: int, scope: str = "/") -> int:
    done = swap.demote(entries * PAGE, source="fast", cgroup=scope)
    swap.check()
    return done.entries


@settings(max_examples=150, deadline=None)
@given(
    share=some.sampled_from(["round-robin", "borrow"]),
    held=sizes,
    batch=batches,
    requests=some.lists(some.tuples(some.integers(1, 60), some.sampled_from(PATHS)), min_size=1, max_size=4),
    low=some.dictionaries(some.sampled_from(PATHS), some.integers(0, 40)),
    limit=some.dictionaries(some.sampled_from(PATHS), some.integers(1, 20)),
)
def test_as_the_model_entry_by_entry(
    share: str, held: list[int], batch: int, requests: list[tuple[int, str]], low: dict[str, int], limit: dict[str, int]
) -> None:
    """Any turn out of order, or a protection that is looked up at the wrong level, would take other entries."""
    leaves = {path: most for path, most in limit.items() if path not in ("/", "/a")}
    lows = {path: {"fast": n * PAGE} for path, n in low.items()}
    maxima = {path: {"slow": n * PAGE} for path, n in leaves.items()}
    room = {path: leaves.get(path, 1 << 20) for path in PATHS}
    model = Model(share, batch, PATHS, dict(zip(PATHS, held, strict=True)), low, room)
    with holding(share, batch, held, tiers_low=lows, tiers_max=maxima) as swap:
        for entries, scope in requests:
            assert demote(swap, entries, scope) == model.demote(entries, scope)
            assert in_fast(swap) == [model.held[path] for path in PATHS]
        stats = swap.stats()
        assert stats.edges["fast->slow"].passed_over == model.passed_over
        assert sum(group.tiers_low_events for group in stats.cgroups.values()) == model.low_events


@settings(max_examples=100, deadline=None)
@given(held=sizes, batch=batches, share_of_all=some.integers(1, 100))
def test_borrow_leaves_what_is_max_min_fair(held: list[int], batch: int, share_of_all: int) -> None:
    """Whoever holds little keeps it; the others end up level, to within a batch."""
    entries = sum(held) * share_of_all // 100
    with holding("borrow", batch, held) as swap:
        gone = demote(swap, entries)
        fair = max_min(held, sum(held) - gone)
        assert gone == entries
        for has, should in zip(in_fast(swap), fair, strict=True):
            assert abs(has - should) <= batch


@settings(max_examples=100, deadline=None)
@given(held=sizes, batch=batches, steps=some.lists(some.integers(1, 50), min_size=1, max_size=5))
def test_proportional_takes_the_same_share_of_each(held: list[int], batch: int, steps: list[int]) -> None:
    """After any number of batches each has given its part of what went, to within little more than a batch."""
    with holding("proportional", batch, held) as swap:
        gone = 0
        for entries in steps:
            gone += demote(swap, entries)
            for before, has in zip(held, in_fast(swap), strict=True):
                assert abs((before - has) - before * gone / max(1, sum(held))) <= 1.25 * batch


def test_proportional_begins_with_who_holds_most() -> None:
    """By the tree's order, one with a few entries would lose them all before anybody else gave."""
    with holding("proportional", 8, [0, 5, 0, 0, 100, 50]) as swap:
        assert demote(swap, 24) == 24
        assert in_fast(swap) == [0, 5, 0, 0, 84, 42]


def test_proportional_asks_nothing_for_the_past() -> None:
    """One that comes late, after the others gave a lot, gives its part of what goes from then on, and no more."""
    with holding("proportional", 8, [0, 0, 0, 0, 400, 0]) as swap:
        assert demote(swap, 200) == 200
        swap.swap_out(np.full((200, PAGE), 9, np.uint8), "/c")
        assert demote(swap, 100) == 100
        assert in_fast(swap) == pytest.approx([0, 0, 0, 0, 150, 150], abs=8)


def test_proportional_gives_no_credit_for_ones_own_limit() -> None:
    """What a cgroup gave alone, on its own account, is not made up for by its neighbours."""
    with holding("proportional", 8, [0, 0, 0, 0, 400, 200]) as swap:
        assert demote(swap, 200, "/b") == 200
        assert demote(swap, 200) == 200
        assert in_fast(swap) == pytest.approx([0, 0, 0, 0, 100, 100], abs=8)


def test_proportional_passes_on_what_one_cannot_give() -> None:
    """Nor does one that could not give for a while make up for it once it can."""
    with holding("proportional", 8, [0, 0, 0, 0, 300, 300], tiers_max={"/b": {"slow": 0}}) as swap:
        assert demote(swap, 160) == 160
        assert in_fast(swap)[4:] == [300, 140]
        swap.cgroup("/b", tiers_max={})
        assert demote(swap, 110) == 110
        assert in_fast(swap)[4:] == pytest.approx([300 * 0.75, 140 * 0.75], abs=12)


def test_a_low_is_a_share_that_one_is_entitled_to() -> None:
    """What `borrow` counts as borrowed is what lies above that, even where it is more than an equal part."""
    with holding("borrow", 1, [0, 5, 0, 0, 50, 45], tiers_low={"/b": {"fast": 40 * PAGE}}) as swap:
        assert demote(swap, 10) == 10
        assert in_fast(swap)[4:] == pytest.approx([47.5, 37.5], abs=1)  # 7.5 above 40, and above 90 / 3


@pytest.mark.parametrize(("held", "left"), [([0, 0, 0, 0, 9, 10], [9, 9]), ([0, 0, 0, 1, 9, 10], [8, 10])])
def test_an_equal_share_is_of_those_who_hold_any(held: list[int], left: list[int]) -> None:
    """Who holds nothing takes no part, and who holds one page does: that decides whether what /c may keep is more than fair."""
    with holding("borrow", 1, held, tiers_low={"/c": {"fast": 8 * PAGE}}) as swap:
        assert demote(swap, 1) == 1
        assert in_fast(swap)[4:] == left


def test_nobody_is_asked_twice() -> None:
    """One that can't give is not asked again when the protected ones are: its refusals would count double."""
    forbidden = {"/b": {"slow": 0}}
    with holding("borrow", 8, [0, 0, 0, 0, 9, 9], tiers_max=forbidden, tiers_low={"/c": {"fast": "max"}}) as swap:
        assert demote(swap, 16) == 9
        edge = swap.stats().edges["fast->slow"]
        assert edge.refused == {"forbidden": edge.asked}
        assert (edge.passed_over, swap.stats().cgroups["/c"].tiers_low_events) == (2, 2)


def test_low_is_not_heeded_where_it_holds_nothing() -> None:
    """A low on another tier, or taken back, protects nobody here."""
    with holding("borrow", 8, [0, 0, 0, 0, 100, 50], tiers_low={"/b": {"slow": "max", "fast": 0}}) as swap:
        assert demote(swap, 40) == 40
        assert in_fast(swap)[4:] == [60, 50]
        swap.cgroup("/b", tiers_low={"fast": "max"})
        assert demote(swap, 40) == 40
        assert in_fast(swap)[4:] == [60, 10]
        swap.cgroup("/b", tiers_low={})
        assert demote(swap, 40) == 40
        assert in_fast(swap)[4:] == [20, 10]
        swap.cgroup("/b", tiers_low={"fast": "max"})
        swap.remove_cgroup("/b")
        assert in_fast_of_root(swap) == 20
        assert demote(swap, 20) == 20


def in_fast_of_root(swap: st.SwapSystem) -> int:
    return int(swap.core.cell(0, 0).entries)


@pytest.mark.parametrize("share", SHARES)
def test_low_holds_while_the_others_have_only_young_entries(share: str) -> None:
    """Nothing has to go where an edge is for old entries and an unprotected cgroup has none: the protected keeps its own."""
    tiers = [st.MemorySpec(name="fast", capacity="4M"), st.MemorySpec(name="slow", capacity="4M")]
    edge: Any = {"source": "fast", "target": "slow", "policy": "age", "older_than": "10ns", "share": share}
    clock = Clock()
    clock.now = 100
    with st.SwapSystem(
        tiers, [st.EdgeSpec(when=st.Triggers(request=True), **edge)], clock=clock, max_entries=1 << 12
    ) as swap:
        swap.cgroup("/kept", tiers_low={"fast": "1M"})
        swap.cgroup("/other")
        swap.swap_out(np.full((5, PAGE), 1, np.uint8), "/kept", last_used_ns=1)
        young = swap.swap_out(np.full((5, PAGE), 2, np.uint8), "/other", last_used_ns=99)
        assert demote(swap, 5) == 0
        swap.discard(young)
        assert demote(swap, 5) == 5
        assert swap.stats().cgroups["/kept"].tiers_low_events == 1


def test_raw_bytes_count_not_entries() -> None:
    """A cgroup whose pages do not compress holds more of a compressed tier, and borrows more, with as many entries."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="4M"), st.MemorySpec(name="slow", capacity="4M")]
    edge = st.EdgeSpec(source="zswap", target="slow", share="borrow", batch=4, when=st.Triggers(request=True))
    random = np.random.default_rng(1).integers(0, 256, (50, PAGE), np.uint8)
    half = np.where(np.arange(PAGE) < PAGE // 2, random, 0).astype(np.uint8)
    with st.SwapSystem(tiers, [edge], clock=Clock(), max_entries=1 << 12) as swap:
        for path, pages in (("/raw", random), ("/half", half)):
            swap.cgroup(path)
            swap.swap_out(pages, path)
        swap.demote(20 * PAGE, source="zswap")
        swap.check()
        groups = swap.stats().cgroups
        assert (groups["/raw"].zswpwb, groups["/half"].zswpwb) == (20, 0)


def test_a_full_tier_makes_the_borrower_give() -> None:
    """Room for a newcomer's store comes from whoever holds most, whoever came last and whatever is coldest."""
    tiers = [st.MemorySpec(name="fast", capacity="1M"), st.MemorySpec(name="slow", capacity="4M")]
    edge = st.EdgeSpec(source="fast", target="slow", share="borrow", batch=4)
    with st.SwapSystem(tiers, [edge], clock=Clock(), max_entries=1 << 12) as swap:
        held = {path: swap.cgroup(path) for path in ("/cold", "/rich", "/new")}
        for path, pages, used in (("/cold", 50, 1), ("/rich", 206, 5), ("/new", 60, 9)):
            swap.swap_out(np.full((pages, PAGE), 7, np.uint8), path, last_used_ns=used)
        entries = {path: int(swap.core.cell(group.index, 0).entries) for path, group in held.items()}
        assert entries == {"/cold": 50, "/rich": 146, "/new": 60}


@pytest.mark.parametrize("share", ["equal", None, 1])
def test_a_share_that_there_is_not(share: Any) -> None:
    """Taken for round-robin, it would be found out by nobody."""
    with pytest.raises(ValueError, match="'share' must be"):
        st.EdgeSpec(source="fast", target="slow", share=share)
