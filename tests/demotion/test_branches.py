"""Several edges out of one tier: what `only` takes, what it leaves to others, and conditions that overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from stores import PAGE, check_whole, pages_of, where

import swaptiers as st
from swaptiers.demotion.only import Only, class_bounds, classes_in, overlap

ON_REQUEST = st.Triggers(request=True)


def branching(*edges: tuple[str, str | None], **terms: Any) -> st.SwapSystem:
    """Zswap above tiers a, b, c, with an edge and a condition to each that is named."""
    tiers: list[Any] = [st.ZswapSpec(name="zswap", max_pool="8M")]
    tiers += [st.MemorySpec(name=name, capacity="2M") for name in "abc"]
    specs = [st.EdgeSpec(source="zswap", target=to, only=only, when=ON_REQUEST, **terms) for to, only in edges]
    return st.SwapSystem(tiers, specs, on_full="spill", max_entries=1 << 16)


def test_raw_pages_take_their_own_edge() -> None:
    """Raw pages go straight to b, and nothing else does; the edge without a condition takes the rest."""
    with branching(("a", None), ("b", "raw")) as swap:
        pages = np.concatenate([pages_of(PAGE, 5), pages_of(1000, 5), pages_of(PAGE, 5, 2), pages_of(2000, 5)])
        ids = swap.swap_out(pages)
        done = swap.demote("1M", source="zswap")
        assert where(swap, ids) == ["b"] * 5 + ["a"] * 5 + ["b"] * 5 + ["a"] * 5
        assert done.entries == 20
        check_whole(swap, ids, pages)


def test_what_no_edge_takes_stays() -> None:
    """Entries that match no condition are not moved by the wrong edge, and do not block those behind them."""
    with branching(("a", "ratio > 0.4 and ratio <= 0.6"), ("b", "raw")) as swap:
        ids = swap.swap_out(np.concatenate([pages_of(400, 3), pages_of(2000, 3), pages_of(PAGE, 3)]))
        done = swap.demote("1M", source="zswap")
        assert where(swap, ids) == ["zswap"] * 3 + ["a"] * 3 + ["b"] * 3
        assert not done.met


def test_cgroups_take_their_own_edge() -> None:
    """`cgroup in` means the subtree; everybody else's entries go along the edge without a condition."""
    with branching(("a", "cgroup in [/web]"), ("b", None)) as swap:
        for path in ("/web/worker", "/webx"):
            swap.cgroup(path)
        mine = swap.swap_out(pages_of(1000, 3), "/web/worker")
        other = swap.swap_out(pages_of(1000, 3, 2), "/webx")
        swap.demote("1M", source="zswap")
        assert (where(swap, mine), where(swap, other)) == (["a"] * 3, ["b"] * 3)


def test_conditions_of_both_kinds_together() -> None:
    """The rest of `raw and cgroup in [/a]` is not raw, or not of /a: both halves of the complement."""
    with branching(("a", "raw and cgroup in [/a]"), ("b", None)) as swap:
        for path in ("/a", "/b"):
            swap.cgroup(path)
        ids = [
            swap.swap_out(pages_of(size, 2, seed), path)
            for seed, (path, size) in enumerate([("/a", PAGE), ("/a", 900), ("/b", PAGE), ("/b", 900)])
        ]
        swap.demote("1M", source="zswap")
        assert [where(swap, each)[0] for each in ids] == ["a", "b", "b", "b"]


def test_each_class_keeps_its_order() -> None:
    """Within a class the coldest go first, though entries of another class came in between."""
    with branching(("a", None), ("b", "raw"), batch=1) as swap:
        ids = swap.swap_out(
            np.concatenate([pages_of(PAGE if i % 2 else 1000, 1, i) for i in range(10)]), last_used_ns=np.arange(10)
        )
        swap.demote(2 * PAGE, source="zswap", target="b")
        assert where(swap, ids) == ["zswap", "b", "zswap", "b"] + ["zswap"] * 6


def test_a_removed_cgroups_entries_follow_their_parents_edges() -> None:
    """Reparented entries are in the right class of their parent's list, and go where the parent's go."""
    with branching(("a", "raw and cgroup in [/a]"), ("b", None)) as swap:
        swap.cgroup("/a")
        pages = np.concatenate([pages_of(PAGE, 3), pages_of(900, 3)])
        ids = swap.swap_out(pages, "/a")
        swap.remove_cgroup("/a")
        swap.demote("1M", source="zswap")
        assert where(swap, ids) == ["b"] * 6
        check_whole(swap, ids, pages)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("raw", "ratio > 0.9", True),
        ("raw", "not raw", False),
        ("ratio > 0.5", "ratio <= 0.5", False),
        ("ratio >= 0.5", "ratio <= 0.5", True),
        ("cgroup in [/a]", "cgroup in [/a/b]", True),
        ("cgroup in [/a]", "cgroup in [/ab]", False),
        ("cgroup in [/a]", "cgroup not in [/a]", False),
        ("cgroup in [/a]", "cgroup not in [/a/b]", True),
        ("cgroup in [/a] and raw", "cgroup in [/a] and not raw", False),
        ("cgroup not in [/a]", "cgroup not in [/b]", True),
        ("cgroup in [/a] and cgroup in [/b]", "raw", False),
    ],
)
def test_overlap(one: str, other: str, both: bool) -> None:
    """Two edges never claim one entry, whichever way round they are listed."""
    for left, right in ((one, other), (other, one)):
        assert (overlap(Only.parse(left), Only.parse(right), PAGE) is not None) == both
        if both:
            with pytest.raises(st.GraphError, match="overlap"):
                branching(("a", left), ("b", right))
        else:
            branching(("a", left), ("b", right)).close()


@given(some.sampled_from(["<", "<=", ">", ">="]), some.integers(0, 1000), some.integers(0, PAGE))
def test_lengths_are_exact(operator: str, thousandths: int, length: int) -> None:
    """A ratio is compared as it is written, not as a float near it."""
    only = Only.parse(f"ratio {operator} {thousandths / 1000}")
    first, end = only.lengths(PAGE)
    left, right = length * 1000, thousandths * PAGE
    wanted = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
    assert (first <= length < end) == wanted


@given(some.lists(some.tuples(some.sampled_from(["<", ">="]), some.integers(1, 99)), min_size=1, max_size=5))
def test_classes_are_fine_enough(ratios: list[tuple[str, int]]) -> None:
    """A class lies wholly inside or outside of every condition."""
    conditions = [Only.parse(f"ratio {operator} {percent}%") for operator, percent in ratios]
    bounds = class_bounds(conditions, PAGE)
    for length in {1, PAGE, *bounds, *(b - 1 for b in bounds)}:
        own = sum(bound <= length for bound in bounds)
        for condition in conditions:
            first, end = condition.lengths(PAGE)
            assert bool(classes_in(bounds, first, end) >> own & 1) == (first <= length < end)


@pytest.mark.parametrize(
    "text", ["raw", "not raw", "ratio > 0.8", "ratio <= 80% and cgroup in [/a, /b]", "cgroup not in [/a] and raw"]
)
def test_written_and_read_again(text: str) -> None:
    """What `swaptiers check` prints means the same."""
    only = Only.parse(text)
    assert Only.parse(only.written()) == only


@pytest.mark.parametrize("text", ["", "rare", "ratio = 1", "ratio > x", "cgroup in [web]", "raw or ratio > 1", 5])
def test_no_condition(text: Any) -> None:
    """What is no condition says what can be written."""
    with pytest.raises(ValueError, match="condition|paths like"):
        Only.parse(text)


def test_ratios_want_a_tier_that_compresses() -> None:
    """In whole pages every ratio is 1: the condition would silently take everything or nothing."""
    tiers = [st.MemorySpec(name="a", capacity="2M"), st.MemorySpec(name="b", capacity="2M")]
    with pytest.raises(st.GraphError, match="whole pages"):
        st.SwapSystem(tiers, [st.EdgeSpec(source="a", target="b", only="raw")])
