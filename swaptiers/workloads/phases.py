"""A working set that is replaced in part every so often: a program that goes from one job to the next."""

from __future__ import annotations

import attrs
import numpy as np

from swaptiers.workloads.source import CHANCE_MASK, PHASES, RANKING, REFERENCES, WRITE, Int64s, RawIntegers, chance
from swaptiers.workloads.specs import PhasesPattern
from swaptiers.workloads.uniform import below
from swaptiers.workloads.zipf import shuffle


@attrs.frozen(eq=False)
class PhasesSource:
    """Phases over `pages` pages; 4 bytes per page."""

    pages: int
    total: int
    seed: int
    index: int
    write_below: int
    working_set: int
    phase: int
    replaced: int

    @classmethod
    def make(cls, spec: PhasesPattern, seed: int, index: int) -> PhasesSource:
        """The phases of the `index`-th workload."""
        replaced = min(round(spec.replace * spec.working_set), spec.pages - spec.working_set)
        return cls(
            pages=spec.pages,
            total=spec.refs,
            seed=seed,
            index=index,
            write_below=chance(spec.writes),
            working_set=spec.working_set,
            phase=spec.phase,
            replaced=replaced,
        )

    def start(self) -> PhasesCursor:
        """At the first reference of the first phase."""
        return PhasesCursor(self)


class PhasesCursor:
    """A place in a phase: the working set as it is, first in the order of all pages."""

    def __init__(self, source: PhasesSource) -> None:
        self._source = source
        self._raw = RawIntegers(source.seed, source.index, REFERENCES)
        self._changes = RawIntegers(source.seed, source.index, PHASES)
        self._order = np.arange(source.pages, dtype=np.int32)
        shuffle(RawIntegers(source.seed, source.index, RANKING).take(source.pages), self._order)
        self._left = source.phase

    def take(self, count: int) -> Int64s:
        """The next `count` references."""
        raw = self._raw.take(count)
        out = below(raw, self._source.working_set)
        at = 0
        while at < count:
            end = min(count, at + self._left)
            out[at:end] = self._order[out[at:end]]
            self._left -= end - at
            at = end
            if self._left == 0:
                self._next_phase()
        out[raw & CHANCE_MASK < self._source.write_below] |= WRITE
        return out

    def _next_phase(self) -> None:
        """Random pages of the working set change places with random others."""
        source, order = self._source, self._order
        self._left = source.phase
        draws = self._changes.take(2 * source.replaced)
        inside, outside = order[: source.working_set], order[source.working_set :]
        for part, raw in ((inside, draws[: source.replaced]), (outside, draws[source.replaced :])):
            _to_the_front(part, raw)
        inside[: source.replaced], outside[: source.replaced] = (
            outside[: source.replaced].copy(),
            inside[: source.replaced].copy(),
        )


def _to_the_front(part: np.ndarray, raw: Int64s) -> None:
    """As many random elements as there are draws come first: the start of a shuffle."""
    size = len(part)
    picks = (np.arange(len(raw)) + (((raw >> 31) * (size - np.arange(len(raw)))) >> 32)).tolist()
    values = part.tolist()
    for i, j in enumerate(picks):
        values[i], values[j] = values[j], values[i]
    part[:] = values
