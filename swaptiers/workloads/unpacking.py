"""References of a trace as they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import kernel
from swaptiers.workloads.source import PAGE_BITS

PAGE_OF_WORD = (1 << 31) - 1


@kernel
def unpack(words: Any, out: Any) -> int:
    """The page number, and above it whether the reference writes. The largest page number."""
    top = 0
    for i in range(len(words)):
        word = np.int64(words[i])
        out[i] = (word & PAGE_OF_WORD) | (word >> 31 << PAGE_BITS)
        top = max(top, int(word & PAGE_OF_WORD))
    return top
