"""Sweeps of 24 points and 3 seeds: killed, interrupted, without a worker, and on a cluster made by hand."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swaptiers.sweep.extra import MODULES
from tests.sweep.sweeps import (
    PATIENCE_S,
    ROOT,
    SMALL,
    ended,
    files,
    rows_of,
    started,
    swept,
    wait_for_rows,
    workers_of,
)
from tests.sweep.test_sweep_command import OWN_POLICY, POLICY

for module in MODULES:
    pytest.importorskip(module)
pytestmark = pytest.mark.slow
RUNS = 72
GRID = [
    "small.yaml",
    "--grid", "tiers.zswap.max_pool=64K,96K,128K,160K,192K,256K",
    "--grid", "edges.0.policy=lru,second-chance",
    "--grid", "cgroups./a.memory.max=400K,600K",
    "--repeat", "3",
]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the config, and in `calm` the whole sweep."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "small.yaml").write_text(SMALL)
    code, out, errors = swept([*GRID, "--workers", "2", "--out", "calm"], folder)
    assert code == 0, errors
    assert out == "72 of 72 runs are finished, in calm\n"
    assert errors == "24 points, 1 variant, 3 seeds: 72 runs; 2 at a time\n"
    return folder


def test_killed_half_way(undisturbed: Path) -> None:
    """With a worker lost on the way; then interrupted; then to its end: row for row what the undisturbed sweep has, and what
    was there before the kill is still the same file."""
    arguments = [*GRID, "--workers", "2", "--out", "rough"]
    rough = undisturbed / "rough"
    with started(arguments, undisturbed) as first:
        wait_for_rows(rough, 10, first)
        os.kill(workers_of(first)[0].pid, signal.SIGKILL)
        wait_for_rows(rough, RUNS // 2, first)
        first.kill()
        first.wait()
    kept = {path: path.stat().st_mtime_ns for path in files(rough)}
    assert RUNS // 2 <= len(kept) < RUNS

    with started(arguments, undisturbed) as second:
        wait_for_rows(rough, len(kept) + 5, second)
        os.killpg(second.pid, signal.SIGINT)  # as a terminal does: to every process
        code, _, errors = ended(second)
    done = len(files(rough))
    assert (code, len(kept) < done < RUNS) == (130, True)
    assert f"interrupted; {done} of 72 runs are finished and kept in rough; the same command goes on" in errors
    assert "Traceback" not in errors

    code, out, errors = swept(arguments, undisturbed)
    assert code == 0, errors
    assert out == "72 of 72 runs are finished, in rough\n"
    assert f"{done} of them finished earlier" in errors
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(rows_of(rough)) == RUNS
    assert rows_of(rough) == rows_of(undisturbed / "calm")


def test_a_run_that_ends_its_worker(tmp_path: Path) -> None:
    """Each time: it fails in the end, and the others are finished."""
    (tmp_path / "mine.py").write_text(POLICY)
    (tmp_path / "own.yaml").write_text(OWN_POLICY)
    grid = "edges.0.options.then=leave,suggest,raise"
    code, out, errors = swept(["own.yaml", "--grid", grid, "--workers", "1", "--out", "out"], tmp_path)
    assert (code, out) == (1, "1 of 3 runs are finished, in out\n"), errors
    assert "every worker that ran it was ended from outside" in " ".join(errors.split())
    assert [row["edges.0.options.then"] for row in rows_of(tmp_path / "out")] == ["suggest"]


@contextlib.contextmanager
def daemon(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `dask ...` of the same environment, ended by its process."""
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def worker(folder: Path, address: str) -> Any:
    return daemon(
        folder, "worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard",
        "--dashboard-address", "127.0.0.1:0", "--local-directory", str(folder),
    )  # fmt: skip


def test_on_a_cluster_made_by_hand(undisturbed: Path, tmp_path: Path) -> None:
    """`--scheduler` with a scheduler and two workers, of which one is killed, and the sweep as well: the same rows. The
    workers run elsewhere than the sweep: whatever they needed of its folder would be missing."""
    arguments = [*GRID, "--out", "far"]
    address = f"tcp://127.0.0.1:{(port := free_port())}"
    arguments += ["--scheduler", address]
    far = undisturbed / "far"
    scheduler = (
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
        "--dashboard-address",
        "127.0.0.1:0",
    )
    with daemon(tmp_path, *scheduler) as served:
        wait_for_port(port, served)
        with worker(tmp_path, address) as lost, worker(tmp_path, address):
            with started(arguments, undisturbed) as first:
                wait_for_rows(far, 10, first)
                lost.kill()
                wait_for_rows(far, RUNS // 2, first)
                first.kill()
                first.wait()
            kept = len(files(far))
            assert RUNS // 2 <= kept < RUNS
            with worker(tmp_path, address):
                code, out, errors = swept(arguments, undisturbed)
    assert code == 0, errors
    assert out == "72 of 72 runs are finished, in far\n"
    assert errors == (
        f"24 points, 1 variant, 3 seeds: 72 runs, {kept} of them finished earlier; at the scheduler {address}\n"
    )
    assert rows_of(far) == rows_of(undisturbed / "calm")
    code, _, errors = swept([*GRID, "--out", "none", "--scheduler", address], undisturbed)
    assert code == 1
    assert f"no Dask scheduler answers at {address}" in errors


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, "the scheduler ended"
        assert time.monotonic() < end
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return
        time.sleep(0.1)
