"""Every page as likely as any other."""

from __future__ import annotations

import attrs

from swaptiers.workloads.source import CHANCE_MASK, REFERENCES, WRITE, Int64s, RawIntegers, chance
from swaptiers.workloads.specs import UniformPattern


@attrs.frozen(eq=False)
class UniformSource:
    """Uniform references to `pages` pages."""

    pages: int
    total: int
    seed: int
    index: int
    write_below: int

    @classmethod
    def make(cls, spec: UniformPattern, seed: int, index: int) -> UniformSource:
        """The references of the `index`-th workload."""
        return cls(spec.pages, spec.refs, seed, index, chance(spec.writes))

    def start(self) -> UniformCursor:
        """At the first reference."""
        return UniformCursor(self)


class UniformCursor:
    """A place in a uniform workload."""

    def __init__(self, source: UniformSource) -> None:
        self._source = source
        self._raw = RawIntegers(source.seed, source.index, REFERENCES)

    def take(self, count: int) -> Int64s:
        """The next `count` references."""
        raw = self._raw.take(count)
        out = below(raw, self._source.pages)
        out[raw & CHANCE_MASK < self._source.write_below] |= WRITE
        return out


def below(raw: Int64s, bound: int) -> Int64s:
    """Numbers from 0 to `bound` - 1 from the upper 32 of 63 raw bits; `bound` <= 2^31."""
    numbers: Int64s = ((raw >> 31) * bound) >> 32
    return numbers
