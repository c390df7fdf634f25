"""What callers hand in, checked before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.core.entries import BUSY_NOW, FOREIGN
from swaptiers.errors import BusyEntryError, StaleEntryError

Pages = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.uint64]
MAX_ID = (1 << 63) - 1


def checked_pages(pages: Any, page_size: int) -> Pages | list[bytes]:
    """(n, page_size) uint8, contiguous, or a list of bytes objects of a page each. Raises TypeError or ValueError."""
    if isinstance(pages, list | tuple):
        return _checked_list(pages, page_size)
    if not isinstance(pages, np.ndarray) or pages.dtype != np.uint8 or pages.ndim != 2:
        got = f"{pages.dtype} {pages.shape}" if isinstance(pages, np.ndarray) else type(pages).__name__
        raise TypeError(
            f"pages are a uint8 array of shape (n, {page_size}), or a list of {page_size} bytes each, not {got}"
        )
    if pages.shape[1] != page_size:
        raise ValueError(f"pages are {page_size} bytes each, not {pages.shape[1]}")
    return np.ascontiguousarray(pages)


def _checked_list(pages: Sequence[Any], page_size: int) -> list[bytes]:
    listed = list(pages) if set(map(type, pages)) == {bytes} else list(map(_as_bytes, pages))
    for size in set(map(len, listed)) - {page_size}:
        raise ValueError(f"pages are {page_size} bytes each, not {size}")
    return listed


def _as_bytes(page: Any) -> bytes:
    if not isinstance(page, bytes | bytearray | memoryview | np.ndarray):
        raise TypeError(f"a list of pages has bytes objects in it, or arrays of uint8, not {type(page).__name__}")
    if isinstance(page, np.ndarray) and page.dtype != np.uint8:
        raise TypeError(f"a page is an array of uint8, not {page.dtype}")
    return bytes(page)


def as_array(pages: Pages | list[bytes], page_size: int) -> Pages:
    """The checked pages as rows of an array."""
    return np.frombuffer(b"".join(pages), np.uint8).reshape(-1, page_size) if isinstance(pages, list) else pages


def checked_out(out: Pages | None, n: int, page_size: int) -> Pages:
    """Where pages are to be put: the caller's array, or a new one."""
    if out is None:
        return np.empty((n, page_size), np.uint8)
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != (n, page_size):
        raise TypeError(f"out is a uint8 array of shape ({n}, {page_size})")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError("out is a contiguous array that can be written")
    return out


def checked_ids(ids: Ids | Sequence[int]) -> npt.NDArray[np.int64]:
    """Entry ids as the kernels want them. Raises TypeError, or StaleEntryError for a number that can't be one."""
    array = np.asarray(ids)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.dtype == object and all(isinstance(each, int) for each in array.flat):
        raise StaleEntryError(int(array.flat[0]), "entry ids are positive and below 2**63")
    if array.ndim != 1 or array.dtype.kind not in "ui":
        raise TypeError(f"entry ids are a one-dimensional array of integers, not {array.dtype} {array.shape}")
    if array.dtype.kind == "u" and int(array.max()) > MAX_ID:
        raise no_entry(int(array.max()), FOREIGN)
    return np.ascontiguousarray(array, dtype=np.int64)


def checked_clean(clean: Ids | Sequence[int], n: int) -> npt.NDArray[np.int64]:
    """Per page the id that it was swapped in under, or 0. Raises TypeError or ValueError."""
    ids = checked_ids(clean)
    if len(ids) != n:
        raise ValueError(f"clean has an id, or 0, for each of the {n} pages, not {len(ids)}")
    named = ids[ids != 0]
    if len(np.unique(named)) != len(named):
        raise ValueError("an id stands twice in clean")
    return ids


def checked_uses(last_used_ns: Any, n: int, now: int) -> npt.NDArray[np.int64]:
    """When each of n pages was last used. Raises TypeError or ValueError."""
    if last_used_ns is None:
        uses = np.empty(n, np.int64)
        uses.fill(now)  # a third of what np.full takes
        return uses
    uses = np.asarray(last_used_ns)
    if uses.dtype.kind not in "ui":
        raise TypeError("last_used_ns is an integer, or one per page")
    return np.broadcast_to(uses, (n,)).astype(np.int64)


def no_entry(entry: int, why: int) -> Exception:
    """The error for an id that names no entry that can be used now."""
    if why == FOREIGN:
        return StaleEntryError(entry, f"{entry:#x} is no entry id of this system; was it given out by another one?")
    if why == BUSY_NOW:
        return BusyEntryError(entry, f"entry {entry:#x} is being taken by somebody else, or stands twice in this call")
    return StaleEntryError(entry, f"entry {entry:#x} is gone: it was swapped in or discarded before")
