"""How often an LRU memory of each size would miss: stack distances, of all pages or of a hashed share of them.

With a share, distances are scaled up by it (spatial sampling, as SHARDS does): the curve of a trace with a billion
references takes the memory of some ten thousand pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.compile import kernel

ENOUGH_PAGES = 16384
"""Pages that are followed, about; all of a trace with fewer."""
HASH_BITS = 24
FIRST = -1


@kernel
def distances(pages: Any, latest: Any, tree: Any, done: int, out: Any) -> None:
    """Per reference the number of other pages referenced since the page's last one; FIRST if there was none.

    `latest`: per page 1 + the place of its last reference, 0 = none; `tree`: a Fenwick tree over places, 1 where some
    page's last reference is; `done`: places used before this call. All are carried on.
    """
    size = len(tree) - 1
    for k in range(len(pages)):
        place = done + k + 1
        before = latest[pages[k]]
        if before == 0:
            out[k] = FIRST
        else:
            newer = 0
            i = place - 1
            while i > 0:
                newer += tree[i]
                i -= i & -i
            i = before
            while i > 0:
                newer -= tree[i]
                i -= i & -i
            out[k] = newer
            i = before
            while i <= size:
                tree[i] -= 1
                i += i & -i
        i = place
        while i <= size:
            tree[i] += 1
            i += i & -i
        latest[pages[k]] = place


@attrs.frozen
class MissCurve:
    """`misses(capacity)` for every capacity at once. `counts[d]`: references at (sampled) stack distance d.

    `first`: first references of a page; `rate`: the share of the pages that were followed; `total`: all references.
    """

    counts: npt.NDArray[np.int64]
    first: int
    rate: float
    total: int

    def miss_ratio(self, capacity: float) -> float:
        """The share of references that miss in an LRU memory of so many pages; first references miss too.

        A share of the pages has more or less than its share of the references, by whether the hottest are among them:
        the difference is counted as hits at the smallest distances, where those pages' references are.
        """
        places = max(0, round(capacity * self.rate))
        if self.total == 0 or places == 0:
            return 1.0
        followed = int(self.counts.sum()) + self.first
        wanted = self.total * self.rate
        hits = int(self.counts[:places].sum()) + wanted - followed
        return min(1.0, max(0.0, 1 - hits / wanted))


def miss_curve(chunks: Iterable[npt.NDArray[Any]], pages: int, *, enough: int = ENOUGH_PAGES) -> MissCurve:
    """The curve of references that come as page numbers, chunk by chunk. `pages`: one above the largest."""
    thin = max(1, pages // enough)
    threshold = (1 << HASH_BITS) // thin
    rate = threshold / (1 << HASH_BITS)
    kept = np.flatnonzero(_hashed(pages) < threshold)
    names = np.full(pages, -1, np.int64)
    names[kept] = np.arange(len(kept))
    latest = np.zeros(max(1, len(kept)), np.int64)
    counts = np.zeros(len(kept) + 1, np.int64)
    follow = _Follower(latest)
    first = total = 0
    for chunk in chunks:
        total += len(chunk)
        own = names[chunk]
        own = own[own >= 0]
        found = follow.take(own)
        first += int((found == FIRST).sum())
        counts += np.bincount(found[found >= 0], minlength=len(counts))
    return MissCurve(counts, first, rate, total)


def _hashed(pages: int) -> npt.NDArray[np.uint64]:
    """A number of HASH_BITS bits for each page, mixed well: neighbours and small numbers are nothing special."""
    mixed = (np.arange(pages, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed >> np.uint64(64 - HASH_BITS)


class _Follower:
    """The tree over places, renumbered when they are used up: its size is that of the pages, not of the references."""

    def __init__(self, latest: npt.NDArray[np.int64]) -> None:
        self._latest = latest
        self._size = max(1 << 16, 4 * len(latest))
        self._tree = np.zeros(self._size + 1, np.int64)
        self._done = 0

    def take(self, pages: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The distances of the next references."""
        out = np.empty(len(pages), np.int64)
        at = 0
        while at < len(pages):
            if self._done == self._size:
                self._renumber()
            end = min(len(pages), at + self._size - self._done)
            distances(pages[at:end], self._latest, self._tree, self._done, out[at:end])
            self._done += end - at
            at = end
        return out

    def _renumber(self) -> None:
        live = np.flatnonzero(self._latest)
        order = live[np.argsort(self._latest[live])]
        self._latest[order] = np.arange(1, len(order) + 1)
        self._done = len(order)
        ones = np.zeros(self._size + 1, np.int64)
        ones[1 : len(order) + 1] = 1
        sums = np.cumsum(ones)
        places = np.arange(self._size + 1)
        self._tree[:] = sums - sums[places - (places & -places)]
