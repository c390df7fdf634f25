"""A pattern whose pages wander: references go through a table of names, in which pairs change places as time goes on."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.compile import kernel
from swaptiers.workloads.source import PAGE_MASK, WANDER, Cursor, Int64s, RawIntegers, Source

DRIFT_BITS = 32
DRIFT_UNIT = 1 << DRIFT_BITS
LOW = (1 << 32) - 1


@kernel
def wander(references: Int64s, swaps: Int64s, carry: int, step: int, names: npt.NDArray[np.int32]) -> None:
    """Rename the pages of `references` in place; two names change places each time `carry` is full."""
    pages = names.size
    swapped = 0
    for i in range(references.size):
        carry += step
        if carry >= DRIFT_UNIT:
            carry -= DRIFT_UNIT
            pair = swaps[swapped]
            swapped += 1
            a = ((pair >> 32) * pages) >> 31
            b = ((pair & LOW) * pages) >> 32
            names[a], names[b] = names[b], names[a]
        packed = references[i]
        references[i] = (packed & ~PAGE_MASK) | names[packed & PAGE_MASK]


@attrs.frozen(eq=False)
class DriftSource:
    """`source` with its pages renamed: the share `drift` of the names changes per `pages` references."""

    source: Source
    drift: float
    seed: int
    index: int

    @property
    def pages(self) -> int:
        return self.source.pages

    @property
    def total(self) -> int:
        return self.source.total

    def start(self) -> DriftCursor:
        """At the first reference, each page under its own name."""
        return DriftCursor(self)


class DriftCursor:
    """A place in a wandering workload."""

    def __init__(self, source: DriftSource) -> None:
        self._cursor: Cursor = source.source.start()
        self._names = np.arange(source.pages, dtype=np.int32)
        self._swaps = RawIntegers(source.seed, source.index, WANDER)
        self._step = round(source.drift * DRIFT_UNIT / 2)  # a swap moves two
        self._carry = 0

    def take(self, count: int) -> Int64s:
        """The next `count` references."""
        references = self._cursor.take(count)
        due = self._carry + count * self._step
        wander(references, self._swaps.take(due >> DRIFT_BITS), self._carry, self._step, self._names)
        self._carry = due % DRIFT_UNIT
        return references
