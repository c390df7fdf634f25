"""How much memory zsmalloc would take: size classes, zspages and the pool's bytes if it were fully compacted.

Mirrors mm/zsmalloc.c: 255 classes, an 8-byte handle on each object, zspages of up to 8 pages, classes that look alike
merged into the larger, huge classes one object per page with the handle outside.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.core.compile import part
from swaptiers.core.layout import Header

HANDLE_SIZE = 8  # ZS_HANDLE_SIZE
MIN_ALLOC = 32  # ZS_MIN_ALLOC_SIZE
CHAIN_SIZE = 8  # CONFIG_ZSMALLOC_CHAIN_SIZE
CLASSES = 255


def class_delta(page_size: int) -> int:
    """ZS_SIZE_CLASS_DELTA: 16 bytes for 4 KiB pages."""
    return page_size >> 8


def chain_pages(size: int, page_size: int) -> int:
    """Pages of a zspage for objects of `size` bytes: those that waste least, as calculate_zspage_chain_size() does."""
    if size & (size - 1) == 0:
        return 1
    return min(range(1, CHAIN_SIZE + 1), key=lambda pages: ((pages * page_size) % size, pages))


def size_classes(page_size: int) -> npt.NDArray[np.int64]:
    """(CLASSES, 4): per class index its representative's index, object size, pages per zspage, objects per zspage.

    Neighbours with equal pages and objects are one class, the larger (can_merge()).
    """
    table = np.zeros((CLASSES, 4), np.int64)
    previous: tuple[int, int, int, int] | None = None
    for index in range(CLASSES - 1, -1, -1):
        size = min(MIN_ALLOC + index * class_delta(page_size), page_size)
        pages = chain_pages(size, page_size)
        objects = pages * page_size // size
        if previous is None or previous[2:] != (pages, objects):
            previous = (index, size, pages, objects)
        table[index] = previous
    return table


def object_size(length: int, page_size: int = 4096) -> int:
    """Bytes of the object that a payload of `length` bytes gets. ValueError for 0 and for more than a page."""
    if not 0 < length <= page_size:
        raise ValueError(f"zsmalloc takes 1 to {page_size} bytes, not {length}")
    index = -(-(length + HANDLE_SIZE - MIN_ALLOC) // class_delta(page_size))
    return int(size_classes(page_size)[min(max(0, index), CLASSES - 1), 1])


@part
def class_index(st: Header, length: int) -> int:
    """The class of a payload, as zs_malloc() picks it: handle added, rounded up, merged."""
    delta = st.page_size >> 8
    index = (length + HANDLE_SIZE - MIN_ALLOC + delta - 1) // delta
    return int(st.class_rep[min(max(index, 0), CLASSES - 1)])


@part
def pool_add(st: Header, tier: int, length: int) -> None:
    """Account one more object; a zspage is added when the class's last one is full."""
    t = st.tiers[tier]
    index = class_index(st, length)
    if t.class_objects[index] % st.class_fits[index] == 0:
        t.pool_bytes += st.class_pages[index] * st.page_size
        t.peak_pool_bytes = max(t.peak_pool_bytes, t.pool_bytes)
    t.class_objects[index] += 1


@part
def pool_remove(st: Header, tier: int, length: int) -> None:
    """Account one object less; compaction would empty a zspage whenever the rest fits in one fewer."""
    t = st.tiers[tier]
    index = class_index(st, length)
    t.class_objects[index] -= 1
    if t.class_objects[index] % st.class_fits[index] == 0:
        t.pool_bytes -= st.class_pages[index] * st.page_size
