"""The formats that traces come in, each read into the words of format `u32`. docs/traces.md describes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.errors import ConfigError
from swaptiers.workloads.dense import Dense, with_writes
from swaptiers.workloads.pieces import lines, pieces

Words = npt.NDArray[np.uint32]
"""References as format `u32` has them: low 31 bits the page number, bit 31 set for a write."""

WORD_BYTES = 4
PAGE_BYTES = 4096
"""Objects and addresses are cut into pages of this size."""
MAX_OBJECT_BYTES = 1 << 32
"""As oracleGeneral has it: a million pages."""
WORDS_AT_A_TIME = 1 << 18

ORACLE_GENERAL = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])
"""libCacheSim's 24-byte record."""

LACKEY = re.compile(rb"(?:I | L| S| M)\s*([0-9a-fA-F]{1,16}),(\d{1,4})\s*")
WRITES = (b"w", b"write", b"set", b"s", b"put", b"store", b"1", b"true")
READS = (b"r", b"read", b"get", b"l", b"load", b"0", b"false", b"")


def read_u32(path: Path) -> Iterator[Words]:
    """Little-endian uint32 per reference, its page number and its write bit."""
    yield from _records(path, np.dtype("<u4"))


def read_oracle_general(path: Path) -> Iterator[Words]:
    """LibCacheSim's oracleGeneral: per request a time, an object's id and its size. It has no writes."""
    dense = Dense()
    for records in _records(path, ORACLE_GENERAL):
        pages = _pages(records["size"].astype(np.int64))
        yield from _numbered(dense, records["id"].astype(np.uint64), pages, np.zeros(len(records), np.bool_))


def read_csv(path: Path) -> Iterator[Words]:
    """A header that names its columns: `page`, `address` or `id`; also `size` (bytes) and `op` (r/w, get/set, ...)."""
    dense = Dense()
    columns: dict[bytes, int] = {}
    number = 0
    for chunk in lines(path):
        rows: list[tuple[int, int, bool]] = []
        for line in chunk:
            number += 1
            if not line.strip() or line.startswith(b"#"):
                continue
            cells = [cell.strip().strip(b'"') for cell in line.split(b",")]
            if not columns:
                columns = _columns(path, cells)
            else:
                rows.append(_csv_row(path, number, columns, cells))
        if rows:
            yield from _of_objects(dense, rows)


def read_lackey(path: Path) -> Iterator[Words]:
    """What valgrind --tool=lackey --trace-mem=yes prints: I, L, S and M with address,size; other lines are passed over."""
    dense = Dense()
    for chunk in lines(path):
        rows: list[tuple[int, int, bool]] = []
        for line in chunk:
            match = LACKEY.fullmatch(line)
            if match is None:
                continue
            address, size = int(match[1], 16), int(match[2])
            write = line[1:2] in (b"S", b"M")
            last = (address + max(size, 1) - 1) // PAGE_BYTES
            rows += [(page, 1, write) for page in range(address // PAGE_BYTES, last + 1)]
        if rows:
            yield from _of_objects(dense, rows)


FORMATS: dict[str, Callable[[Path], Iterator[Words]]] = {
    "u32": read_u32,
    "oracleGeneral": read_oracle_general,
    "csv": read_csv,
    "lackey": read_lackey,
}


def _records(path: Path, record: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
    """Whole records, some at a time. ConfigError if the file ends within one."""
    rest = b""
    for read in pieces(path):
        piece = rest + read
        whole = len(piece) - len(piece) % record.itemsize
        rest = piece[whole:]
        if whole:
            yield np.frombuffer(piece, record, whole // record.itemsize)
    if rest:
        raise ConfigError(
            f"the trace {path} is truncated: its length is not a multiple of {record.itemsize} bytes; copy it again"
        )


def _pages(nbytes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many pages an object of so many bytes takes: at least one."""
    return np.maximum(1, -(-nbytes // PAGE_BYTES))


def _of_objects(dense: Dense, rows: list[tuple[int, int, bool]]) -> Iterator[Words]:
    """From (object, pages, write) to words."""
    objects = np.array([row[0] for row in rows], np.uint64)
    pages = np.array([row[1] for row in rows], np.int64)
    yield from _numbered(dense, objects, pages, np.array([row[2] for row in rows], np.bool_))


def _numbered(
    dense: Dense, objects: npt.NDArray[np.uint64], pages: npt.NDArray[np.int64], writes: npt.NDArray[np.bool_]
) -> Iterator[Words]:
    """The words of these requests, about WORDS_AT_A_TIME at a time: a line can say that it is a million pages."""
    ends = np.cumsum(pages)
    first = 0
    while first < len(objects):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + WORDS_AT_A_TIME, "right")))
        part = slice(first, last)
        yield with_writes(dense.number(objects[part], pages[part]), np.repeat(writes[part], pages[part]))
        first = last


def _columns(path: Path, header: list[bytes]) -> dict[bytes, int]:
    columns = {name.lower(): place for place, name in enumerate(header)}
    if not {b"page", b"address", b"id"} & set(columns):
        names = ", ".join(name.decode(errors="replace") for name in header)[:80]
        raise ConfigError(
            f"the trace {path}: its first line has to name the columns, one of them page, address or id, not {names}"
        )
    return columns


def _csv_row(path: Path, number: int, columns: dict[bytes, int], cells: list[bytes]) -> tuple[int, int, bool]:
    try:
        pages = 1
        if b"size" in columns and b"page" not in columns:
            nbytes = int(cells[columns[b"size"]])
            if not 0 <= nbytes <= MAX_OBJECT_BYTES:
                raise ValueError
            pages = max(1, -(-nbytes // PAGE_BYTES))
        if b"page" in columns:
            name = int(cells[columns[b"page"]], 0)
        elif b"address" in columns:
            name, pages = int(cells[columns[b"address"]], 0) // PAGE_BYTES, 1
        else:
            name = int(cells[columns[b"id"]], 0)
        op = cells[columns[b"op"]].lower() if b"op" in columns else b"r"
        if not 0 <= name < 1 << 64 or op not in (*READS, *WRITES):
            raise ValueError
    except (ValueError, IndexError):
        shown = b",".join(cells).decode(errors="replace")[:60]
        raise ConfigError(f"the trace {path}: line {number} is not a reference: {shown!r}") from None
    return name, pages, op in WRITES
