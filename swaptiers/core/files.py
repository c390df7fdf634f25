"""Pages of a file into memory, in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.calls import call_pread
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
