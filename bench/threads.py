"""`python -m bench.threads`: many threads on one SwapSystem with background demotion, every page verified.

Each thread stores pages that say whose they are, reads, takes and discards them, moves them down by hand now and then, and
compares every page that comes back. The same work by one thread, on a system of its own, is what the throughput is told
against: Python's lock lets one thread at a time run Python code, so that more threads can only win while others are in a
codec or in a system call.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
import numpy.typing as npt
from rich.console import Console

import swaptiers as st
from bench.corpus import load_corpus

PAGE = 4096
HELD = 600
"""Pages that a thread holds at most."""
BATCH = 32


@attrs.define
class Tally:
    """What one thread did. `failure`: what it ended with, if that was not the end of its time."""

    stored: int = 0
    verified: int = 0
    failure: BaseException | None = None

    @property
    def pages(self) -> int:
        return self.stored + self.verified


@attrs.frozen
class Outcome:
    """A run: pages stored and verified, seconds, what was moved, and what went wrong."""

    stored: int
    verified: int
    seconds: float
    demoted: int
    failures: list[str]

    @property
    def pages_per_second(self) -> float:
        return (self.stored + self.verified) / self.seconds


def _make_pages(draw: random.Random, corpus: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.uint8]:
    """Pages of the corpus, each with a number of its own in it."""
    pages = corpus[[draw.randrange(len(corpus)) for _ in range(n)]].copy()
    pages[:, :8] = np.frombuffer(
        b"".join(draw.getrandbits(64).to_bytes(8, "little") for _ in range(n)), np.uint8
    ).reshape(n, 8)
    return pages


def _work(swap: st.SwapSystem, number: int, corpus: npt.NDArray[np.uint8], stop: threading.Event, tally: Tally) -> None:
    draw = random.Random(number)
    cgroup = f"/{number % 4}"
    held: dict[int, npt.NDArray[np.uint8]] = {}

    def compare(ids: list[int], pages: npt.NDArray[np.uint8]) -> None:
        for entry, page in zip(ids, pages, strict=True):
            if not np.array_equal(page, held[entry]):
                raise AssertionError(f"entry {entry:#x} came back with other bytes")
        tally.verified += len(ids)

    try:
        while not stop.is_set():
            some = draw.sample(sorted(held), min(len(held), draw.randint(1, BATCH)))
            way = draw.randrange(10)
            if len(held) < HELD // 2 or (way < 4 and len(held) < HELD):
                pages = _make_pages(draw, corpus, draw.randint(1, BATCH))
                held.update(zip(swap.swap_out(pages, cgroup).tolist(), pages, strict=True))
                tally.stored += len(pages)
            elif way < 6:
                compare(some, swap.swap_in(some))
                for entry in some:
                    del held[entry]
            elif way == 6:
                compare(some[:1], np.frombuffer(swap.swap_in_page(some[0]), np.uint8).reshape(1, PAGE))
                del held[some[0]]
            elif way == 7:
                compare(some, swap.peek(some))
            elif way == 8:
                swap.discard(some[:3])
                for entry in some[:3]:
                    del held[entry]
            else:
                swap.demote(draw.randrange(64 << 10), source=draw.choice(["zswap", "ssd"]), cgroup=cgroup)
        for start in range(0, len(held), BATCH):
            part = list(held)[start : start + BATCH]
            compare(part, swap.swap_in(part))
    except BaseException as error:
        tally.failure = error
        stop.set()


def run(threads: int, seconds: float, folder: Path, corpus: npt.NDArray[np.uint8]) -> Outcome:
    """So many threads for so long on a new system; every account is checked at the end."""
    pool = threads * HELD * PAGE // 16
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", max_pool=pool),
        st.FileSpec(name="ssd", capacity=threads * HELD * PAGE // 4),
        st.FileSpec(name="disk", capacity=threads * HELD * PAGE * 2),
    ]
    when = st.Triggers(pressure=True, watermark=st.Watermark(high="80%", low="60%"))
    edges = [st.EdgeSpec(source=a, target=b, when=when, batch=16) for a, b in (("zswap", "ssd"), ("ssd", "disk"))]
    stop = threading.Event()
    tallies = [Tally() for _ in range(threads)]
    with st.SwapSystem(tiers, edges, folder=folder, max_entries=1 << 18) as swap, swap.background():
        for number in range(4):
            swap.cgroup(f"/{number}")
        workers = [
            threading.Thread(target=_work, args=(swap, number, corpus, stop, tallies[number]))
            for number in range(threads)
        ]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        stop.wait(seconds)
        stop.set()
        for worker in workers:
            worker.join()
        took = time.perf_counter() - began
        swap.check()
        failures = [f"{type(tally.failure).__name__}: {tally.failure}" for tally in tallies if tally.failure]
        if len(swap) and not failures:
            failures.append(f"{len(swap)} entries are left that nobody holds")
        demoted = sum(edge.by_trigger.get("watermark", 0) for edge in swap.stats().edges.values())
    return Outcome(
        stored=sum(tally.stored for tally in tallies),
        verified=sum(tally.verified for tally in tallies),
        seconds=took,
        demoted=demoted,
        failures=failures,
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--threads", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="For each run.")
def main(threads: int, seconds: float) -> None:
    """Many threads on one SwapSystem with background demotion against one thread, every page verified."""
    console = Console()
    corpus = load_corpus(None, 512)
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        run(1, 0.1, Path(folder), corpus)  # compiles
        for number in (1, threads):
            done = run(number, seconds, Path(folder), corpus)
            rates[number] = done.pages_per_second
            console.print(
                f"{number:3} threads, {done.seconds:.1f} s: {done.stored:,} pages stored, {done.verified:,} verified, "
                f"{done.demoted:,} demoted in the background, {done.pages_per_second:,.0f} pages/s",
                soft_wrap=True,
            )
            for failure in done.failures:
                console.print(f"    {failure}", soft_wrap=True)
            if done.failures:
                sys.exit(1)
    console.print(f"{threads} threads do {rates[threads] / rates[1]:.2f} of one thread's pages a second")


if __name__ == "__main__":
    main()
