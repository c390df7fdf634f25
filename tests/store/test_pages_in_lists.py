"""Pages that come as a list of bytes objects: stored as the rows of an array are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swaptiers as st

PAGE = 4096
TIERS: dict[str, list[Any]] = {
    "zswap": [st.ZswapSpec(name="zswap", max_pool="64K"), st.FileSpec(name="disk", capacity="8M")],
    "refuses raw": [st.ZswapSpec(name="zswap", max_pool="1M", raw="refuse"), st.FileSpec(name="disk", capacity="8M")],
    "two codecs": [
        st.ZswapSpec(name="zswap", max_pool="64K"),
        st.FileSpec(name="log", capacity="8M", layout="log", compressor="zstd"),
    ],
    "whole pages": [st.MemorySpec(name="far", capacity="64K"), st.FileSpec(name="disk", capacity="8M")],
}


def some_pages() -> Any:
    """Zero-filled, compressible and incompressible ones, more than a call does at a time."""
    rng = np.random.default_rng(1)
    pages = rng.integers(0, 8, (300, PAGE), np.uint8)
    pages[::5] = rng.integers(0, 256, (60, PAGE), np.uint8)
    pages[::7] = 0
    return pages


@pytest.mark.parametrize("kind", sorted(TIERS))
def test_as_the_rows_of_an_array(kind: str) -> None:
    """The same places, lengths and accounts, whatever the kind of buffer, and the same pages back."""
    pages, found = some_pages(), []
    listed = [page.tobytes() for page in pages]
    for given in (
        pages,
        listed,
        tuple(listed),
        [bytearray(page) for page in listed],
        [page.data for page in pages],
        list(pages),
    ):
        with st.SwapSystem(TIERS[kind], on_full="spill", clock=lambda: 7) as swap:
            ids = swap.swap_out(given)
            swap.check()
            assert (swap.peek(ids) == pages).all()
            stats = swap.stats()
            found.append((stats.tiers, stats.zero, stats.entries))
    assert all(each == found[0] for each in found)


def test_clean_ones() -> None:
    """They are compared with what their slots hold."""
    tiers = [st.FileSpec(name="disk", capacity="8M", keep_clean=True)]
    with st.SwapSystem(tiers) as swap:
        pages = some_pages()[1:5]
        ids = swap.swap_out(pages)
        listed = [page.tobytes() for page in swap.swap_in(ids, keep_clean=True)]
        written = swap.stats().tiers["disk"].written_bytes
        assert swap.swap_out(listed, clean=ids).tolist() == ids.tolist()
        assert swap.stats().tiers["disk"].written_bytes == written


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([bytes(PAGE), bytes(PAGE - 1)], ValueError, "4095"),
        ([bytes(PAGE), "x" * PAGE], TypeError, "str"),
        ([np.zeros(PAGE // 2, np.uint16)], TypeError, "uint16"),
        (b"x" * PAGE, TypeError, "a list of 4096 bytes each, not bytes"),
    ],
)
def test_what_is_refused(given: Any, error: type[Exception], words: str) -> None:
    """Before anything is stored."""
    with st.SwapSystem(TIERS["zswap"]) as swap:
        with pytest.raises(error, match=words):
            swap.swap_out(given)
        assert len(swap) == 0
        assert swap.swap_out([]).tolist() == []
