"""Traces: the real ones, streaming, and one clear sentence for each way in which a file can be wrong."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from swaptiers.errors import ConfigError
from swaptiers.workloads.source import PAGE_MASK, WRITE, Int64s
from swaptiers.workloads.specs import TraceSpec
from swaptiers.workloads.streams import References

TRACES = Path(__file__).parents[2] / "examples" / "traces"
WORDS = np.array([0, 1, 2**31 + 1, 5, 2**31 + 4], "<u4").tobytes()
compress: Callable[[bytes], bytes] = zstandard.ZstdCompressor().compress


def opened(path: str | Path, folder: Path = TRACES, pages: int | None = None, passes: int = 1) -> References:
    return References([TraceSpec(cgroup="/", path=str(path), pages=pages, passes=passes)], 1, folder)


def everything(references: References) -> Int64s:
    return np.concatenate(list(references.chunks()))


def test_known_words(tmp_path: Path) -> None:
    (tmp_path / "t.u32").write_bytes(WORDS)
    references = opened("t.u32", tmp_path)
    assert everything(references).tolist() == [0, 1, WRITE + 1, 5, WRITE + 4]
    assert references.first_page.tolist() == [0, 6]


@pytest.mark.parametrize(("name", "refs", "pages"), [("sqlite3", 1_945_089, 1_696), ("sort", 301_239, 1_447)])
def test_real_traces(name: str, refs: int, pages: int) -> None:
    references = opened(f"{name}.u32.zst")
    assert references.total == refs
    assert references.first_page.tolist() == [0, pages]
    found = everything(references)
    raw = np.frombuffer(
        zstandard.ZstdDecompressor().decompressobj().decompress((TRACES / f"{name}.u32.zst").read_bytes()), "<u4"
    )
    assert np.array_equal(found & PAGE_MASK, raw & 0x7FFF_FFFF)
    assert np.array_equal((found & WRITE) > 0, raw >> 31 > 0)
    assert len(np.unique(found & PAGE_MASK)) == pages


def test_passes(tmp_path: Path) -> None:
    (tmp_path / "t.u32").write_bytes(WORDS)
    references = opened("t.u32", tmp_path, passes=3)
    assert references.total == 15
    assert np.array_equal(everything(references), np.tile(everything(opened("t.u32", tmp_path)), 3))


def test_more_pages_than_the_trace_has(tmp_path: Path) -> None:
    (tmp_path / "t.u32").write_bytes(WORDS)
    assert opened("t.u32", tmp_path, pages=100).first_page.tolist() == [0, 100]


def test_several_frames_are_one_trace(tmp_path: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    (tmp_path / "t.zst").write_bytes(compress(WORDS[:6]) + skippable + compress(WORDS[6:]) + compress(b""))
    assert everything(opened("t.zst", tmp_path)).tolist() == [0, 1, WRITE + 1, 5, WRITE + 4]


def test_memory_is_bounded(tmp_path: Path) -> None:
    """256 MiB of equal references in some kilobytes: the worst that a zstd file can ask for."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    with (tmp_path / "t.zst").open("wb") as file:
        for _ in range(64):
            file.write(compressor.compress(bytes(1 << 22)))
        file.write(compressor.flush())
    tracemalloc.start()
    try:
        references = opened("t.zst", tmp_path)
        for chunk in references.chunks():
            assert chunk.size
            break
        assert tracemalloc.get_traced_memory()[1] < 90 << 20
    finally:
        tracemalloc.stop()
    assert references.total == 1 << 26


def wrong(folder: Path, name: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        opened(name, folder)
    message = str(caught.value)
    assert str(folder / name) in message
    assert "\n" not in message
    return caught.value


def test_missing(tmp_path: Path) -> None:
    assert "there is no trace" in str(wrong(tmp_path, "none.u32"))


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert "is a directory" in str(wrong(tmp_path, "sub"))


def test_device() -> None:
    assert "not a regular file" in str(wrong(Path("/dev"), "null"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "t.u32").touch(mode=0)
    assert "can't be read" in str(wrong(tmp_path, "t.u32"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.u32", b"", "is empty"),
        ("t.u32.zst", b"", "is empty"),
        ("t.u32.zst", compress(b""), "is empty"),
        ("t.u32", WORDS[:-1], "is truncated: its length is not a multiple of 4 bytes"),
        ("t.u32", b"a", "is truncated: its length"),
        ("t.u32.zst", compress(WORDS[:-1]), "is truncated: its length"),
        ("t.u32.zst", compress(WORDS * 1000)[:-3], "is truncated: its last zstd frame"),
        ("t.u32.zst", compress(WORDS)[:2], "is truncated: its last zstd frame"),
        ("t.u32.zst", compress(WORDS) + compress(WORDS)[:-1], "is truncated: its last zstd frame"),
        ("t.u32.zst", WORDS, "not zstd data, or damaged"),
        ("t.u32.zst", compress(WORDS) + b"garbage after it", "not zstd data, or damaged"),
        ("t.u32", np.array([2**30], "<u4").tobytes(), "has too many pages"),
        ("t.u32", np.array([2**32 - 1], "<u4").tobytes(), "has too many pages"),
    ],
)
def test_bad_contents(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert message in str(wrong(tmp_path, name))


def test_corrupt_frame(tmp_path: Path) -> None:
    content = bytearray((TRACES / "sort.u32.zst").read_bytes())
    content[1000:1100] = bytes(100)
    (tmp_path / "t.u32.zst").write_bytes(content)
    with pytest.raises(ConfigError):
        opened("t.u32.zst", tmp_path)


def test_page_beyond_pages(tmp_path: Path) -> None:
    (tmp_path / "t.u32").write_bytes(WORDS)
    with pytest.raises(ConfigError, match="refers to page 5, but `pages` is 5: make it 6 or leave it out"):
        opened("t.u32", tmp_path, pages=5)
    assert opened("t.u32", tmp_path, pages=6).total == 5


def test_pages_above_the_limit(tmp_path: Path) -> None:
    (tmp_path / "t.u32").write_bytes(WORDS)
    with pytest.raises(ConfigError, match="`pages` is above 1073741824"):
        opened("t.u32", tmp_path, pages=2**30 + 1)


@pytest.mark.parametrize("after", [WORDS[:-4], WORDS + WORDS, WORDS[:-4] + np.array([9], "<u4").tobytes()])
def test_file_that_changes_during_the_run(tmp_path: Path, after: bytes) -> None:
    """A page number that was never surveyed would be another workload's page: nothing of it is handed out."""
    (tmp_path / "t.u32").write_bytes(WORDS)
    references = opened("t.u32", tmp_path, passes=2)
    (tmp_path / "t.u32").write_bytes(after)
    with pytest.raises(ConfigError, match="changed during the run"):
        everything(references)


def test_one_file_is_read_once_for_all_that_replay_it(tmp_path: Path) -> None:
    (tmp_path / "t.u32").write_bytes(WORDS)
    specs = [TraceSpec(cgroup="/", path="t.u32"), TraceSpec(cgroup="/", path="t.u32", pages=10)]
    assert References(specs, 1, tmp_path).first_page.tolist() == [0, 6, 16]
