"""The references of all workloads in one fixed order, as a stream of packed chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from swaptiers.errors import ConfigError
from swaptiers.workloads.interleave import merge, phases, place
from swaptiers.workloads.scan import ScanSource
from swaptiers.workloads.source import PAGE_MASK, WORKLOAD_SHIFT, Int64s, Source
from swaptiers.workloads.specs import AnyWorkloadSpec, ScanSpec, ZipfSpec
from swaptiers.workloads.trace import Survey, TraceSource
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
            [float(spec.rate or max(1, refs)) for spec, refs in zip(specs, self.per_workload, strict=True)], np.float64
        )

    def chunks(self, size: int = CHUNK) -> Iterator[Int64s]:
        """All references from the first, `size` at a time; the last chunk may be shorter. Each call starts again."""
        if size < 1:
            raise ValueError(f"a chunk has at least one reference, not {size}")
        return self._chunks(size)

    def _chunks(self, size: int) -> Iterator[Int64s]:
        workloads = len(self._sources)
        cursors = [source.start() for source in self._sources]
        totals = np.array(self.per_workload, np.int64)
        taken = np.zeros(workloads, np.int64)
        phase = phases(self._seed, workloads)
        with np.errstate(over="ignore"):  # infinity, for a rate near 0, is a due time like any other
            due = phase / self._rates
        base = self.first_page[:-1] + (np.arange(workloads, dtype=np.int64) << WORKLOAD_SHIFT)
        left = self.total
        while left:
            order = np.empty(min(size, left), np.int64)
            merge(order, taken, totals, phase, self._rates, due)
            counts = np.bincount(order, minlength=workloads).astype(np.int64)
            drawn = np.concatenate([cursor.take(int(n)) for cursor, n in zip(cursors, counts, strict=True)])
            out = np.empty(order.size, np.int64)
            place(order, drawn, np.cumsum(counts) - counts, base, out)
            left -= out.size
            yield out


def _source(spec: AnyWorkloadSpec, seed: int, index: int, folder: Path, surveys: dict[Path, Survey]) -> Source:
    if isinstance(spec, ZipfSpec):
        return ZipfSource.make(spec, seed, index)
    if isinstance(spec, ScanSpec):
        return ScanSource.make(spec, seed, index)
    return TraceSource.make(spec, folder, surveys)
