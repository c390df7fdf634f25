"""What the replay is fed with: references in their fixed order, or each workload's own for a replay that orders by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from swaptiers.workloads.source import Int64s
from swaptiers.workloads.specs import AnyWorkloadSpec
from swaptiers.workloads.streams import CHUNK, References


class Feed(Protocol):
    """Gives the replay its references."""

    def up_to(self, goal: int) -> Iterator[tuple[Int64s, int]]:
        """Chunks, each with the `n` to call the replay with, until `goal` references are done in all."""

    def refill(self, workload: int) -> None:
        """The replay wants more of this workload's references."""


class OrderedFeed:
    """`interleave: references`: one order for all, whatever anything takes."""

    def __init__(self, references: References, lab: Any) -> None:
        self._lab = lab
        self._chunks = references.chunks()
        self._chunk: Int64s = np.empty(0, np.int64)
        self._at = 0
        self._done = 0

    def up_to(self, goal: int) -> Iterator[tuple[Int64s, int]]:
        while self._done < goal:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks), 0
                self._lab.cursor = 0
            end = min(len(self._chunk), self._at + goal - self._done)
            self._done += end - self._at
            self._at = end
            yield self._chunk, end

    def refill(self, workload: int) -> None:
        raise AssertionError("the replay in order never asks for one workload's references")


class TimedFeed:
    """`interleave: time`: the replay takes from whichever workload is due, and says whose references it has used up."""

    def __init__(self, references: References, lab: Any, specs: Sequence[AnyWorkloadSpec]) -> None:
        self._lab = lab
        self._cursors = references.cursors()
        self._size = max(1024, CHUNK // len(specs))
        self._chunk: Int64s = np.zeros(self._size * len(specs), np.int64)
        lab.by_time = 1
        for index, spec in enumerate(specs):
            work = lab.workloads[index]
            work.ready_at = int(spec.start.time)
            work.left = references.per_workload[index]
            work.at = work.end = index * self._size

    def up_to(self, goal: int) -> Iterator[tuple[Int64s, int]]:
        yield self._chunk, goal

    def refill(self, workload: int) -> None:
        work = self._lab.workloads[workload]
        count = min(self._size, int(work.left))
        start = workload * self._size
        self._chunk[start : start + count] = self._cursors[workload].take(count)
        work.at, work.end = start, start + count
        work.left -= count
