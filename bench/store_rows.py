"""One job for swaptiers and its peers: pages are put, got by a skewed choice, and some of them written again."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import swaptiers as st
from bench.corpus import SEED, load_corpus
from bench.peers import PEERS, Pages, Store
from bench.rounds import Timing, interleaved, timed
from bench.rows import Row, Size, Values
from swaptiers.testing.memory import resident_bytes
from swaptiers.workloads.specs import ZipfSpec
from swaptiers.workloads.streams import References

BATCH = 64
BUDGET_BYTES = 64 << 20
MIX = 4096
"""Different pages; the job goes round them, each time with another number written into the page."""
REWRITTEN = 10
"""One get in so many is followed by a rewrite of the page."""
ROOT = Path(__file__).parent.parent


@attrs.frozen
class Job:
    """`puts` in batches; then `gets`: the number of the page, and whether it is written again."""

    puts: tuple[Pages, ...]
    gets: tuple[tuple[int, bool], ...]
    rewrites: dict[int, bytes]
    """What a page becomes when it is written again."""

    @property
    def operations(self) -> int:
        return sum(map(len, self.puts)) + len(self.gets)

    @classmethod
    def make(cls, count: int, corpus: Path | None) -> Job:
        """`count` puts and as many gets, zipf(0.9) over all pages."""
        mix = load_corpus(corpus, min(MIX, count))
        pages = [_marked(mix[i % len(mix)], i) for i in range(count)]
        order = np.random.Generator(np.random.PCG64(SEED)).permutation(count)
        spec = ZipfSpec(cgroup="/a", pages=count, refs=count, alpha=0.9)
        chosen = np.concatenate(list(References([spec], SEED, Path()).chunks())) & ((1 << 32) - 1)
        numbers = order[chosen].tolist()
        written = [i % REWRITTEN == REWRITTEN - 1 for i in range(count)]
        batches = tuple(tuple((i, pages[i]) for i in range(s, min(s + BATCH, count))) for s in range(0, count, BATCH))
        again = {
            i: _marked(mix[(i + 1) % len(mix)], i) for i in {n for n, w in zip(numbers, written, strict=True) if w}
        }
        return cls(batches, tuple(zip(numbers, written, strict=True)), again)

    def run(self, store: Store) -> None:
        """Do it. Raises RuntimeError if a page that comes back is not the one that was put last."""
        for batch in self.puts:
            store.put(batch)
        get, put, rewrites = store.get, store.put, self.rewrites
        marks = bytearray()
        for number, is_written in self.gets:
            marks += get(number)[:8]
            if is_written:
                put([(number, rewrites[number])])
        found = np.frombuffer(marks, "<u8")
        if not (found == np.fromiter((number for number, _ in self.gets), np.uint64, len(self.gets))).all():
            raise RuntimeError("another page came back")

    def check(self, store: Store) -> None:
        """Every page is what was put last. Raises RuntimeError."""
        last = {number for number, is_written in self.gets if is_written}
        for number, page in itertools.chain.from_iterable(self.puts):
            if store.get(number) != (self.rewrites[number] if number in last else page):
                raise RuntimeError(f"page {number} came back changed")


def _marked(page: Any, number: int) -> bytes:
    """The page with its number in the first eight bytes."""
    return b"".join((number.to_bytes(8, "little"), page[8:].data))


class Swaptiers:
    """Ours: lz4 in memory up to the budget, what is coldest moves on as it is into a log in a file."""

    def __init__(self, folder: Path, budget: int) -> None:
        self._swap = st.SwapSystem(
            [
                st.ZswapSpec(name="zswap", compressor="lz4", max_pool=budget),
                st.FileSpec(name="log", capacity="1G", layout="log", compressor="lz4"),
            ],
            [
                st.EdgeSpec(
                    source="zswap", target="log", keep_compressed=True, batch=256, when=st.Triggers(pressure=True)
                )
            ],
            folder=folder,
        )
        self._ids: dict[int, int] = {}

    def put(self, pages: Pages) -> None:
        ids = self._ids
        if len(pages) == 1:
            number, page = pages[0]
            old = ids.get(number)
            ids[number] = self._swap.swap_out_page(page)
            if old is not None:
                self._swap.discard_page(old)
            return
        numbers, batch = zip(*pages, strict=True)
        ids.update(zip(numbers, self._swap.swap_out(batch).tolist(), strict=True))

    def get(self, number: int) -> bytes:
        return self._swap.peek_page(self._ids[number])

    def close(self) -> None:
        self._swap.close()


def timed_job(job: Job, make: Callable[[Path, int], Store]) -> float:
    """Seconds of the job alone, in a new store."""
    folder = Path(tempfile.mkdtemp(prefix="swaptiers-bench-"))
    try:
        store = make(folder, BUDGET_BYTES)
        try:
            return timed(lambda: job.run(store))
        finally:
            store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def against(peer: str) -> Callable[[Size], tuple[Timing, int]]:
    """A row's run."""

    def run(size: Size) -> tuple[Timing, int]:
        job = Job.make(size.puts, size.corpus)
        _try(peer)
        ours: Callable[[], float] = lambda: timed_job(job, Swaptiers)  # noqa: E731
        theirs: Callable[[], float] = lambda: timed_job(job, PEERS[peer])  # noqa: E731
        return interleaved(ours, theirs, size.jobs), job.operations

    return run


def _try(peer: str) -> None:
    """Raises UnavailableError before minutes are spent on the other side."""
    with tempfile.TemporaryDirectory() as folder:
        PEERS[peer](Path(folder), BUDGET_BYTES).close()


def rss_over_budget(size: Size) -> tuple[Values, int]:
    """How far a process grows over what it had with the job made and a small job done, over the budget."""
    command = [sys.executable, "-m", "bench.store_rows", str(size.puts), str(size.corpus or "")]
    grown = [
        json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)["grown_bytes"]
        for _ in range(size.children)
    ]
    return Values(tuple(each / BUDGET_BYTES for each in grown)), 2 * size.puts


class Watching:
    """A store that looks at the process's size now and then."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.peak = 0
        self._calls = 0

    def put(self, pages: Pages) -> None:
        self.store.put(pages)
        self.look()

    def get(self, number: int) -> bytes:
        self._calls += 1
        if self._calls % 1024 == 0:
            self.look()
        return self.store.get(number)

    def look(self) -> None:
        self.peak = max(self.peak, resident_bytes())

    def close(self) -> None:
        self.store.close()


def _grown(count: int, corpus: Path | None) -> int:
    """Bytes that the process grows by at most while the job runs."""
    small = Job.make(min(count, 1024), corpus)
    timed_job(small, Swaptiers)  # numba, libraries, what every process has
    job = Job.make(count, corpus)
    before = resident_bytes()
    with tempfile.TemporaryDirectory() as folder:
        store = Watching(Swaptiers(Path(folder), BUDGET_BYTES))
        job.run(store)
        store.close()
    return store.peak - before


def _row(peer: str, what: str, target: float | None, *, slow: bool = False) -> Row:
    return Row(
        key=f"store_job_vs_{peer}",
        what=f"64-page puts, then zipf gets of which one in ten is followed by a rewrite, over {what}",
        unit="operation",
        target=target,
        run=against(peer),
        slow=slow,
    )


ROWS: Sequence[Row] = [
    _row("lmdb", "raw LMDB, which compresses nothing and has no budget", None, slow=True),
    _row("lmdb_lz4", "LMDB with lz4 values, a transaction a batch", 1.0),
    _row("sqlite3", "sqlite3", 1.0),
    _row("rocksdict", "RocksDB with lz4 and no log", 1.0),
    _row("zict_lmdb", "zict over LMDB", 0.5, slow=True),
    _row("zict_file", "zict over files", None, slow=True),
    _row("diskcache", "diskcache", 0.25, slow=True),
    Row(
        key="store_job_rss_vs_budget",
        what="growth of the process during that job, over the budget of 64 MiB",
        unit="operation",
        target=1.25,
        run=rss_over_budget,
    ),
]

if __name__ == "__main__":
    started = time.monotonic()
    chosen = Path(sys.argv[2]) if sys.argv[2] else None
    sys.stdout.write(json.dumps({"grown_bytes": _grown(int(sys.argv[1]), chosen)}) + "\n")
