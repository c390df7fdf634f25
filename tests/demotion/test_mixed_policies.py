"""Edges with different policies out of one tier: they share its lists, as docs/edges.md says."""

from __future__ import annotations

from typing import Any

import numpy as np
from stores import Clock, pages_of, where

import swaptiers as st


def branching(*policies: str) -> st.SwapSystem:
    """Zswap, and an edge with each policy to a tier that is called like it; one entry at a time, on request."""
    tiers: list[Any] = [st.ZswapSpec(name="zswap", max_pool="8M")]
    tiers += [st.MemorySpec(name=policy, capacity="2M") for policy in policies]
    when = st.Triggers(request=True)
    edges = [st.EdgeSpec(source="zswap", target=policy, policy=policy, batch=1, when=when) for policy in policies]
    return st.SwapSystem(tiers, edges, on_full="spill", clock=Clock(), max_entries=1 << 16)


def order(swap: st.SwapSystem, ids: Any, policy: str, n: int) -> list[int]:
    """Which of the entries leave, one after the other."""
    gone = []
    for _ in range(n):
        before = where(swap, ids)
        swap.demote(1, source="zswap", target=policy)
        gone += [i for i, tier in enumerate(where(swap, ids)) if tier != before[i]]
    return gone


def test_fifo_finds_what_lru_sorted() -> None:
    """By arrival first; once `lru` has looked, by last use."""
    with branching("lru", "fifo") as swap:
        ids = swap.swap_out(pages_of(1000, 8), last_used_ns=np.array([5, 9, 1, 7, 3, 8, 2, 6]))
        assert order(swap, ids, "fifo", 2) == [0, 1]
        assert order(swap, ids, "lru", 1) == [2]
        assert order(swap, ids, "fifo", 5) == [6, 4, 7, 3, 5]


def test_lru_sorts_beyond_a_sixteenth() -> None:
    """One of a hundred that is out of order waits for its turn, ten of them do not."""
    for late in (1, 10):
        with branching("lru") as swap:
            uses = np.arange(100) + 50
            uses[60 : 60 + late] = np.arange(late)
            ids = swap.swap_out(pages_of(1000, 100), last_used_ns=uses)
            first = [0, 1, 2, 3, 4] if late == 1 else [60, 61, 62, 63, 64]
            assert order(swap, ids, "lru", 5) == first


def test_scores_leave_the_others_in_order() -> None:
    """`largest` and `random` take from anywhere; what stays is in the order in which it came."""
    with branching("largest", "random", "fifo") as swap:
        sizes = [500, 900, 700, 3000, 800, 600]
        ids = swap.swap_out(np.concatenate([pages_of(size, 1, size) for size in sizes]))
        gone = order(swap, ids, "largest", 1) + order(swap, ids, "random", 1)
        assert gone[0] == 3
        assert order(swap, ids, "fifo", 4) == [i for i in range(6) if i not in gone]
