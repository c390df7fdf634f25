"""Demotion of 64 entries at a time, against the codec calls and the writes that it can't do without."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any, Literal

import swaptiers as st
from bench.corpus import PAGE, load_corpus
from bench.limits import Buffers, lz4_in, lz4_out, pread_one, pwritev_all
from bench.rounds import Timing, Work, interleaved, timed
from bench.rows import Row, Size

BATCH = 64
PASSES = 4


class Job:
    """A system whose pages are all in zswap, and move down as one request; the bare calls on the same payloads."""

    def __init__(self, size: Size) -> None:
        self.pages = load_corpus(size.corpus, size.pages)
        payloads = [bytes(payload) for payload in lz4_out([page.data for page in self.pages])]
        cut = range(0, len(payloads), BATCH)
        self.batches = [payloads[i : i + BATCH] for i in cut]
        self.raw = [[page.tobytes() for page in self.pages[i : i + BATCH]] for i in cut]
        with tempfile.TemporaryFile() as file:
            self.fd = os.dup(file.fileno())
        self.systems = {kind: self._system(kind) for kind in ("plain", "compressed")}

    @staticmethod
    def _system(kind: str) -> st.SwapSystem:
        zswap = st.ZswapSpec(name="zswap", compressor="lz4", max_pool="4G")
        plain = st.FileSpec(name="file", capacity="256M")
        log = st.FileSpec(name="file", capacity="256M", layout="log", compressor="lz4")
        edge = st.EdgeSpec(source="zswap", target="file", batch=BATCH, keep_compressed=kind == "compressed")
        return st.SwapSystem([zswap, plain if kind == "plain" else log], [edge])

    def ours(self, kind: Literal["plain", "compressed"]) -> Work:
        """Demote everything; what comes back is compared."""
        swap = self.systems[kind]

        def work() -> float:
            ids = swap.swap_out(self.pages)
            seconds = timed(lambda: swap.demote("4G", source="zswap"))
            if swap.stats().tiers["file"].entries != len(self.pages):
                raise RuntimeError("not all pages moved")
            if not (swap.swap_in(ids) == self.pages).all():
                raise RuntimeError("pages came back changed")
            return seconds

        return work

    def bare(self, step: Callable[[int, Buffers], Any]) -> Work:
        """One step a batch, each further on in the file."""

        def work() -> float:
            kept: list[Any] = []
            os.ftruncate(self.fd, 0)
            os.ftruncate(self.fd, len(self.pages) * PAGE)
            return timed(lambda: kept.extend([step(i * BATCH * PAGE, each) for i, each in enumerate(self.batches)]))

        return work

    def decompress_and_write(self, offset: int, payloads: Buffers) -> int:
        """The limit of plain demotion."""
        return pwritev_all(self.fd, lz4_in(payloads), offset)

    def write_joined(self, offset: int, payloads: Buffers) -> int:
        """The limit of demotion that keeps payloads as they are."""
        return os.pwrite(self.fd, b"".join(payloads), offset)

    def write_pages(self) -> float:
        """Whole pages, 64 a call."""
        return self.bare(lambda offset, _: pwritev_all(self.fd, self.raw[offset // (BATCH * PAGE)], offset))()

    def read_pages(self) -> float:
        """Each page by itself, from the page cache."""
        places = range(0, len(self.pages) * PAGE, PAGE)
        pwritev_all(self.fd, [page for batch in self.raw for page in batch], 0)
        return timed(lambda: [pread_one(self.fd, place) for place in places])

    def close(self) -> None:
        os.close(self.fd)
        for swap in self.systems.values():
            swap.close()


def _run(sides: Callable[[Job], tuple[Work, Work]]) -> Callable[[Size], tuple[Timing, int]]:
    def run(size: Size) -> tuple[Timing, int]:
        job = Job(size)
        try:
            return interleaved(*sides(job), size.rounds, PASSES), size.pages * PASSES
        finally:
            job.close()

    return run


ROWS = [
    Row(
        key="demote_plain_vs_limit",
        what="zswap to slots of a file, over decompressing and pwritev of 64 pages",
        unit="page",
        target=1.25,
        run=_run(lambda job: (job.ours("plain"), job.bare(job.decompress_and_write))),
    ),
    Row(
        key="demote_compressed_vs_limit",
        what="zswap to a log, payloads as they are, over one pwrite of 64 joined payloads",
        unit="page",
        target=2.0,
        run=_run(lambda job: (job.ours("compressed"), job.bare(job.write_joined))),
    ),
    Row(
        key="demote_compressed_vs_plain",
        what="the one over the other",
        unit="page",
        target=0.5,
        run=_run(lambda job: (job.ours("compressed"), job.ours("plain"))),
    ),
    Row(
        key="bare_pread_vs_pwritev",
        what="no row of ours: a cached pread of a page over its share of a pwritev of 64",
        unit="page",
        target=None,
        run=_run(lambda job: (job.read_pages, job.write_pages)),
    ),
]
