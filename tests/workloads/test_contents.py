"""Contents: as compressible as they claim, no two pages equal, and each page of memory in one kind for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swaptiers.codecs import make_codec
from swaptiers.errors import ConfigError
from swaptiers.workloads.contents import BLOCK, Corpus, content_index, corpora, shares_of, whole
from swaptiers.workloads.kinds import KINDS
from swaptiers.workloads.specs import ScanSpec

LZ4 = make_codec("lz4", None, 4096)
ZSTD = make_codec("zstd", None, 4096)


@pytest.mark.parametrize("seed", [1, 42])
def test_mixed_is_like_real_memory(seed: int) -> None:
    """Redis, pandas, json and sqlite processes: 11 % zero, lz4 p10/50/90 961/1987/3170, ratios 1.99 and 2.79."""
    corpus = Corpus.make("mixed", seed, 4096)
    lz4, zstd = (corpus.lengths(codec)[~corpus.zero] for codec in (LZ4, ZSTD))
    assert corpus.zero.mean() == pytest.approx(0.11, abs=0.005)
    assert np.percentile(lz4, [10, 50, 90]) == pytest.approx([961, 1987, 3170], rel=0.1)
    assert 4096 / lz4.mean() == pytest.approx(1.99, rel=0.05)
    assert 4096 / zstd.mean() == pytest.approx(2.79, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "lz4", "zstd"),
    [
        ("text", (1.4, 1.6), (2.1, 2.6)),
        ("json", (2.5, 3.5), (4, 5)),
        ("integers", (1.5, 2), (2.7, 3.5)),
        ("pointers", (2.5, 3), (4.5, 5.5)),
        ("random", (0.99, 1), (0.99, 1)),
        ("zero", (100, 200), (100, 400)),
    ],
)
def test_ratios(kind: str, lz4: tuple[float, float], zstd: tuple[float, float]) -> None:
    corpus = Corpus.make(kind, 42, 4096, 64)
    for codec, (low, high) in ((LZ4, lz4), (ZSTD, zstd)):
        assert low < 4096 / corpus.lengths(codec).mean() < high


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page_size", [4096, 65536])
def test_pages(kind: str, page_size: int) -> None:
    corpus = Corpus.make(kind, 42, page_size, 64)
    assert corpus.pages.shape == (64 * BLOCK, page_size)
    assert corpus.pages.dtype == np.uint8
    assert corpus.pages.flags.c_contiguous
    assert corpus.blocks == 64
    assert np.array_equal(corpus.zero, ~corpus.pages.any(axis=1))
    live = np.flatnonzero(~corpus.zero)
    assert [int(bytes(corpus.pages[i, :8])) for i in live] == live.tolist()
    without_number = {bytes(page[8:]) for page in corpus.pages[live]}
    assert len(without_number) == len(live)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes(kind: str) -> None:
    one, again, other = (Corpus.make(kind, seed, 4096, 64) for seed in (5, 5, 6))
    assert np.array_equal(one.pages, again.pages)
    assert kind == "zero" or not np.array_equal(one.pages, other.pages)


@pytest.mark.parametrize(("page_size", "blocks"), [(4096, 512), (16384, 128), (65536, 64)])
def test_default_size(page_size: int, blocks: int) -> None:
    assert Corpus.make("zero", 1, page_size).blocks == blocks


def test_lengths_are_what_compress_returns() -> None:
    corpus = Corpus.make({"mix": {"random": "50%", "zero": "50%"}}, 1, 4096, 64)
    lengths = corpus.lengths(LZ4)
    assert lengths.dtype == np.int32
    assert lengths.tolist() == [len(LZ4.compress(bytes(page))) for page in corpus.pages]
    assert lengths.max() > 4096
    assert corpus.lengths(make_codec("lz4", 1, 4096)) is lengths


def test_mix_has_its_shares_in_whole_blocks() -> None:
    corpus = Corpus.make({"mix": {"zero": "25%", "text": "50%", "random": "25%"}}, 1, 4096)
    assert corpus.zero.sum() == 128 * BLOCK
    assert (corpus.lengths(LZ4) > 4096).sum() == 128 * BLOCK
    assert (corpus.zero.reshape(-1, BLOCK).all(axis=1) == corpus.zero.reshape(-1, BLOCK).any(axis=1)).all()


def test_whole_blocks() -> None:
    assert whole((("a", 0.5), ("b", 0.5)), 512) == [256, 256]
    assert whole((("a", 1 / 3), ("b", 1 / 3), ("c", 1 / 3)), 64) == [22, 21, 21]
    assert whole((("a", 0.0003), ("b", 0.0003), ("c", 0.0003), ("d", 0.9991)), 512) == [1, 1, 1, 509]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("txt", "no contents 'txt'; the nearest is 'text'"),
        ("", "no contents ''"),
        ({"mix": {"pointer": "100%"}}, "nearest is 'pointers'"),
        ({"mix": {1: "100%"}}, "no contents '1'"),
        ({"mix": {"text": "50%", "random": "40%"}}, "text 50%, random 40% make 90%"),
        ({"mix": {"text": "60%", "random": "60%"}}, "make 120%"),
        ({"mix": {"text": "half"}}, "the share of 'text' in a mix: a percentage like 20% is wanted"),
        ({"mix": {"text": 7}}, "a fraction from 0 to 1 is wanted"),
        ({"mix": {}}, "contents are one of mixed, text"),
        ({"mix": ["text"]}, "contents are one of"),
        ({"mix": {"text": "100%"}, "more": 1}, "contents are one of"),
        ({}, "contents are one of"),
        (None, "contents are one of"),
    ],
)
def test_bad_descriptions(contents: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        shares_of(contents)
    assert message in str(caught.value)


@pytest.mark.parametrize("page_size", [0, 2048, 5000, 131072])
def test_bad_page_size(page_size: int) -> None:
    with pytest.raises(ValueError, match="page_size"):
        Corpus.make("text", 1, page_size)


def test_equal_descriptions_share_a_corpus() -> None:
    wanted: list[Any] = ["zero", {"mix": {"zero": "50%", "random": "50%"}}, {"mix": {"zero": "100%", "text": "0%"}}]
    wanted.append({"mix": {"random": 0.5, "zero": 0.5}})
    made, which = corpora([ScanSpec(cgroup="/", pages=1, contents=each) for each in wanted], 1, 4096)
    assert len(made) == 2
    assert which.tolist() == [0, 1, 0, 1]
    assert made[0].zero.all()


def test_corpora_of_different_descriptions_have_different_bytes() -> None:
    one = Corpus.make("random", 1, 4096, 64)
    two = Corpus.make({"mix": {"random": "99%", "zero": "1%"}}, 1, 4096, 64)
    assert not (one.pages[:, 8:] == two.pages[:, 8:]).all(axis=1).any()


def test_content_index_known() -> None:
    pages = (0, 1, 2, 3, 1 << 20, (1 << 32) - 1)
    assert [content_index(page, 0, 12345, 512) for page in pages] == [2068, 5362, 2631, 474, 7140, 2721]


def test_versions_stay_in_the_block_and_differ() -> None:
    for page in range(0, 1 << 16, 97):
        indexes = [content_index(page, version, 99, 64) for version in range(40)]
        assert len({index // BLOCK for index in indexes}) == 1
        assert sorted(indexes[:BLOCK]) == list(range(indexes[0] // BLOCK * BLOCK, indexes[0] // BLOCK * BLOCK + BLOCK))
        assert indexes[BLOCK:] == indexes[:-BLOCK]


@pytest.mark.parametrize("salt", [0, 1, 12345, 2**31 - 1])
@pytest.mark.parametrize("blocks", [64, 512])
def test_content_index_is_even(salt: int, blocks: int) -> None:
    pages = 50_000
    counts = np.bincount([content_index(page, 0, salt, blocks) for page in range(pages)], minlength=blocks * BLOCK)
    assert len(counts) == blocks * BLOCK
    for found in (counts, counts.reshape(blocks, BLOCK).sum(axis=1), counts.reshape(blocks, BLOCK).sum(axis=0)):
        wanted = pages / len(found)
        assert ((found - wanted) ** 2 / wanted).mean() < 1 + 6 * (2 / len(found)) ** 0.5


def test_salts_are_independent() -> None:
    one, two = (np.array([content_index(page, 0, salt, 64) for page in range(20_000)]) for salt in (1, 2))
    assert (one == two).mean() < 5 / (64 * BLOCK)


def test_contents_of_real_files(tmp_path: Path) -> None:
    """Pages are windows over the files' bytes, in order of their names; each is numbered, so no two are equal."""
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "a.bin").write_bytes(b"first" * 100_000)
    specs = [ScanSpec(cgroup="/", pages=1, contents={"files": "*.bin"})]
    (made,), which = corpora(specs, 1, 4096, tmp_path)
    assert which.tolist() == [0]
    assert made.pages[0, 8:28].tobytes() == (b"first" * 10)[8:28]
    assert len(np.unique(made.pages, axis=0)) == len(made.pages) == made.blocks * BLOCK
    rows = (1 << 20) + 500_000
    assert made.blocks == max(64, rows // (4096 + 15 * 256))
    assert not made.zero.any()
    with pytest.raises(ConfigError, match="no file"):
        corpora([ScanSpec(cgroup="/", pages=1, contents={"files": "*.none"})], 1, 4096, tmp_path)
    absolute = corpora([ScanSpec(cgroup="/", pages=1, contents={"files": f"{tmp_path}/a*"})], 1, 4096)[0][0]
    assert absolute.blocks == 64
