"""Compressors: every page comes back, nonsense is refused, from one thread and from several."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from swaptiers.codecs import COMPRESSORS, Codec, DecodeError, checksum, make_codec
from swaptiers.tiers.payloads import Compressing

PAGE = 4096
LEVELS = [
    ("lz4", None),
    ("lz4", 1),
    ("lz4", 9),
    ("lz4", 65537),
    ("zstd", None),
    ("zstd", -5),
    ("zstd", 3),
    ("zstd", 22),
]


def page_of(words: list[int], run: int, size: int = PAGE) -> bytes:
    """A page that repeats a few words, each in runs."""
    return (b"".join(bytes([word]) * run for word in words) * size)[:size]


def unpack(codec: Codec, payload: bytes | memoryview) -> bytes:
    """As tiers that compress do it."""
    return bytes(Compressing("some", codec).decode(payload))


pages = some.builds(page_of, some.lists(some.integers(0, 255), min_size=1, max_size=200), some.integers(1, 64))


@settings(max_examples=40)
@given(page=pages, terms=some.sampled_from(LEVELS))
def test_a_page_comes_back(page: bytes, terms: tuple[str, int | None]) -> None:
    """At every level, whatever kind of buffer it stands in."""
    codec = make_codec(*terms, PAGE)
    payload = codec.compress(page)
    assert unpack(codec, payload) == page
    assert unpack(codec, memoryview(bytearray(payload))) == page
    assert codec.compress(memoryview(bytearray(page))) == payload


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("size", [4096, 8192, 65536])
def test_pages_of_every_size(compressor: str, size: int) -> None:
    """Also what does not compress: the payload is longer than the page then, and still decodes."""
    codec = make_codec(compressor, None, size)
    raw = np.random.default_rng(1).bytes(size)
    assert len(codec.compress(raw)) >= size
    for page in (raw, bytes(size), page_of([1, 2, 3], 7, size)):
        assert unpack(codec, codec.compress(page)) == page


@pytest.mark.parametrize(("compressor", "weak", "strong"), [("lz4", 60000, 1), ("zstd", -100, 19)])
def test_the_level_is_handed_on(compressor: str, weak: int, strong: int) -> None:
    """Forgotten, it would make every level equal."""
    page = np.random.default_rng(2).integers(0, 6, PAGE, np.uint8).tobytes()
    assert len(make_codec(compressor, weak, PAGE).compress(page)) > len(
        make_codec(compressor, strong, PAGE).compress(page)
    )


@pytest.mark.parametrize("compressor", COMPRESSORS)
@settings(max_examples=60)
@given(payload=some.binary(max_size=200))
def test_nonsense_is_never_a_page(compressor: str, payload: bytes) -> None:
    """What is no payload is a DecodeError or, if it happens to be one, exactly a page: nothing else gets out."""
    try:
        page = unpack(make_codec(compressor, None, PAGE), payload)
    except DecodeError:
        return
    assert len(page) == PAGE


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_payloads_cut_short_and_of_other_sizes(compressor: str) -> None:
    """Half a payload, none, one of a smaller page and one of a larger: DecodeError, and a ValueError to who knows no better."""
    codec = make_codec(compressor, None, PAGE)
    payload = codec.compress(page_of([1, 2, 3, 4], 9))
    other = [make_codec(compressor, None, size).compress(page_of([5, 6], 3, size)) for size in (2048, 8192)]
    for bad in (b"", payload[: len(payload) // 2], payload[:-1], *other):
        with pytest.raises(DecodeError):
            unpack(codec, bad)
    assert issubclass(DecodeError, ValueError)


@pytest.mark.parametrize(("compressor", "level"), [("lz4", 0), ("lz4", 65538), ("zstd", 23), ("zstd", -131073)])
def test_levels_that_there_are_not(compressor: str, level: int) -> None:
    """The libraries take some of these silently, as another level."""
    with pytest.raises(ValueError, match="level"):
        make_codec(compressor, level, PAGE)


def test_an_unknown_compressor() -> None:
    """Says which there are."""
    with pytest.raises(ValueError, match="no compressor 'lzo'; did you mean 'lz4'"):
        make_codec("lzo", None, PAGE)


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_a_payload_holds_no_more_than_its_length(compressor: str) -> None:
    """The zstd binding's results drag the whole of their output buffer along unless they are copied."""
    codec = make_codec(compressor, None, PAGE)
    page = page_of(list(range(100)), 5)
    codec.compress(page)
    tracemalloc.start()
    try:
        payloads = [codec.compress(page) for _ in range(500)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 500 * (len(payloads[0]) + 100)


def test_checksums_fit_signed_fields() -> None:
    """63 bits, the same for every kind of buffer, another for one flipped bit."""
    draw = np.random.default_rng(3)
    for _ in range(200):
        page = bytearray(draw.bytes(PAGE))
        total = checksum(page)
        assert 0 <= total < 1 << 63
        assert checksum(bytes(page)) == checksum(memoryview(page)) == total
        page[int(draw.integers(PAGE))] ^= 1 << int(draw.integers(8))
        assert checksum(page) != total


def work(codec: Codec, seed: int, wrong: list[int]) -> None:
    draw = np.random.default_rng(seed)
    mine = [draw.integers(0, 8, PAGE, np.uint8).tobytes() for _ in range(50)]
    for _ in range(20):
        wrong += [seed for page in mine if unpack(codec, codec.compress(page)) != page]


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_several_threads_share_a_codec(compressor: str) -> None:
    """A zstd context that two threads are in at once takes the process down."""
    codec = make_codec(compressor, None, PAGE)
    wrong: list[int] = []
    threads = [threading.Thread(target=work, args=(codec, seed, wrong)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
