"""What was read of a plan, on its way from a tier to the next, and the memory that it is in meanwhile."""

from __future__ import annotations

import threading

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.tiers.bulk import MAX_PAGES, NO_SUMS, Int64s


@attrs.define(eq=False)
class Copies:
    """What was read of a plan: its entries' `payloads` as they are, or its pages. Where all pages were decoded together,
    they are `pages`, side by side, with their `sums`; otherwise they are `payloads`.

    `unreadable`: which entries can't be had, None if all can. `is_whole`: all are copied. `scratch`: the thread's memory
    that the pages are in, None if it is their own.
    """

    payloads: list[Buffer]
    pages: npt.NDArray[np.uint8] | None = None
    sums: Int64s = NO_SUMS
    unreadable: npt.NDArray[np.bool_] | None = None
    is_whole: bool = True
    scratch: npt.NDArray[np.uint8] | None = None


class Scratch(threading.local):
    """A thread's memory for pages on their way: new memory for each batch costs more than a decompression.

    Whoever takes it has it alone, whatever else the thread does meanwhile (a signal's handler, a finalizer).
    """

    def __init__(self, page_size: int) -> None:
        self.page_size = page_size
        self.places = np.arange(MAX_PAGES)
        self._rows: npt.NDArray[np.uint8] | None = None

    def take(self) -> npt.NDArray[np.uint8]:
        """Room for MAX_PAGES."""
        rows, self._rows = self._rows, None
        return np.empty((MAX_PAGES, self.page_size), np.uint8) if rows is None else rows

    def give_back(self, copies: Copies) -> None:
        """They are written, or never will be: their memory may be used again."""
        if copies.scratch is not None:
            self._rows = copies.scratch
