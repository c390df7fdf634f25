"""Plain pages in memory: CXL or far memory, which is byte-addressable but slower."""

from __future__ import annotations

import errno
import mmap

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer


class MemoryTier:
    """Whole pages in one anonymous mapping of `slots` pages, populated as it is touched."""

    compressed = False
    by_reference = False

    def __init__(self, name: str, slots: int, page_size: int) -> None:
        self.name = name
        self.page_size = page_size
        self._map: mmap.mmap | None = mmap.mmap(-1, slots * page_size)
        self._pages: npt.NDArray[np.uint8] = np.frombuffer(self._map, np.uint8).reshape(slots, page_size)

    def encode(self, page: Buffer) -> Buffer:
        return page

    def decode(self, payload: Buffer) -> Buffer:
        return payload

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        pages = self._open_pages()
        for slot, payload in zip(slots.tolist(), payloads, strict=True):
            pages[slot] = np.frombuffer(payload, np.uint8)

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        pages = self._open_pages()[slots].reshape(-1).data
        size = self.page_size
        return [pages[i * size : (i + 1) * size] for i in range(len(slots))]

    def _open_pages(self) -> npt.NDArray[np.uint8]:
        """Raises OSError once the tier is closed: somebody may read while another removes it."""
        pages = self._pages
        if not len(pages):
            raise OSError(errno.EBADF, "the tier is closed")
        return pages

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        """Nothing to do: the slot's next page overwrites it."""

    def close(self) -> None:
        self._pages = np.zeros((0, self.page_size), np.uint8)
        self._map = None
