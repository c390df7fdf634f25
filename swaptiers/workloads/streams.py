"""The references of all workloads in one fixed order, as a stream of packed chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from swaptiers.errors import ConfigError
from swaptiers.workloads.drift import DriftSource
from swaptiers.workloads.interleave import merge, phases, place
from swaptiers.workloads.phases import PhasesSource
from swaptiers.workloads.scan import ScanSource
from swaptiers.workloads.sequence import SequenceSource
from swaptiers.workloads.source import MAX_WORKLOADS, PAGE_MASK, WORKLOAD_SHIFT, Cursor, Int64s, Source
from swaptiers.workloads.specs import (
    AnyPattern,
    AnyWorkloadSpec,
    PhasesPattern,
    ScanPattern,
    SequencePattern,
    StepPattern,
    UniformPattern,
    ZipfPattern,
)
from swaptiers.workloads.trace import Survey, TraceSource
from swaptiers.workloads.uniform import UniformSource
from swaptiers.workloads.zipf import ZipfSource

CHUNK = 65536
MAX_REFERENCES = 1 << 52


class References:
    """What `specs` refer to, with `seed`; paths of traces are relative to `folder`.

    `first_page`: workload w owns the global page numbers first_page[w] to first_page[w + 1] - 1. `per_workload`: how
    many references each has. `total`: their sum. Memory is bounded by pages, never by references. ConfigError if a
    trace can't be used, or there are more pages or references than numbers for them.
    """

    def __init__(self, specs: Sequence[AnyWorkloadSpec], seed: int, folder: Path) -> None:
        surveys: dict[Path, Survey] = {}
        self._seed = seed
        self._sources = [_source(spec, seed, index, folder, surveys) for index, spec in enumerate(specs)]
        self.per_workload = tuple(source.total for source in self._sources)
        self.total = sum(self.per_workload)
        pages = [source.pages for source in self._sources]
        if sum(pages) > PAGE_MASK:
            raise ConfigError(f"the workloads have {sum(pages)} pages together; at most {PAGE_MASK} are possible")
        if self.total > MAX_REFERENCES:
            raise ConfigError(f"the workloads have {self.total} references; at most {MAX_REFERENCES} are possible")
        self.first_page: Int64s = np.concatenate(([0], np.cumsum(pages, dtype=np.int64))).astype(np.int64)
        self._rates = np.array(
            [_rate(spec, refs) for spec, refs in zip(specs, self.per_workload, strict=True)], np.float64
        )
        self._starts = self._first_dues(specs)

    def _first_dues(self, specs: Sequence[AnyWorkloadSpec]) -> npt.NDArray[np.float64]:
        """When each workload begins, in the unit of order: a share of the time until the last one ends."""
        shares = np.array([float(spec.start.share) for spec in specs], np.float64)
        if not shares.any():
            return shares
        with np.errstate(over="ignore"):
            spans = np.array(self.per_workload, np.float64) / self._rates
        return shares * float((spans / (1 - shares)).max())

    def chunks(self, size: int = CHUNK) -> Iterator[Int64s]:
        """All references from the first, `size` at a time; the last chunk may be shorter. Each call starts again."""
        if size < 1:
            raise ValueError(f"a chunk has at least one reference, not {size}")
        return self._chunks(size)

    def cursors(self) -> list[Cursor]:
        """One for each workload's own references, packed as in `chunks`: for a replay that orders them by time."""
        bases = self._bases().tolist()
        return [_BasedCursor(source.start(), base) for source, base in zip(self._sources, bases, strict=True)]

    def _bases(self) -> Int64s:
        """What is added to each workload's own references: its first page, and its index."""
        return self.first_page[:-1] + (np.arange(len(self._sources), dtype=np.int64) << WORKLOAD_SHIFT)

    def _chunks(self, size: int) -> Iterator[Int64s]:
        workloads = len(self._sources)
        if workloads == 1:  # nobody to take turns with
            only = self.cursors()[0]
            for first in range(0, self.total, size):
                yield only.take(min(size, self.total - first))
            return
        cursors = [source.start() for source in self._sources]
        totals = np.array(self.per_workload, np.int64)
        taken = np.zeros(workloads, np.int64)
        phase = phases(self._seed, workloads)
        with np.errstate(over="ignore"):  # infinity, for a rate near 0, is a due time like any other
            due = self._starts + phase / self._rates
        base = self._bases()
        left = self.total
        while left:
            order = np.empty(min(size, left), np.int64)
            merge(order, taken, totals, self._starts, phase, self._rates, due)
            counts = np.bincount(order, minlength=workloads).astype(np.int64)
            drawn = np.concatenate([cursor.take(int(n)) for cursor, n in zip(cursors, counts, strict=True)])
            out = np.empty(order.size, np.int64)
            place(order, drawn, np.cumsum(counts) - counts, base, out)
            left -= out.size
            yield out


class _BasedCursor:
    """A workload's own references, with its base added."""

    def __init__(self, cursor: Cursor, base: int) -> None:
        self._cursor = cursor
        self._base = base

    def take(self, count: int) -> Int64s:
        taken = self._cursor.take(count)
        return taken + self._base if self._base else taken


def _source(spec: AnyPattern, seed: int, index: int, folder: Path, surveys: dict[Path, Survey]) -> Source:
    if isinstance(spec, SequencePattern):
        steps = enumerate(spec.steps, 1)
        return SequenceSource(
            [_source(step, seed, index + number * MAX_WORKLOADS, folder, surveys) for number, step in steps]
        )
    source = _still(spec, seed, index, folder, surveys)
    return DriftSource(source, spec.drift, seed, index) if spec.drift else source


def _still(spec: StepPattern, seed: int, index: int, folder: Path, surveys: dict[Path, Survey]) -> Source:
    """The pattern without its drift."""
    if isinstance(spec, ZipfPattern):
        return ZipfSource.make(spec, seed, index)
    if isinstance(spec, UniformPattern):
        return UniformSource.make(spec, seed, index)
    if isinstance(spec, ScanPattern):
        return ScanSource.make(spec, seed, index)
    if isinstance(spec, PhasesPattern):
        return PhasesSource.make(spec, seed, index)
    return TraceSource.make(spec, folder, surveys)


def _rate(spec: AnyWorkloadSpec, refs: int) -> float:
    """References per unit of order; by default so many that all workloads end together."""
    return float(spec.rate) if spec.rate is not None else max(1, refs) / (1 - float(spec.start.share))
