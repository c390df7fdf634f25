"""What every pattern gives: packed references, some at a time, and always the same ones for one seed.

A packed reference is an int64: bits 0 to 31 the page number, bit 32 set for a write, from bit 33 on the workload's
index. A source packs the workload's own page numbers, from 0, and leaves the index out; `streams` adds both.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

PAGE_BITS = 32
PAGE_MASK = (1 << PAGE_BITS) - 1
WRITE = 1 << PAGE_BITS
WORKLOAD_SHIFT = PAGE_BITS + 1
MAX_WORKLOADS = 256

PHASE, REFERENCES, RANKING, WANDER, PHASES = range(5)
"""What a random stream is for: each workload has one of its own for each purpose."""

CHANCE_BITS = 19
CHANCE_MASK = (1 << CHANCE_BITS) - 1
"""A share is decided by the lowest 19 bits of a raw integer: in steps of two millionths."""


class Cursor(Protocol):
    """A place in a workload's references."""

    def take(self, count: int) -> Int64s:
        """The next `count` references. MUST NOT depend on how many are taken at a time; never asked beyond the end."""
        ...


class Source(Protocol):
    """A workload's references: `total` of them, to the pages 0 to `pages` - 1."""

    @property
    def pages(self) -> int: ...

    @property
    def total(self) -> int: ...

    def start(self) -> Cursor:
        """A new cursor at the first reference. MUST give the same references each time."""
        ...


class RawIntegers:
    """The raw integers of one PCG64, cut to 63 bits so that they are signed and positive.

    Never numpy's distributions: those may change from one numpy to the next, raw integers don't.
    """

    def __init__(self, seed: int, *purpose: int) -> None:
        self._generator = np.random.PCG64(np.random.SeedSequence([seed, *purpose]))

    def take(self, count: int) -> Int64s:
        """The next `count`, each from 0 to 2^63 - 1."""
        raw: Int64s = (self._generator.random_raw(count) >> np.uint64(1)).view(np.int64)
        return raw

    def take_bytes(self, count: int) -> npt.NDArray[np.uint8]:
        """The next `count` bytes."""
        raw = self._generator.random_raw((count + 7) // 8)
        return raw.astype("<u8", copy=False).view(np.uint8)[:count]

    def take_words(self, count: int) -> npt.NDArray[np.uint16]:
        """The next `count` 16-bit integers."""
        return self.take_bytes(2 * count).view("<u2")


def chance(share: float) -> int:
    """The number that a raw integer's lowest bits are below in `share` of all cases."""
    return round(share * (1 << CHANCE_BITS))
