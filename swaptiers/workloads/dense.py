"""Dense page numbers for whatever a trace calls its objects: the first one met is 0, the next new one 1, and so on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.errors import ConfigError
from swaptiers.workloads.specs import MAX_PAGES

Uint64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]


class Dense:
    """Gives numbers. Memory grows with the objects, never with the references."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[int, int]] = {}
        self._top = 0

    def number(self, objects: Uint64s, pages: Int64s) -> Int64s:
        """The pages of objects[i], of which there are pages[i] side by side, all in order.

        An object that has grown since it was met last is a new one: its pages get new numbers.
        """
        names, first, inverse = np.unique(objects, return_index=True, return_inverse=True)
        largest = np.zeros(len(names), np.int64)
        np.maximum.at(largest, inverse, pages)
        if (pages[first] == largest).all():  # none grows on the way, as far as these requests say
            bases = np.empty(len(names), np.int64)
            for i in np.argsort(first, kind="stable").tolist():
                bases[i] = self._base(int(names[i]), int(largest[i]))
            starts = bases[inverse]
        else:
            each = zip(objects.tolist(), pages.tolist(), strict=True)
            starts = np.array([self._base(name, count) for name, count in each], np.int64)
        starts = np.repeat(starts, pages)
        ends = np.cumsum(pages)
        within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - pages, pages)
        numbers: Int64s = starts + within
        return numbers

    def _base(self, name: int, pages: int) -> int:
        place = self._places.get(name)
        if place is None or place[1] < pages:
            place = self._places[name] = (self._top, pages)
            self._top += pages
            if self._top > MAX_PAGES:
                raise ConfigError(f"a trace has more than {MAX_PAGES} pages; give one of fewer or smaller objects")
        return place[0]


def with_writes(numbers: Int64s, writes: Any) -> npt.NDArray[np.uint32]:
    """As format u32 has them: bit 31 set for a write."""
    words: npt.NDArray[np.uint32] = numbers.astype(np.uint32) | (writes.astype(np.uint32) << np.uint32(31))
    return words
