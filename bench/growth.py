"""One measurement of a row about size, in a process of its own: `python -m bench.growth KIND COUNT` prints JSON.

What is left of an earlier row (memory that the allocator keeps, warm tables) would be in the figure otherwise.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import swaptiers as st
from bench.corpus import PAGE, SEED, load_corpus
from bench.store_rows import BATCH
from bench.three_tiers import config
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.testing.memory import resident_bytes

AFTER = 1_000_000
"""References that are timed, once all pages have been referenced."""


def sizes(count: int) -> dict[str, float]:
    """`count` pages in three tiers of the laboratory, a hundredth of them resident: what an entry takes, and a fault."""
    _replay(1000, 1000)  # kernels, libraries
    before = resident_bytes()
    seconds, size = _replay(count, AFTER)
    return {"us": seconds / AFTER * 1e6, "bytes_per_entry": (size - before) / count}


def _replay(count: int, after: int) -> tuple[float, int]:
    """Seconds of the last `after` of the references; the process's size at their end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "a.u32").open("wb") as file:
            np.arange(count, dtype="<u4").tofile(file)
            np.random.Generator(np.random.PCG64(SEED)).integers(0, count, after, np.uint32).astype("<u4").tofile(file)
        text = config(zswap=count // 5, ssd=max(count, 1024), disk="1T", memory=max(count // 25, 256))
        (folder / "a.yaml").write_text(text)
        marks: list[tuple[int, float]] = []
        with Laboratory(load_experiment(folder / "a.yaml").variants["base"], folder) as laboratory:
            laboratory.run(lambda done, _: marks.append((done, time.perf_counter())))
            size = resident_bytes()
    first = next((mark for mark in marks if mark[0] >= count), marks[0])
    done, end = marks[-1]
    return (end - first[1]) / max(1, done - first[0]) * after, size


def real(count: int) -> dict[str, float]:
    """A store that holds `count` pages: what a page costs that is taken and stored again, in batches, in any order."""
    mix = load_corpus(None, 4096)
    rng = np.random.Generator(np.random.PCG64(SEED))
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="64G")]) as swap:
        ids = np.concatenate([swap.swap_out(mix[: min(4096, count - i)]) for i in range(0, count, 4096)])
        order = rng.permutation(count)[: 1 << 13].reshape(-1, BATCH) if count >= 1 << 13 else rng.permutation(count)
        rounds = list(
            order.reshape(-1, BATCH) if count >= 1 << 13 else order[: count // BATCH * BATCH].reshape(-1, BATCH)
        )
        pages = swap.peek(ids[rounds[0]])
        start = time.perf_counter()
        for chosen in itertools.islice(itertools.cycle(rounds), 256):
            pages = swap.swap_in(ids[chosen])
            ids[chosen] = swap.swap_out(pages)
        return {"us": (time.perf_counter() - start) / 256 / BATCH * 1e6}


def pause(count: int) -> dict[str, float]:
    """The longest call while a store grows to `count` entries, each of a few bytes, in batches."""
    pages = np.zeros((BATCH, PAGE), np.uint8)
    pages[:, 0] = 1
    longest, total = 0.0, 0.0
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="64G")]) as swap:
        swap.swap_out(pages)
        for _ in range(count // BATCH):
            start = time.perf_counter()
            swap.swap_out(pages)
            took = time.perf_counter() - start
            total += took
            longest = max(longest, took)
    return {"ms": longest * 1e3, "us": total / count * 1e6}


KINDS: dict[str, Callable[[int], dict[str, float]]] = {"sizes": sizes, "real": real, "pause": pause}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(KINDS[sys.argv[1]](int(sys.argv[2]))) + "\n")
