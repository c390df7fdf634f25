"""The zswap tier: payloads come back as they were, raw pages are kept raw, and nothing of the caller's is held."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.codecs import DecodeError, make_codec
from swaptiers.tiers.zswap import ZswapTier

PAGE = 4096
COMPRESSORS = ["lz4", "zstd"]


def page_of(noise: int, seed: int = 0, size: int = PAGE) -> bytes:
    """A page of which so many bytes do not compress."""
    return np.random.default_rng(seed).bytes(noise) + bytes(size - noise)


def slots_of(*slots: int) -> Any:
    return np.array(slots, np.int64)


def load(tier: ZswapTier, *slots: int) -> list[bytes]:
    return [bytes(each) for each in tier.load(slots_of(*slots), np.zeros(len(slots), np.int32))]


def test_a_slot_that_was_never_stored_is_no_payload() -> None:
    """A store that was acknowledged above us and never came: wrong bytes, which a checksum finds, not an IndexError."""
    tier = ZswapTier("zswap", make_codec("lz4", None, PAGE))
    assert load(tier, 5, 0) == [b"", b""]
    assert tier.load_one(7, 100) == b""
    tier.store(slots_of(0), [b"here"])
    assert load(tier, 0, 1 << 20) == [b"here", b""]


@pytest.mark.parametrize("size", [4096, 65536])
def test_raw_exactly_where_it_gets_no_smaller(size: int) -> None:
    """As zswap_compress(): a result of a page or more is not kept, a byte less is. Page by page around that edge."""
    codec = make_codec("lz4", None, size)
    tier = ZswapTier("zswap", codec)
    lengths = []
    for noise in (0, size // 2, *range(size - 400, size + 1)):
        page = page_of(noise, noise, size)
        payload = tier.encode(page)
        compressed = len(codec.compress(page))
        assert len(payload) == min(size, compressed)
        assert (payload == page) == (compressed >= size)
        assert tier.decode(payload) == page
        lengths.append(compressed)
    assert {size - 1, size} <= set(lengths), "the edge itself was not tried"


def test_a_raw_payload_is_a_copy() -> None:
    """A view of the caller's buffer would change when the caller reuses it."""
    tier = ZswapTier("zswap", make_codec("lz4", None, PAGE))
    buffer = bytearray(page_of(PAGE))
    payload = tier.encode(memoryview(buffer))
    buffer[:] = bytes(PAGE)
    assert payload == page_of(PAGE)


def test_slots_hold_what_was_stored_last() -> None:
    """Against a dict: any order of stores, frees and stores again, in slots near and far."""
    tier = ZswapTier("zswap", make_codec("lz4", None, PAGE))
    chance = random.Random(1)
    kept: dict[int, bytes] = {}
    for turn in range(300):
        slots = [*chance.sample(range(40), 5), chance.choice([5000, 20_000, 9999])]
        if chance.random() < 0.4:
            tier.free(slots_of(*slots))
            for slot in slots:
                kept.pop(slot, None)
        else:
            payloads = [f"{turn}:{slot}".encode() for slot in slots]
            tier.store(slots_of(*slots), payloads)  # type: ignore[arg-type]
            kept.update(zip(slots, payloads, strict=True))
        assert load(tier, *kept) == list(kept.values())


def test_a_freed_slot_gives_its_memory_back() -> None:
    """What is freed must not be held until somebody stores there again; freeing what was never stored is no error."""
    tier = ZswapTier("zswap", make_codec("lz4", None, PAGE))
    tier.store(slots_of(1, 2), [b"one", b"two"])
    tier.free(slots_of(1, 1, 7, 100_000))
    assert [payload for payload in tier.payloads if payload is not None] == [b"two"]
    tier.close()
    tier.close()
    assert tier.payloads == []


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_a_slot_without_a_payload_is_never_a_page(compressor: str) -> None:
    """A load from a slot that was freed meanwhile must not look like a page of anybody's."""
    tier = ZswapTier("zswap", make_codec(compressor, None, PAGE))
    tier.store(slots_of(0), [tier.encode(page_of(100))])
    tier.free(slots_of(0))
    (payload,) = load(tier, 0)
    with pytest.raises(DecodeError):
        tier.decode(payload)


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("level", [None, 3, 9])
def test_a_system_of_one_zswap_tier(compressor: Any, level: int | None) -> None:
    """Its stored bytes are the payloads' lengths, raw pages counted whole, and all pages come back."""
    codec = make_codec(compressor, level, PAGE)
    pages = [page_of(noise, noise) for noise in (1, 100, 1000, 2000, 3000, 4000, PAGE, PAGE, 50)]
    spec = st.ZswapSpec(name="zswap", compressor=compressor, level=level, max_pool="1M")
    with st.SwapSystem([spec], max_entries=1 << 12) as swap:
        ids = swap.swap_out(np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE))
        tier = swap.stats().tiers["zswap"]
        assert tier.stored_bytes == sum(min(PAGE, len(codec.compress(page))) for page in pages)
        assert (tier.entries, tier.logical_bytes) == (9, 9 * PAGE)
        assert [page.tobytes() for page in swap.swap_in(ids)] == pages
        opened: Any = swap.tiers[0]
        assert not any(opened.payloads)


def test_raw_refuse_sends_them_on() -> None:
    """`raw: refuse`: what does not get smaller goes to the next tier, as a zswap without raw pages does it."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M", raw="refuse"), st.MemorySpec(name="far", capacity="1M")]
    pages = np.frombuffer(b"".join(page_of(noise, noise) for noise in (PAGE, 100, PAGE)), np.uint8).reshape(-1, PAGE)
    with st.SwapSystem(tiers, max_entries=1 << 12) as swap:
        ids = swap.swap_out(pages)
        stats = swap.stats().tiers
        assert (stats["zswap"].entries, stats["far"].entries) == (1, 2)
        assert dict(stats["zswap"].refused) == {"incompressible": 2}
        assert (swap.swap_in(ids) == pages).all()


def test_two_zswap_tiers_in_a_chain() -> None:
    """A demotion from lz4 to zstd recompresses: fewer bytes below, the same pages."""
    tiers = [
        st.ZswapSpec(name="fast", compressor="lz4", max_pool="1M"),
        st.ZswapSpec(name="dense", compressor="zstd", level=9, max_pool="1M"),
    ]
    draw = np.random.default_rng(4)
    pages = draw.integers(0, 6, (30, PAGE), np.uint8)
    with st.SwapSystem(tiers, max_entries=1 << 12) as swap:
        ids = swap.swap_out(pages)
        before = swap.stats().tiers["fast"].stored_bytes
        done = swap.demote("1M", source="fast")
        assert (done.entries, done.freed_bytes) == (30, before)
        after = swap.stats().tiers
        assert after["fast"].stored_bytes == 0
        assert done.written_bytes == after["dense"].stored_bytes < before
        swap.check()
        assert (swap.swap_in(ids) == pages).all()
