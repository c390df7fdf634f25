"""What many entries cost: bytes each, time per page against few of them, the longest pause. In processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.rows import Row, Size, Values

ROOT = Path(__file__).parent.parent
FEW = 10_000


def measured(kind: str, count: int) -> dict[str, float]:
    """What `bench.growth` found in a new process."""
    command = [sys.executable, "-m", "bench.growth", kind, str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"bench.growth {kind} {count}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


@cache
def _sizes(count: int, number: int) -> dict[str, float]:
    """Measured once for the two rows that want it."""
    return measured("sizes", count)


def bytes_per_entry(size: Size) -> tuple[Values, int]:
    return Values(tuple(_sizes(size.entries, i)["bytes_per_entry"] for i in range(size.children))), size.entries


def _growth(
    find: Callable[[int, int], dict[str, float]], most: Callable[[Size], int]
) -> Callable[[Size], tuple[Values, int]]:
    """Time per page with many entries over that with few, process by process."""

    def run(size: Size) -> tuple[Values, int]:
        count = most(size)
        return Values(tuple(find(count, i)["us"] / find(FEW, i)["us"] for i in range(size.children))), count

    return run


def pause_ms_max(size: Size) -> tuple[Values, int]:
    return Values(tuple(measured("pause", size.entries)["ms"] for _ in range(size.children))), size.entries


ROWS = [
    Row(
        key="bytes_per_entry",
        what="growth of a process in the laboratory, payload: sizes, per entry; 21 of it are the page's own",
        unit="entry",
        target=72,
        run=bytes_per_entry,
        slow=True,
    ),
    Row(
        key="growth_sizes_1e4_1e7",
        what="a fault with ten million pages in three tiers over one with ten thousand, payload: sizes",
        unit="entry",
        target=3,
        run=_growth(_sizes, lambda size: size.entries),
        slow=True,
    ),
    Row(
        key="growth_real_1e4_1e6",
        what="a page in and out of a store that holds a million over one that holds ten thousand, real bytes",
        unit="entry",
        target=1.3,
        run=_growth(lambda count, _: measured("real", count), lambda size: size.real_entries),
        slow=True,
    ),
    Row(
        key="pause_ms_max",
        what="the longest call while a store grows to ten million entries",
        unit="entry",
        target=50,
        run=pause_ms_max,
        slow=True,
    ),
]
