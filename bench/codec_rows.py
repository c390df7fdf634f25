"""Swapping out and in, against the bare codec calls that any such store has to make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lz4.block
import numpy as np
import zstandard

import swaptiers as st
from bench.corpus import PAGE, load_corpus
from bench.rounds import Timing, Work, interleaved, timed
from bench.rows import Row, Size

BATCH = 64


def bare_codec(compressor: str) -> tuple[Callable[[Any], bytes], Callable[[bytes], bytes]]:
    """The library's own calls; zstandard's result is copied, or it would keep far more memory than its length."""
    if compressor == "lz4":
        return (
            lambda page: lz4.block.compress(page, store_size=False),
            lambda payload: lz4.block.decompress(payload, uncompressed_size=PAGE),
        )
    squeeze = zstandard.ZstdCompressor(level=1, write_content_size=False, write_checksum=False)
    expand = zstandard.ZstdDecompressor()
    return (
        lambda page: bytes(memoryview(squeeze.compress(page))),
        lambda payload: expand.decompress(payload, max_output_size=PAGE),
    )


class Job:
    """One corpus, one compressor, one system large enough that nothing has to move."""

    def __init__(self, size: Size, compressor: Any) -> None:
        self.pages = load_corpus(size.corpus, size.pages)
        self.views = [memoryview(page) for page in self.pages]
        self.singles = [page.tobytes() for page in self.pages]
        self.batches = [self.pages[i : i + BATCH] for i in range(0, len(self.pages), BATCH)]
        self.compress, self.decompress = bare_codec(compressor)
        self.payloads = [self.compress(view) for view in self.views]
        self.swap = st.SwapSystem([st.ZswapSpec(name="zswap", compressor=compressor, max_pool="4G")])

    def empty(self, ids: Sequence[Any]) -> None:
        """Check what was stored, and let it go."""
        flat = np.concatenate([np.atleast_1d(np.asarray(each, np.uint64)) for each in ids])
        if not (self.swap.swap_in(flat) == self.pages).all():
            raise RuntimeError("pages came back changed")

    # the limit

    def bare_out(self) -> float:
        compress, views = self.compress, self.views
        kept: list[bytes] = []

        def work() -> None:
            for view in views:
                kept.append(compress(view))  # noqa: PERF401  (as a store would)

        return timed(work)

    def bare_in(self) -> float:
        decompress, payloads = self.decompress, self.payloads
        kept: list[bytes] = []

        def work() -> None:
            for payload in payloads:
                kept.append(decompress(payload))  # noqa: PERF401

        return timed(work)

    # ours

    def out_in_batches(self) -> float:
        ids: list[Any] = []
        swap_out, batches = self.swap.swap_out, self.batches

        def work() -> None:
            for batch in batches:
                ids.append(swap_out(batch))  # noqa: PERF401

        seconds = timed(work)
        self.empty(ids)
        return seconds

    def in_in_batches(self) -> float:
        ids = [self.swap.swap_out(batch) for batch in self.batches]
        kept: list[Any] = []
        swap_in = self.swap.swap_in

        def work() -> None:
            for each in ids:
                kept.append(swap_in(each))  # noqa: PERF401

        seconds = timed(work)
        self.verify(kept)
        return seconds

    def out_page_by_page(self) -> float:
        ids: list[int] = []
        swap_out_page, singles = self.swap.swap_out_page, self.singles

        def work() -> None:
            for page in singles:
                ids.append(swap_out_page(page))  # noqa: PERF401

        seconds = timed(work)
        self.empty(ids)
        return seconds

    def in_page_by_page(self) -> float:
        ids = [self.swap.swap_out_page(page) for page in self.singles]
        kept: list[bytes] = []
        swap_in_page = self.swap.swap_in_page

        def work() -> None:
            for entry in ids:
                kept.append(swap_in_page(entry))  # noqa: PERF401

        seconds = timed(work)
        if kept != self.singles:
            raise RuntimeError("pages came back changed")
        return seconds

    def verify(self, kept: list[Any]) -> None:
        if not (np.concatenate(kept) == self.pages).all():
            raise RuntimeError("pages came back changed")


def against(compressor: str, ours: Callable[[Job], Work], limit: Callable[[Job], Work]) -> Any:
    """A row's run: both sides on one job."""

    def run(size: Size) -> tuple[Timing, int]:
        job = Job(size, compressor)
        try:
            return interleaved(ours(job), limit(job), size.rounds), size.pages
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
