"""Popularity by Zipf's law: the k-th most popular page has weight k^-alpha.

One draw is one raw integer: its upper 44 bits are looked up in the cumulative weights, with a guide table that holds
the first candidate for each value of the top bits (on average one more comparison is needed, whatever the weights), its
lower 19 decide on a write. The weights are rounded to 44 bits once, so that no float is in the loop.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.compile import kernel
from swaptiers.workloads.source import (
    CHANCE_BITS,
    CHANCE_MASK,
    RANKING,
    REFERENCES,
    WRITE,
    Int64s,
    RawIntegers,
    chance,
)
from swaptiers.workloads.specs import ZipfPattern

Int32s = npt.NDArray[np.int32]

DRAW_BITS = 63 - CHANCE_BITS


@kernel
def shuffle(raw: Int64s, ranking: Int32s) -> None:
    """Fisher and Yates, one raw integer per page."""
    for i in range(ranking.size - 1, 0, -1):
        j = ((raw[i] >> 31) * (i + 1)) >> 32
        ranking[i], ranking[j] = ranking[j], ranking[i]


@kernel
def draw(
    raw: Int64s,
    bounds: Int64s,
    guide: Int32s,
    guide_shift: int,
    ranking: Int32s,
    write_below: int,
    out: Int64s,
) -> None:
    """One reference per raw integer into `out`."""
    for i in range(raw.size):
        point = raw[i] >> CHANCE_BITS
        rank = int(guide[point >> guide_shift])
        while bounds[rank] <= point:
            rank += 1
        reference = int(ranking[rank])
        if raw[i] & CHANCE_MASK < write_below:
            reference |= WRITE
        out[i] = reference


@attrs.frozen(eq=False)
class ZipfSource:
    """A Zipf workload's tables; 16 bytes per page."""

    pages: int
    total: int
    seed: int
    index: int
    write_below: int
    bounds: Int64s
    guide: Int32s
    guide_shift: int
    ranking: Int32s

    @classmethod
    def make(cls, spec: ZipfPattern, seed: int, index: int) -> ZipfSource:
        """The tables of the `index`-th workload."""
        bounds = cumulative(spec.pages, spec.alpha)
        bits = max(1, (spec.pages - 1).bit_length())
        shift = DRAW_BITS - bits
        firsts = np.arange(1 << bits, dtype=np.int64) << shift
        guide = np.searchsorted(bounds, firsts, side="right").astype(np.int32)
        ranking = np.arange(spec.pages, dtype=np.int32)
        shuffle(RawIntegers(seed, index, RANKING).take(spec.pages), ranking)
        return cls(
            pages=spec.pages,
            total=spec.refs,
            seed=seed,
            index=index,
            write_below=chance(spec.writes),
            bounds=bounds,
            guide=guide,
            guide_shift=shift,
            ranking=ranking,
        )

    def start(self) -> ZipfCursor:
        """At the first reference."""
        return ZipfCursor(self)


class ZipfCursor:
    """A place in a Zipf workload."""

    def __init__(self, source: ZipfSource) -> None:
        self._source = source
        self._raw = RawIntegers(source.seed, source.index, REFERENCES)

    def take(self, count: int) -> Int64s:
        """The next `count` references."""
        source = self._source
        out = np.empty(count, np.int64)
        raw = self._raw.take(count)
        draw(raw, source.bounds, source.guide, source.guide_shift, source.ranking, source.write_below, out)
        return out


def cumulative(pages: int, alpha: float) -> Int64s:
    """The cumulative weights of ranks 1 to `pages`, scaled to 2^44: rank k is drawn from bounds[k-2] to bounds[k-1]."""
    weights = np.arange(1, pages + 1, dtype=np.float64) ** -alpha
    sums = np.cumsum(weights)
    bounds: Int64s = np.floor(sums * ((1 << DRAW_BITS) / sums[-1])).astype(np.int64)
    np.minimum(bounds, 1 << DRAW_BITS, out=bounds)
    bounds[-1] = 1 << DRAW_BITS
    return bounds
