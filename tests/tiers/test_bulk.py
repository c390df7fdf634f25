"""Many pages in one compiled call do what the bindings do page by page, byte for byte, and say no where they can't."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.codecs import Codec, checksum, checksums, make_codec
from swaptiers.core.compile import interpreted
from swaptiers.testing.wrapped import WrappedTier
from swaptiers.tiers import bulk as bulk_module
from swaptiers.tiers.bulk import NO_SUMS, Bulk, addresses, make_bulk
from swaptiers.tiers.single import bulk_of
from swaptiers.tiers.zswap import ZswapTier

PAGE = 4096
pytestmark = pytest.mark.skipif(interpreted(), reason="interpreted kernels have no C functions")


def pages_of(seed: int, n: int, size: int = PAGE) -> Any:
    """Pages from hardly to not at all compressible, and an empty one."""
    rng = np.random.default_rng(seed)
    pages = rng.integers(0, 2 + rng.integers(0, 254, (n, 1)), (n, size)).astype(np.uint8)
    pages[n // 2] = 0
    return pages


def many(compressor: str, level: int | None = None, size: int = PAGE) -> tuple[Codec, Bulk]:
    codec = make_codec(compressor, level, size)
    made = make_bulk(codec)
    if made is None:
        pytest.skip(f"{compressor}'s binding shows no functions here")
    return codec, made


@pytest.mark.parametrize(
    ("compressor", "level"), [("lz4", None), ("lz4", 9), ("zstd", None), ("zstd", 3), ("zstd", -5)]
)
@settings(max_examples=12, deadline=None)
@given(seed=some.integers(0, 1 << 30), n=some.integers(1, 100), size=some.sampled_from([4096, 16384, 65536]))
def test_the_same_bytes_as_the_binding(compressor: str, level: int | None, seed: int, n: int, size: int) -> None:
    """Lengths decide what is charged and where pages go: another byte would be another result on another machine."""
    codec, own = many(compressor, level, size)
    tier, pages = ZswapTier("some", codec), pages_of(seed, n, size)
    rows = own.encode_rows(pages)
    objects = own.encode_objects([page.tobytes() for page in pages])
    assert objects is not None
    wanted = [tier.encode(page.tobytes()) for page in pages]
    for made in (rows, objects):
        assert made.zero.tolist() == [not page.any() for page in pages]
        stored = [b"" if zero else payload for zero, payload in zip(made.zero.tolist(), wanted, strict=True)]
        assert made.payloads == stored
        assert made.lengths.tolist() == [len(payload) for payload in stored]
        assert made.checksums.tolist() == [checksum(payload) if payload else 0 for payload in stored]
    out = np.ones((n, size), np.uint8)
    places = np.random.default_rng(seed).permutation(n)
    assert own.decode_into(wanted, checksums(wanted, n), places, out)
    assert (out[places] == pages).all()
    held = [page.tobytes() for page in pages]
    assert own.count_decoded(wanted, addresses(held)) == n
    assert own.decode_into(wanted, NO_SUMS, np.arange(n), out)
    assert (out == pages).all()


@pytest.mark.parametrize("compressor", ["lz4", "zstd"])
def test_what_is_wrong_is_refused(compressor: str) -> None:
    """A payload that was changed, cut or is no bytes object must not be believed, nor read beyond its end."""
    _, own = many(compressor)
    pages = pages_of(1, 8)
    pages[:, 0] |= 1  # of a zero-filled one nothing would be encoded
    held = [page.tobytes() for page in pages]
    good = own.encode_objects(held)
    assert good is not None
    out, places = np.empty((8, PAGE), np.uint8), np.arange(8)
    for bad in (b"", b"\x00" * 100, bytes(good.payloads[3][:-1]), bytes(PAGE - 1), bytearray(good.payloads[3]), None):
        payloads: list[Any] = list(good.payloads)
        payloads[3] = bad
        assert not own.decode_into(payloads, good.checksums, places, out)
        assert not own.decode_into(payloads, NO_SUMS, places, out)
        if isinstance(bad, bytes):
            sums = good.checksums.copy()
            sums[3] = checksum(bad)
            assert not own.decode_into(payloads, sums, places, out)
            assert own.count_decoded(payloads, addresses(held)) == 7
        else:
            assert own.count_decoded(payloads, addresses(held)) is None
    assert own.encode_objects([pages[0].tobytes(), pages[1].data]) is None
    assert own.encode_objects([pages[0].tobytes()[:-1]]) is None


@pytest.mark.parametrize("compressor", ["lz4", "zstd"])
def test_threads_have_contexts_of_their_own(compressor: str) -> None:
    """The GIL is let go of: two threads in one context, or one buffer, would mix their pages."""
    codec, own = many(compressor)
    wrong: list[int] = []

    def work(seed: int) -> None:
        pages = pages_of(seed, 64)
        wanted = [codec.compress(page.tobytes()) for page in pages]
        for _ in range(30):
            made = own.encode_rows(pages)
            for i, payload in enumerate(made.payloads):
                if not made.zero[i] and len(payload) < PAGE and payload != wanted[i]:
                    wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_whoever_is_around_a_tier_sees_every_page() -> None:
    """A wrapper that counts or breaks pages must be asked for each; so must somebody's own codec."""
    codec = make_codec("lz4", None, PAGE)
    tier = ZswapTier("zswap", codec)
    assert bulk_of(tier) is tier.bulk
    assert bulk_of(WrappedTier(tier)) is None
    own = Codec("lz4", 1, PAGE, codec.compress, codec.decompress)
    assert make_bulk(own) is None


def test_without_the_functions_the_numbers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A binding that shows no functions: page by page, the same entries, lengths and counters."""

    def run() -> tuple[Any, ...]:
        tiers = [st.ZswapSpec(name="zswap", max_pool="300K"), st.FileSpec(name="disk", capacity="8M")]
        with st.SwapSystem(tiers) as swap:
            pages = pages_of(7, 300)
            ids = swap.swap_out(pages, last_used_ns=5)
            assert (swap.peek(ids[::3]) == pages[::3]).all()
            assert (swap.swap_in(ids[50:]) == pages[50:]).all()
            swap.check()
            stats = swap.stats()
            return stats.tiers, stats.zero, [swap.peek_page(int(each)) for each in ids[:50]]

    with_functions = run()
    monkeypatch.setattr(bulk_module, "_works", lambda _: False)
    assert run() == with_functions
