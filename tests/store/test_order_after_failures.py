"""After a failure the cold list has its order by last use again: `lru` moves the coldest, not what was handled last."""

from __future__ import annotations

import errno
import os
from typing import Any

import numpy as np
import pytest
from cold_lists import check_cold_lists

import swaptiers as st

PAGE = 4096
N = 40
PAGES = np.random.default_rng(5).integers(0, 256, (N, PAGE), np.uint8)


class Broken:
    """A tier's method that fails until it is mended."""

    def __init__(self, tier: Any, method: str) -> None:
        self._tier, self._method, self._real = tier, method, getattr(tier, method)
        setattr(tier, method, self)

    def __call__(self, *_: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def mend(self) -> None:
        setattr(self._tier, self._method, self._real)


def system() -> st.SwapSystem:
    tiers = [st.MemorySpec(name="near", capacity="1M"), st.MemorySpec(name="far", capacity="1M")]
    edges = [st.EdgeSpec(source="near", target="far", batch=10, when=st.Triggers(request=True))]
    return st.SwapSystem(tiers, edges, max_entries=1 << 12)


def coldest_first(swap: st.SwapSystem, ids: Any) -> list[int]:
    """The pages' numbers in the order in which requests for one page after the other move them."""
    rows = [int(entry) & 0xFFFF_FFFF for entry in ids]
    order: list[int] = []
    while len(order) < len(rows):
        swap.demote(PAGE, source="near")
        order += [i for i, row in enumerate(rows) if swap.core.records[row].tier == 1 and i not in order]
    return order


@pytest.mark.parametrize("way", ["batch", "single", "batch backwards"])
@pytest.mark.parametrize("failed", [slice(30, 40), slice(15, 25), slice(0, 40), slice(39, 40)])
def test_a_load_that_failed(way: str, failed: slice) -> None:
    """The pages that could not be read are the hottest as before, not the first to be sent further down."""
    with system() as swap:
        ids = swap.swap_out(PAGES, last_used_ns=np.arange(N))
        broken = Broken(swap.tiers[0], "load")
        if way == "single":
            for entry in ids[failed].tolist():
                with pytest.raises(st.TierIOError):
                    swap.swap_in_page(entry)
        else:
            with pytest.raises(st.TierIOError):
                swap.swap_in(ids[failed] if way == "batch" else ids[failed][::-1])
        broken.mend()
        check_cold_lists(swap)
        assert coldest_first(swap, ids) == list(range(N))
        assert (swap.swap_in(ids) == PAGES).all()


@pytest.mark.parametrize("method", ["load", "store"])
def test_a_move_that_failed(method: str) -> None:
    """The batch goes back to the old end in its order, and what is stored meanwhile does not get between."""
    with system() as swap:
        ids = swap.swap_out(PAGES[:30], last_used_ns=np.arange(30))
        broken = Broken(swap.tiers[0 if method == "load" else 1], method)
        for _ in range(3):
            with pytest.raises(st.TierIOError):
                swap.demote("1M", source="near")
        more = swap.swap_out(PAGES[30:], last_used_ns=np.arange(30, 40))
        broken.mend()
        check_cold_lists(swap)
        assert coldest_first(swap, [*ids, *more]) == list(range(N))
        assert (swap.swap_in([*ids, *more]) == PAGES).all()
