"""Swapping out and in, against the bare codec calls that any such store has to make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

import swaptiers as st
from bench.corpus import load_corpus
from bench.limits import LOOPS
from bench.rounds import Timing, Work, interleaved, timed
from bench.rows import Row, Size

BATCH = 64
PASSES = 8
"""Over the same pages, in one round: 2,048 pages stay in memory that the process has already."""


class Job:
    """One corpus, one compressor, one system large enough that nothing has to move. What is timed is checked after."""

    def __init__(self, size: Size, compressor: Literal["lz4", "zstd"]) -> None:
        self.pages = load_corpus(size.corpus, size.pages)
        self.views = [memoryview(page) for page in self.pages]
        self.singles = [page.tobytes() for page in self.pages]
        self.batches = [self.pages[i : i + BATCH] for i in range(0, len(self.pages), BATCH)]
        self.out_loop, self.in_loop = LOOPS[compressor]
        self.payloads = self.out_loop(self.views)
        self.swap = st.SwapSystem([st.ZswapSpec(name="zswap", compressor=compressor, max_pool="4G")])

    # the limit

    def bare_out(self) -> float:
        kept: list[list[bytes]] = []
        seconds = timed(lambda: kept.append(self.out_loop(self.views)))
        _same(kept[0] == self.payloads)
        return seconds

    def bare_in(self) -> float:
        kept: list[list[bytes]] = []
        seconds = timed(lambda: kept.append(self.in_loop(self.payloads)))
        _same(kept[0] == self.singles)
        return seconds

    # ours

    def out_in_batches(self) -> float:
        kept: list[Any] = []
        swap_out, batches = self.swap.swap_out, self.batches
        seconds = timed(lambda: kept.extend([swap_out(batch) for batch in batches]))
        _same(bool((self.swap.swap_in(np.concatenate(kept)) == self.pages).all()))
        return seconds

    def in_in_batches(self) -> float:
        ids = [self.swap.swap_out(batch) for batch in self.batches]
        kept: list[Any] = []
        swap_in = self.swap.swap_in
        seconds = timed(lambda: kept.extend([swap_in(each) for each in ids]))
        _same(bool((np.concatenate(kept) == self.pages).all()))
        return seconds

    def out_page_by_page(self) -> float:
        kept: list[int] = []
        swap_out_page, singles = self.swap.swap_out_page, self.singles
        seconds = timed(lambda: kept.extend([swap_out_page(page) for page in singles]))
        _same(bool((self.swap.swap_in(kept) == self.pages).all()))
        return seconds

    def in_page_by_page(self) -> float:
        ids = [self.swap.swap_out_page(page) for page in self.singles]
        kept: list[bytes] = []
        swap_in_page = self.swap.swap_in_page
        seconds = timed(lambda: kept.extend([swap_in_page(each) for each in ids]))
        _same(kept == self.singles)
        return seconds


def _same(equal: bool) -> None:
    if not equal:
        raise RuntimeError("pages came back changed")


def against(
    compressor: Literal["lz4", "zstd"], ours: Callable[[Job], Work], limit: Callable[[Job], Work]
) -> Callable[[Size], tuple[Timing, int]]:
    """A row's run: both sides on one job."""

    def run(size: Size) -> tuple[Timing, int]:
        job = Job(size, compressor)
        try:
            return interleaved(ours(job), limit(job), size.rounds, PASSES), size.pages * PASSES
        finally:
            job.swap.close()

    return run


ROWS = [
    Row(
        key="swap_out_batch_vs_codec",
        what="swap_out, 64 pages a call, lz4, over lz4 alone",
        unit="page",
        target=1.15,
        run=against("lz4", lambda job: job.out_in_batches, lambda job: job.bare_out),
    ),
    Row(
        key="swap_out_batch_zstd_vs_codec",
        what="the same with zstd-1",
        unit="page",
        target=1.08,
        run=against("zstd", lambda job: job.out_in_batches, lambda job: job.bare_out),
    ),
    Row(
        key="swap_in_batch_vs_codec",
        what="swap_in, 64 pages a call, checksum included, over lz4 alone",
        unit="page",
        target=1.5,
        run=against("lz4", lambda job: job.in_in_batches, lambda job: job.bare_in),
    ),
    Row(
        key="swap_out_page_vs_codec",
        what="swap_out_page, over lz4 alone",
        unit="page",
        target=1.4,
        run=against("lz4", lambda job: job.out_page_by_page, lambda job: job.bare_out),
    ),
    Row(
        key="swap_in_page_vs_codec",
        what="swap_in_page, over lz4 alone",
        unit="page",
        target=2.3,
        run=against("lz4", lambda job: job.in_page_by_page, lambda job: job.bare_in),
    ),
]
