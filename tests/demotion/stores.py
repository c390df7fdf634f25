"""Small stores whose every entry can be followed, for the tests of demotion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import swaptiers as st

PAGE = 4096
Pages = npt.NDArray[np.uint8]


class Clock:
    """Nanoseconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def pages_of(length: int, n: int, seed: int = 0) -> Pages:
    """`n` different pages that lz4 stores in a little over `length` bytes."""
    pages = np.zeros((n, PAGE), np.uint8)
    pages[:, :length] = np.random.default_rng((seed, length)).integers(0, 256, (n, length), np.uint8)
    return pages


def tier_of(swap: st.SwapSystem, entry: int) -> str:
    """Where the entry is."""
    return swap.graph.tiers[int(swap.core.records[int(entry) & 0xFFFF_FFFF].tier)].name


def where(swap: st.SwapSystem, ids: Any) -> list[str]:
    """Where each entry is."""
    return [tier_of(swap, entry) for entry in ids.tolist()]


def check_whole(swap: st.SwapSystem, ids: Any, pages: Pages) -> None:
    """Every page is there, unchanged, and every account balances."""
    swap.check()
    assert np.array_equal(swap.peek(ids), pages)
