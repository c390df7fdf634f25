"""A small config to sweep, sweeps in processes of their own, and what there is to compare of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from swaptiers.sweep.row import WALL
from swaptiers.sweep.stored import read_sweep

ROOT = Path(__file__).parent.parent.parent
SMALL = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 256K, latency: {read: 8us, write: 9us}}
  disk: {kind: file, capacity: 16M, latency: {read: 4ms, write: 4ms}}
edges: [{from: zswap, to: disk, policy: lru, when: {pressure: true}}]
cgroups:
  /a: {memory.max: 400K}
workloads:
  - {cgroup: /a, kind: zipf, pages: 600, refs: 6000, contents: text, writes: 20%}
run: {payload: sizes, sample: 20ms}
"""
PATIENCE_S = 400
"""Of a test on a busy machine."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "swaptiers", "sweep", *arguments]


@contextlib.contextmanager
def started(arguments: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A sweep at work, as the leader of a group of processes, like one from a terminal. It does not outlive the test."""
    process = subprocess.Popen(
        command(*arguments), cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    out, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, errors


def swept(arguments: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """A whole sweep."""
    with started(arguments, folder) as process:
        return ended(process)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "points").glob("*/*.parquet"))


def wait_for_rows(folder: Path, rows: int, process: subprocess.Popen[str]) -> None:
    """Until there are so many."""
    end = time.monotonic() + PATIENCE_S
    while len(files(folder)) < rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no row came"
        time.sleep(0.002)


def workers_of(process: subprocess.Popen[str]) -> list[Any]:
    """The processes in which a local sweep's runs are: those that are alive while it is asked."""
    import psutil  # noqa: PLC0415  comes with the extra

    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if is_alive(child) and "spawn_main" in " ".join(_command_line(child))]


def is_alive(process: Any) -> bool:
    """Whether it does anything yet: one that nobody has waited for does not."""
    import psutil  # noqa: PLC0415  comes with the extra

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command_line(process: Any) -> list[str]:
    import psutil  # noqa: PLC0415  comes with the extra

    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:  # ended since, or a zombie by now, which is a kind of it
        return []


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """All rows in order, without the one figure that is another each time."""
    rows = [dict(row) for row in read_sweep(folder).rows]
    for row in rows:
        assert row.pop(WALL) > 0
    return rows
