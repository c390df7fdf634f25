"""Patterns one after the other, over the same pages."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from swaptiers.workloads.source import Cursor, Int64s, Source


@attrs.frozen(eq=False)
class SequenceSource:
    """The steps' references, each to its end."""

    steps: Sequence[Source]

    @property
    def pages(self) -> int:
        return max(step.pages for step in self.steps)

    @property
    def total(self) -> int:
        return sum(step.total for step in self.steps)

    def start(self) -> SequenceCursor:
        """At the first reference of the first step."""
        return SequenceCursor(self)


class SequenceCursor:
    """A place in one of the steps."""

    def __init__(self, source: SequenceSource) -> None:
        self._steps = list(source.steps)
        self._cursor: Cursor | None = None
        self._left = 0

    def take(self, count: int) -> Int64s:
        """The next `count` references."""
        parts: list[Int64s] = [np.empty(0, np.int64)]
        while count:
            while self._left == 0:
                step = self._steps.pop(0)
                self._cursor, self._left = step.start(), step.total
            assert self._cursor is not None
            part = self._cursor.take(min(count, self._left))
            self._left -= part.size
            count -= part.size
            parts.append(part)
        return np.concatenate(parts)
