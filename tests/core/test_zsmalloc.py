"""zsmalloc's size classes and what a pool takes, against the kernel's figures and an independent count."""

from __future__ import annotations

import contextlib
import functools
import random
from collections import Counter
from collections.abc import Iterator
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.codecs import Buffer
from swaptiers.core.zsmalloc import object_size
from swaptiers.testing.wrapped import WrappedTier

PAGE = 4096
HANDLE = 8


@functools.cache
def kernel_class(payload: int) -> tuple[int, int, int]:
    """(object size, objects per zspage, pages per zspage), worked out as zs_create_pool() does for 4 KiB pages.

    Sizes in steps of 16 from 32; the chain of up to 8 pages that wastes least; a class with the same objects and pages as
    the next larger one merges into it; what needs a page of its own is huge and has no handle in it.
    """
    classes: list[tuple[int, int, int]] = []
    size = PAGE
    merged: dict[tuple[int, int], int] = {}
    while size >= 32:
        pages = min(range(1, 9), key=lambda n: ((n * PAGE) % size, n))
        objects = pages * PAGE // size
        classes.append((merged.setdefault((objects, pages), size), objects, pages))
        size -= 16
    wanted = max(32, ceil((payload + HANDLE) / 16) * 16)
    if wanted > PAGE:
        return PAGE, 1, 1
    return classes[(PAGE - wanted) // 16]


def pool_of(lengths: list[int]) -> int:
    """Bytes that a fully compacted pool takes."""
    counts = Counter(kernel_class(length) for length in lengths)
    return sum(ceil(n / objects) * pages * PAGE for (_, objects, pages), n in counts.items())


FIGURES = [
    (512, 528), (1000, 1024), (1024, 1056), (1360, 1424), (2000, 2048), (2048, 2176), (3264, 3408), (3500, 3584),
    (3624, 3632), (3625, 4096), (4096, 4096),
]  # fmt: skip
"""Payload -> object size, from the documentation of the kernel's model with chains of up to 8 pages."""


@pytest.mark.parametrize(("payload", "size"), FIGURES)
def test_the_kernels_classes(payload: int, size: int) -> None:
    """The figures that the kernel's own classes have; the independent count must have them too."""
    assert object_size(payload) == size
    assert kernel_class(payload)[0] == size


def test_every_class_ends_where_the_independent_count_says() -> None:
    """One class merged too many, or a boundary off by one, would show at the last length of a class or the first after."""
    ends = [n for n in range(1, PAGE + 1) if n % 16 in (HANDLE, HANDLE + 1)]
    assert [object_size(n) for n in ends] == [kernel_class(n)[0] for n in ends]


@pytest.mark.parametrize("length", [0, -1, 4097])
def test_lengths_that_zsmalloc_refuses(length: int) -> None:
    """zs_malloc() says -EINVAL and -ENOSPC; a class for them would be made up."""
    with pytest.raises(ValueError, match="1 to 4096 bytes"):
        object_size(length)


class Cutting(WrappedTier):
    def encode(self, page: Buffer) -> Buffer:
        return bytes(page[: page[0] | page[1] << 8])


@contextlib.contextmanager
def cutting() -> Iterator[st.SwapSystem]:
    """A system whose payloads have exactly the length that stands in their page's first two bytes."""
    zswap = st.ZswapSpec(name="zswap", max_pool="16M")
    with st.SwapSystem([zswap], max_entries=1 << 12, wrap=Cutting) as swap:
        yield swap


def store(swap: st.SwapSystem, lengths: list[int]) -> list[int]:
    """Store payloads of these lengths; their ids."""
    pages = np.zeros((len(lengths), PAGE), np.uint8)
    for page, length in zip(pages, lengths, strict=True):
        page[:2] = (length & 255, length >> 8)
        page[-1] = 1
    ids: list[int] = swap.swap_out(pages).tolist()
    return ids


def pool_bytes(swap: st.SwapSystem) -> int:
    return swap.stats().tiers["zswap"].pool_bytes


def test_half_pages_stand_fifteen_to_eight_pages() -> None:
    """Half a page and its handle: the sixteenth needs another eight pages."""
    with cutting() as swap:
        store(swap, [2048] * 15)
        assert pool_bytes(swap) == 8 * PAGE
        (last,) = store(swap, [2048])
        assert pool_bytes(swap) == 16 * PAGE
        swap.discard([last])
        assert pool_bytes(swap) == 8 * PAGE


@pytest.mark.parametrize("payload", [1, 24, 25, 1000, 1024, 2048, 3624, 3625, 4095, 4096])
def test_a_pool_of_one_length(payload: int) -> None:
    """A page more or less per zspage would show in the pool's size, at the latest when the second zspage starts."""
    with cutting() as swap:
        for count in range(1, 40):
            store(swap, [payload])
            assert pool_bytes(swap) == pool_of([payload] * count)


lengths_of_payloads = some.lists(
    some.one_of(some.integers(1, PAGE), some.sampled_from([24, 25, 2040, 2048, 3624, 3625, 4096])), max_size=40
)


@settings(max_examples=60)
@given(lengths=lengths_of_payloads, order=some.randoms(use_true_random=False))
def test_any_pool_and_back_to_nothing(lengths: list[int], order: random.Random) -> None:
    """Whatever is stored and in whatever order it goes: the pool is the independent count at each step, and 0 at the end."""
    with cutting() as swap:
        left = list(zip(store(swap, lengths), lengths, strict=True))
        assert pool_bytes(swap) == pool_of(lengths)
        peak = pool_of(lengths)
        order.shuffle(left)
        while left:
            entry, _ = left.pop()
            swap.discard([entry])
            assert pool_bytes(swap) == pool_of([length for _, length in left])
        tier = swap.stats().tiers["zswap"]
        assert (tier.stored_bytes, tier.pool_bytes, tier.peak_pool_bytes) == (0, 0, peak)
