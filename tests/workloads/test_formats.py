"""Traces in other programs' formats: what each record means, page by page."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as some

from swaptiers.errors import ConfigError
from swaptiers.workloads import pieces
from swaptiers.workloads.dense import Dense
from swaptiers.workloads.formats import FORMATS, ORACLE_GENERAL


def read(path: Path, form: str) -> list[tuple[int, bool]]:
    words = [word for chunk in FORMATS[form](path) for word in chunk.tolist()]
    return [(word & 0x7FFF_FFFF, bool(word >> 31)) for word in words]


def test_oracle_general(tmp_path: Path) -> None:
    """24 bytes a request; an object of 9,000 bytes is three pages side by side; ids become dense in order of arrival."""
    records = np.array(
        [(0, 1 << 60, 100, -1), (1, 7, 9000, 5), (2, 1 << 60, 100, -1), (3, 7, 9000, -1), (4, 9, 0, -1)], ORACLE_GENERAL
    )
    path = tmp_path / "t.oracleGeneral.zst"
    path.write_bytes(zstandard.compress(records.tobytes()))
    assert [page for page, _ in read(path, "oracleGeneral")] == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    assert ORACLE_GENERAL.itemsize == 24
    path.write_bytes(zstandard.compress(records.tobytes()[:-1]))
    with pytest.raises(ConfigError, match="not a multiple of 24 bytes"):
        read(path, "oracleGeneral")


def test_csv(tmp_path: Path) -> None:
    """Columns by name, in any order; comments and empty lines are passed over; sizes make pages, ops make writes."""
    path = tmp_path / "t.csv"
    path.write_text('# a comment\n\ntime, op, "id", size\n1, get, 10, 100\n2, SET, 11, 8192\n3, r, 0xA, 1\n')
    assert read(path, "csv") == [(0, False), (1, True), (2, True), (0, False)]
    path.write_text("address\n0x1000\n4097\n0x2fff\n")
    assert read(path, "csv") == [(0, False), (0, False), (1, False)]
    path.write_text("page,op\n5,w\n3,r\n5,r")
    assert read(path, "csv") == [(0, True), (1, False), (0, False)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "one of them page, address or id, not a, b"),
        ("id\n1\nx\n", "line 3 is not a reference: 'x'"),
        ("id,size\n1\n", "line 2 is not a reference: '1'"),
        ("id,size\n1,-5\n", "line 2"),
        ("id,op\n1,delete\n", "line 2"),
        ("id\n-1\n", "line 2"),
    ],
)
def test_csv_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    """The line is named, as an editor counts."""
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read(path, "csv")


def test_lackey(tmp_path: Path) -> None:
    """Loads, stores, modifies and instruction fetches; an access across a page's end is two; other lines are no error."""
    path = tmp_path / "t.lackey"
    path.write_text(
        "==123== Lackey\nI  00001ffe,3\n L 1fff000a60,8\n S 00001000,4\n M 00003ffc,8\nnonsense\n==123== done\n"
    )
    assert read(path, "lackey") == [(0, False), (1, False), (2, False), (0, True), (3, True), (4, True)]


def test_pieces_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and records are put together again wherever the file was cut."""
    path = tmp_path / "t.csv"
    path.write_text("id,size\n" + "".join(f"{i % 7},{(i * 50) % 9000}\n" for i in range(300)))
    whole = read(path, "csv")
    monkeypatch.setattr(pieces, "PIECE_BYTES", 13)
    assert read(path, "csv") == whole


@given(some.lists(some.tuples(some.integers(0, 20), some.integers(1, 3)), max_size=60), some.integers(1, 60))
def test_dense_numbers(requests: list[tuple[int, int]], cut: int) -> None:
    """No two objects share a page, an object keeps its pages unless it grows, and numbers have no gaps."""
    dense = Dense()
    numbers: list[int] = []
    for start in range(0, len(requests), cut):
        part = requests[start : start + cut]
        objects = np.array([each[0] for each in part], np.uint64)
        numbers += dense.number(objects, np.array([each[1] for each in part], np.int64)).tolist()
    known: dict[int, tuple[int, ...]] = {}
    top = 0
    for name, count in requests:
        if len(known.get(name, ())) < count:
            known[name] = tuple(range(top, top + count))
            top += count
        assert tuple(numbers[:count]) == known[name][:count]
        del numbers[:count]
    assert numbers == []


def test_dense_numbers_of_many() -> None:
    """Hashed 64-bit ids of any size."""
    draw = random.Random(1)
    ids = [draw.getrandbits(64) for _ in range(500)]
    order = [draw.choice(ids) for _ in range(5000)]
    numbers = Dense().number(np.array(order, np.uint64), np.ones(5000, np.int64)).tolist()
    first: dict[int, int] = {}
    for name, number in zip(order, numbers, strict=True):
        assert first.setdefault(name, len(first)) == number
