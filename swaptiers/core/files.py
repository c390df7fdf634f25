"""Pages out of a file, and payloads into one, many in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.bulk import codec_of, length_of
from swaptiers.core.calls import call_pread, call_pwritev
from swaptiers.core.compile import unlocked_kernel


@unlocked_kernel
def read_slots(pread: int, fd: int, slots: Any, most: int, out: Any) -> int:
    """Read these slots into the rows of `out`, neighbours in one call, `most` at a time. How many rows are filled: fewer
    than there are slots where a call did not give all that it was asked for."""
    size = out.shape[1]
    first = np.int64(out.ctypes.data)
    start = 0
    while start < len(slots):
        end = start + 1
        while end < len(slots) and slots[end] == slots[end - 1] + 1 and end - start < most:
            end += 1
        wanted = (end - start) * size
        if call_pread(pread, fd, first + start * size, wanted, slots[start] * size) != wanted:
            break
        start = end
    return start


@unlocked_kernel
def write_objects(pwritev: int, fd: int, objects: Any, codec_at: int, places: Any, vectors: Any) -> int:
    """Write bytes objects at these addresses to these places in a file, those that follow each other in one call, as many
    at a time as there are rows in `vectors`. How many are written: fewer than there are where a call did not take all that
    it was given, or something is no bytes object."""
    codec = codec_of(codec_at)
    first = np.int64(vectors.ctypes.data)
    start = 0
    while start < len(objects):
        end = start
        total = 0
        while end < len(objects) and end - start < len(vectors) and places[end] == places[start] + total:
            length = length_of(codec, objects[end])
            if length < 0:
                return start
            vectors[end - start, 0] = objects[end] + codec.bytes_at
            vectors[end - start, 1] = length
            total += length
            end += 1
        if call_pwritev(pwritev, fd, first, end - start, places[start]) != total:
            break
        start = end
    return start
