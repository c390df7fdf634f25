"""`swap.plan`: what a request would do, entry by entry, without doing any of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from stores import PAGE, Clock, check_whole, pages_of, where

import swaptiers as st

REQUEST = st.Triggers(request=True)


def store(policy: str = "lru", *, disk: str = "2M", only: str | None = None, **terms: Any) -> st.SwapSystem:
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", max_pool="4M"),
        st.MemorySpec(name="far", capacity="1M"),
        st.MemorySpec(name="disk", capacity=disk),
    ]
    edges = [
        st.EdgeSpec(source="zswap", target="far", policy=policy, only=only, **{"when": REQUEST, "batch": 4, **terms}),
        st.EdgeSpec(source="far", target="disk", when=st.Triggers(pressure=True)),
    ]
    return st.SwapSystem(tiers, edges, on_full="spill", clock=Clock(), max_entries=1 << 16)


def test_what_it_says_is_what_happens() -> None:
    """The entries, the order, the bytes and the outcome are those of the real request that follows."""
    with store() as swap:
        pages = pages_of(1500, 40)
        ids = swap.swap_out(pages, last_used_ns=np.random.default_rng(1).permutation(40))
        plan = swap.plan(12_000, source="zswap")
        assert where(swap, ids) == ["zswap"] * 40
        assert {(move.source, move.target, move.cgroup, move.trigger) for move in plan.moves} == {
            ("zswap", "far", "/", "request")
        }
        planned = np.concatenate([move.ids for move in plan.moves]).tolist()
        stays = set(plan.stays["not_needed"].tolist())
        assert swap.demote(12_000, source="zswap") == plan.outcome
        moved = [entry for entry, tier in zip(ids.tolist(), where(swap, ids), strict=True) if tier == "far"]
        assert sorted(planned) == sorted(moved)
        assert stays == set(ids.tolist()) - set(moved)
        assert plan.reason(min(stays)) == "not_needed"
        with pytest.raises(KeyError):
            plan.reason(planned[0])
        check_whole(swap, ids, pages)


def test_nothing_is_touched() -> None:
    """Counters, marks, lists and turns are as before: a thousand plans change nothing that a demotion would see."""
    with store("second-chance") as swap:
        for path in ("/a", "/b"):
            swap.cgroup(path)
            swap.swap_out(pages_of(900, 10, len(path)), path)
        header, records = swap.core.header.tobytes(), swap.core.records[:20].tobytes()
        plan = swap.plan("1M", source="zswap", referenced="rotate")
        assert plan.outcome.rotated > 0
        assert swap.core.records[:20].tobytes() == records
        before = np.frombuffer(header, swap.core.header.dtype)[0]
        assert before["edges"].tobytes() == swap.core.st["edges"].tobytes()
        assert before["tiers"].tobytes() == swap.core.st["tiers"].tobytes()
        swap.check()


def test_push_back_is_part_of_the_plan() -> None:
    """A full next tier is emptied first, and the plan shows that batch, too."""
    with store() as swap:
        swap.cgroup("/x", zswap_max=0)
        below = swap.swap_out(pages_of(PAGE, 256, 7), "/x")
        assert set(where(swap, below)) == {"far"}
        swap.swap_out(pages_of(1500, 8))
        plan = swap.plan(3000, source="zswap")
        assert [(move.source, move.trigger) for move in plan.moves] == [("far", "pressure"), ("zswap", "request")]
        assert plan.outcome.met


@pytest.mark.parametrize(
    ("terms", "limits", "reason"),
    [
        ({"only": "raw"}, {}, "no_edge"),
        ({}, {"tiers_max": {"far": 0}}, "forbidden"),
        ({}, {"swap_max": 0}, "swap_max"),
        ({}, {"zswap_writeback": False}, "writeback_off"),
        ({"quota": "2K/s"}, {}, "quota"),
        ({"policy": "age", "older_than": "1s"}, {}, "too_young"),
    ],
)
def test_why_not_the_others(terms: dict[str, Any], limits: dict[str, Any], reason: str) -> None:
    """Each entry that stays has the reason that keeps it, and the real request agrees."""
    with store(**terms) as swap:
        swap.cgroup("/a", **limits)
        ids = swap.swap_out(pages_of(900, 10), "/a", last_used_ns=0)
        plan = swap.plan("1M", source="zswap", cgroup="/a")
        moved = {entry for move in plan.moves for entry in move.ids.tolist()}
        assert set(plan.stays) == {reason}
        assert set(plan.stays[reason].tolist()) | moved == set(ids.tolist())
        assert swap.demote("1M", source="zswap", cgroup="/a").entries == len(moved)


def test_other_cgroups_are_no_business_of_it() -> None:
    """Only the asked subtree's entries have a reason."""
    with store() as swap:
        for path in ("/a/b", "/c"):
            swap.cgroup(path)
        mine = swap.swap_out(pages_of(900, 3), "/a/b")
        swap.swap_out(pages_of(900, 3, 2), "/c")
        plan = swap.plan(0, source="zswap", cgroup="/a")
        assert plan.stays["not_needed"].tolist() == mine.tolist()


@settings(max_examples=40)
@given(
    policy=some.sampled_from(["lru", "fifo", "second-chance", "largest", "random"]),
    sizes=some.lists(some.sampled_from([300, 1000, 2500, PAGE]), min_size=1, max_size=40),
    nbytes=some.integers(0, 60_000),
    referenced=some.sampled_from(["ignore", "rotate"]),
    seed=some.integers(0, 1000),
)
def test_any_plan_comes_true(policy: str, sizes: list[int], nbytes: int, referenced: Any, seed: int) -> None:
    """Whatever the policy, what is planned is what is moved."""
    with store(policy) as swap:
        random = np.random.default_rng(seed)
        swap.cgroup("/a")
        pages = np.concatenate([pages_of(size, 1, seed + i) for i, size in enumerate(sizes)])
        half = len(pages) // 2
        ids = np.concatenate(
            [
                swap.swap_out(pages[:half], "/a", last_used_ns=random.permutation(half)),
                swap.swap_out(pages[half:], last_used_ns=random.permutation(len(pages) - half)),
            ]
        )
        plan = swap.plan(nbytes, source="zswap", referenced=referenced)
        assert swap.demote(nbytes, source="zswap", referenced=referenced) == plan.outcome
        planned = {entry for move in plan.moves for entry in move.ids.tolist()}
        assert planned == {entry for entry, tier in zip(ids.tolist(), where(swap, ids), strict=True) if tier == "far"}
        assert planned | {e for stay in plan.stays.values() for e in stay.tolist()} == set(ids.tolist())
        check_whole(swap, ids, pages)


def test_a_plan_of_nothing() -> None:
    """As `demote`: unknown tiers and missing edges are errors, an empty tier is an unmet request."""
    with store() as swap:
        assert not swap.plan("1M", source="zswap").outcome.met
        with pytest.raises(st.GraphError):
            swap.plan("1M", source="zswp")
        with pytest.raises(st.ConfigError, match="no edge"):
            swap.plan("1M", source="disk")
