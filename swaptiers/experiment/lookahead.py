"""Two passes over an order of references that is known as a whole: what follows, and the fewest misses."""

from __future__ import annotations

import heapq
from typing import Any

from swaptiers.core.compile import kernel


@kernel
def look_ahead(pages: Any, latest: Any, following: Any) -> None:
    """From the last reference to the first: where the page was met before (that is: later) is what follows."""
    for i in range(len(pages) - 1, -1, -1):
        following[i] = latest[pages[i]]
        latest[pages[i]] = i


@kernel
def fewest_misses(pages: Any, following: Any, capacity: int, resident: Any) -> int:
    """Misses of a memory of `capacity` pages that always lets go of the page that is used again last (Belady's MIN)."""
    heap = [(0, 0)]
    heap.pop()
    held = 0
    misses = 0
    for i in range(len(pages)):
        page = pages[i]
        if resident[page] < 0:
            misses += 1
            while held >= capacity:
                next_use, victim = heapq.heappop(heap)
                if resident[victim] == -next_use:
                    resident[victim] = -1
                    held -= 1
            held += 1
        resident[page] = following[i]
        heapq.heappush(heap, (-following[i], page))
    return misses
