"""What pages contain, kind by kind: rows of bytes that look and compress like what programs keep in memory.

Each kind makes `count` rows of `length` bytes, all at once, from raw integers only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from swaptiers.workloads.source import Int64s, RawIntegers
from swaptiers.workloads.words import PHRASES, WORDS

Rows = npt.NDArray[np.uint8]

SEGMENT = 32
"""Words (of 8 bytes) of one sort in a row of integers."""
TABLE = 1 << 12


class Pieces:
    """Byte strings that are strung together by number."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._bytes = np.frombuffer(b"".join(pieces), np.uint8)
        self._lengths = np.array([len(piece) for piece in pieces], np.int64)
        self._starts = np.cumsum(self._lengths) - self._lengths

    def join(self, numbers: Int64s, length: int) -> Rows:
        """The first `length` bytes of the pieces with these numbers; from the start again if they are too few."""
        lengths = self._lengths[numbers]
        ends = np.cumsum(lengths)
        numbers = numbers[: int(np.searchsorted(ends, length)) + 1]
        lengths, ends = lengths[: numbers.size], ends[: numbers.size]
        where = np.repeat((self._starts[numbers] - ends + lengths).astype(np.int32), lengths)
        where += np.arange(where.size, dtype=np.int32)
        out: Rows = np.resize(self._bytes[where], length)
        return out


def _by_rank(count: int) -> Int64s:
    """A table that is indexed with 12 random bits: the k-th of `count` in it with weight 1/k."""
    sums = np.cumsum(1.0 / np.arange(1, count + 1))
    points = (np.arange(TABLE) + 0.5) * (sums[-1] / TABLE)
    ranks: Int64s = np.searchsorted(sums, points).astype(np.int64)
    return ranks


def text(raw: RawIntegers, count: int, length: int) -> Rows:
    """Running text: words by Zipf's law, set phrases, sentences and lines."""
    endings = (b" ",) * 13 + (b", ", b". ", b".\n")
    vocabulary = (*WORDS[:20], *PHRASES, *WORDS[20:])
    pieces = Pieces([word + ending for ending in endings for word in vocabulary])
    table = _by_rank(len(vocabulary))
    total = count * length
    bits = raw.take_words(total // 5 + 64).astype(np.int64)
    numbers = table[bits & (TABLE - 1)] + (bits >> 12) * len(vocabulary)
    return pieces.join(numbers, total).reshape(count, length)


def json(raw: RawIntegers, count: int, length: int) -> Rows:
    """Records of one shape, one a line: a number, names, a flag, a score, tags, a date."""
    fixed = [b'{"id": 1', b', "user": "', b'", "active": ', b', "score": 0.', b', "tags": ["', b'", "']
    fixed += [b'"], "updated": "2026-', b'"}\n', b"true", b"false"]
    start, user, active, score, tags, comma, updated, end, true, _ = range(len(fixed))
    digits = [b"%03d" % each for each in range(1000)]
    dates = [b"%02d-%02d" % (month, day) for month in range(1, 13) for day in range(1, 29)]
    pieces = Pieces([*fixed, *digits, *WORDS, *dates])
    first_digits = len(fixed)
    first_word = first_digits + len(digits)
    first_date = first_word + len(WORDS)
    total = count * length
    records = np.arange(total // 100 + 2)
    bits = raw.take_words(records.size * 7).astype(np.int64).reshape(7, records.size)
    number = (first_digits + records // 1000 % 1000, first_digits + records % 1000)
    scored = first_digits + ((bits[:2] * len(digits)) >> 16)
    names = first_word + _by_rank(len(WORDS))[bits[2:5] & (TABLE - 1)]
    date = first_date + ((bits[5] * len(dates)) >> 16)
    row = (start, *number, user, names[0], active, true + (bits[6] & 1), score, *scored)
    row += (tags, names[1], comma, names[2], updated, date, end)
    numbers = np.stack(np.broadcast_arrays(*row), axis=1).astype(np.int64)
    return pieces.join(numbers.reshape(-1), total).reshape(count, length)


def integers(raw: RawIntegers, count: int, length: int) -> Rows:
    """Arrays of int64, 32 of a sort: small values, counters, timestamps."""
    words = (count * length + 7) // 8
    segments = words // SEGMENT + 1
    bits = raw.take(segments)[:, None]
    noise = raw.take_words(segments * SEGMENT).astype(np.int64).reshape(segments, SEGMENT)
    small = noise & 0xFF
    counter = ((bits >> 20) & 0xFF_FFFF) + np.arange(SEGMENT) * (1 + ((bits >> 4) & 7))
    stamps = 1_780_000_000_000_000_000 + (bits >> 12) + np.cumsum(noise << 6, axis=1)
    sort = bits % 3
    values = np.where(sort == 0, small, np.where(sort == 1, counter, stamps))
    return _bytes(values, count, length)


def pointers(raw: RawIntegers, count: int, length: int) -> Rows:
    """Small objects of a heap: the address of a type, of another object, a size or a value, and an empty field."""
    objects = (count * length + 31) // 32
    bits = raw.take(objects)
    values = np.zeros((objects, 4), np.int64)
    values[:, 0] = 0x7F31_5A20_4000 + ((bits & 7) << 6)
    values[:, 1] = 0x7F31_4C00_0000 + (((bits >> 3) & 0xFFFF) << 4)
    values[:, 2] = (bits >> 20) & 0x3F
    return _bytes(values, count, length)


def random(raw: RawIntegers, count: int, length: int) -> Rows:
    """Bytes that no compressor makes smaller: encrypted or compressed already."""
    return raw.take_bytes(count * length).reshape(count, length)


def zero(raw: RawIntegers, count: int, length: int) -> Rows:
    """Nothing but zeros."""
    return np.zeros((count, length), np.uint8)


def _hexadecimal(raw: RawIntegers, count: int, length: int) -> Rows:
    """Digests, keys and identifiers in hexadecimal: nothing for lz4 to find, half of it for an entropy coder."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    out: Rows = digits[raw.take_bytes(count * length) & 15]
    return out.reshape(count, length)


def _bytes(values: Int64s, count: int, length: int) -> Rows:
    flat = values.astype("<i8", copy=False).reshape(-1).view(np.uint8)
    return flat[: count * length].reshape(count, length)


ROW = 128
"""A heap-like page changes its sort of content every so many bytes."""
ZERO_SHARE = 0.11
INGREDIENTS: tuple[tuple[Callable[[RawIntegers, int, int], Rows], float, float], ...] = (
    (zero, 0.67, 0.00),
    (pointers, 0.18, 0.09),
    (integers, 0.04, 0.18),
    (json, 0.07, 0.13),
    (text, 0.02, 0.13),
    (_hexadecimal, 0.02, 0.44),
    (random, 0.00, 0.03),
)
"""Kind, its share in the emptiest pages, its share in the fullest; in between the shares change evenly."""
POOL = 4096


def mixed(raw: RawIntegers, count: int, length: int) -> Rows:
    """What anonymous memory contains: a tenth zero pages; in the others structures, strings, numbers and free space.

    Tuned to 256 MiB of pages of redis, pandas, json/networkx and sqlite processes: 11 % zero pages, the others lz4
    sizes p10/p50/p90 = 961/1987/3170 bytes of 4096, lz4 ratio 1.99, zstd-1 ratio 2.79.
    """
    empty = round(count * ZERO_SHARE)
    full = count - empty
    per_row = (length + ROW - 1) // ROW
    pool = np.concatenate([make(raw, POOL, ROW) for make, _, _ in INGREDIENTS])
    shares = np.array([(low, high) for _, low, high in INGREDIENTS])
    fullness = (np.arange(full) + 0.5) / max(1, full)
    bounds = np.cumsum(shares[:, 0] + fullness[:, None] * (shares[:, 1] - shares[:, 0]), axis=1)
    limits = np.round(bounds[:, :-1] * 65536).astype(np.int64)
    bits = raw.take(full * per_row).reshape(full, per_row)
    which = ((bits & 0xFFFF)[:, :, None] >= limits[:, None, :]).sum(axis=2)
    rows = pool[which * POOL + ((bits >> 16) % POOL)].reshape(full, per_row * ROW)
    out = np.zeros((count, length), np.uint8)
    out[empty:] = rows[:, :length]
    return out


KINDS: dict[str, Callable[[RawIntegers, int, int], Rows]] = {
    "mixed": mixed,
    "text": text,
    "json": json,
    "integers": integers,
    "pointers": pointers,
    "random": random,
    "zero": zero,
}
