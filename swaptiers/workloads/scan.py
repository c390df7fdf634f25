"""Every page once in order, as often as there are passes: a batch job that reads its input, or a cyclic scan."""

from __future__ import annotations

import attrs
import numpy as np

from swaptiers.workloads.source import CHANCE_MASK, REFERENCES, WRITE, Int64s, RawIntegers, chance
from swaptiers.workloads.specs import ScanPattern


@attrs.frozen(eq=False)
class ScanSource:
    """A scan of `pages` pages."""

    pages: int
    total: int
    seed: int
    index: int
    write_below: int

    @classmethod
    def make(cls, spec: ScanPattern, seed: int, index: int) -> ScanSource:
        """The scan of the `index`-th workload."""
        return cls(spec.pages, spec.pages * spec.passes, seed, index, chance(spec.writes))

    def start(self) -> ScanCursor:
        """At the first page."""
        return ScanCursor(self)


class ScanCursor:
    """A place in a scan."""

    def __init__(self, source: ScanSource) -> None:
        self._source = source
        self._raw = RawIntegers(source.seed, source.index, REFERENCES)
        self._at = 0

    def take(self, count: int) -> Int64s:
        """The next `count` references."""
        source = self._source
        out: Int64s = np.arange(self._at, self._at + count, dtype=np.int64) % source.pages
        self._at += count
        if source.write_below:
            out[self._raw.take(count) & CHANCE_MASK < source.write_below] |= WRITE
        return out
