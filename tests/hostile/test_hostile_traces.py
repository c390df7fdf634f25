"""Traces that lie about their lengths: bombs, objects of a million pages, lines without an end. Memory stays small."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zstandard

from swaptiers.errors import ConfigError
from swaptiers.testing.memory import peak_bytes
from swaptiers.workloads import formats
from swaptiers.workloads.dense import Dense
from swaptiers.workloads.formats import FORMATS, ORACLE_GENERAL
from swaptiers.workloads.trace import Survey

MEBI = 1 << 20
LIMIT_BYTES = 300 * MEBI
"""What a reader may take beyond what Python and its imports have: the worst piece is 16 MiB."""
SURVEY = f"""
import sys
from pathlib import Path
from swaptiers.errors import ConfigError
from swaptiers.testing.memory import peak_bytes
from swaptiers.workloads.formats import FORMATS
before = peak_bytes()
refs = 0
try:
    for words in FORMATS[sys.argv[2]](Path(sys.argv[1])):
        refs += words.size
        if refs > int(sys.argv[3]):
            break
    print("read", refs)
except ConfigError as error:
    print("refused", error)
grown = peak_bytes() - before
print("small" if grown < {LIMIT_BYTES} else f"grown by {{grown}}")
"""


@pytest.fixture(autouse=True)
def _stays_small() -> Iterator[None]:
    """None of the files below grows the process that reads it, whatever it says of itself (others share the process)."""
    before = peak_bytes()
    yield
    assert peak_bytes() - before < 1 << 29


def surveyed(path: Path, form: str, enough: int = 1 << 26) -> list[str]:
    """In a process of its own, whose memory can be measured."""
    done = subprocess.run(
        [sys.executable, "-c", SURVEY, str(path), form, str(enough)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def bomb(path: Path, unit: bytes, total: int) -> Path:
    """`total` bytes of repeated `unit`, in a few kilobytes."""
    whole = unit * (MEBI // len(unit))
    with path.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as out:
        for _ in range(total // len(whole)):
            out.write(whole)
    assert path.stat().st_size < total // 100
    return path


@pytest.mark.parametrize(
    ("form", "unit", "total", "says"),
    [
        ("u32", b"\0\0\0\0", 512 * MEBI, "read "),
        ("csv", b"id\n1\n1\n1\n1\n1\n", 8 * MEBI, "refused"),  # a header in the middle
        ("csv", b"1" * 1024, 256 * MEBI, "refused"),  # one line of 256 MiB
        ("lackey", b"1" * 1024, 256 * MEBI, "refused"),
        ("lackey", b" L 0,8\n", 16 * MEBI, "read "),
    ],
)
def test_a_bomb_is_read_in_pieces(tmp_path: Path, form: str, unit: bytes, total: int, says: str) -> None:
    """Kilobytes that become hundreds of megabytes never stand in memory at once."""
    said = surveyed(bomb(tmp_path / f"t.{form}.zst", unit, total), form)
    assert said[0].startswith(says)
    assert said[1] == "small"


@pytest.mark.parametrize("form", ["oracleGeneral", "csv"])
def test_objects_of_a_million_pages(tmp_path: Path, form: str) -> None:
    """Five thousand records of 4 GiB each name 5 * 10^9 references: they come in pieces."""
    path = tmp_path / f"t.{form}"
    if form == "csv":
        path.write_text("id,size\n" + f"7,{(1 << 32) - 1}\n" * 5000)
    else:
        records = np.zeros(5000, ORACLE_GENERAL)
        records["size"] = (1 << 32) - 1
        path.write_bytes(records.tobytes())
    said = surveyed(path, form, 1 << 25)
    assert said[0].startswith("read ")
    assert said[1] == "small"


def test_more_pages_than_have_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers above 2^31 would lose their highest bit, and two objects would share their pages."""
    monkeypatch.setattr("swaptiers.workloads.dense.MAX_PAGES", 1000)
    dense = Dense()
    dense.number(np.arange(10, dtype=np.uint64), np.full(10, 100, np.int64))
    with pytest.raises(ConfigError, match="more than 1000 pages"):
        dense.number(np.array([10], np.uint64), np.array([1], np.int64))


def test_pieces_of_objects_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut where an object ends, whatever the sizes: the same words."""
    path = tmp_path / "t.csv"
    path.write_text("id,size,op\n" + "".join(f"{i % 9},{i * 977 % 90000},{'rw'[i % 2]}\n" for i in range(400)))
    whole = np.concatenate(list(FORMATS["csv"](path)))
    for cut in (1, 7, 50):
        monkeypatch.setattr(formats, "WORDS_AT_A_TIME", cut)
        parts = list(FORMATS["csv"](path))
        assert np.concatenate(parts).tolist() == whole.tolist()
        assert max(part.size for part in parts) <= max(cut, 22)


def test_a_header_that_asks_for_a_window_of_memory(tmp_path: Path) -> None:
    """A zstd frame may name a window of two gigabytes: refused, not allocated."""
    frame = b"\x28\xb5\x2f\xfd" + bytes([0b0000_0000, 21 << 3]) + b"\x01\x00\x00"  # window 2^31, an empty last block
    (tmp_path / "t.u32.zst").write_bytes(frame)
    with pytest.raises(ConfigError, match="not zstd data, or damaged"):
        Survey.make(tmp_path / "t.u32.zst", "u32")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff" * 23, b"\n" * 9, b"id\n" + b"9" * 5000 + b"\n", b'"id\n"\n', b"id,id\n1\n"]
)
def test_scraps(tmp_path: Path, form: str, data: bytes) -> None:
    """Too short, too long, empty: a survey or one sentence, no other error."""
    path = tmp_path / f"t.{form}"
    path.write_bytes(data)
    try:
        assert Survey.make(path, form).refs > 0
    except ConfigError as error:
        assert str(path) in str(error)
