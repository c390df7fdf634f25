"""Ctrl-C: the run stops, says what was finished, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parent.parent.parent
LONG = """\
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 1M}
  disk: {kind: file, capacity: 64M, path: disk.swap}
cgroups:
  /web: {memory.max: 400K}
workloads:
  - {cgroup: /web, kind: zipf, pages: 6000, refs: 3000, contents: text}
variants:
  short: {}
  long: {workloads: [{cgroup: /web, kind: uniform, pages: 6000, refs: 30000000, contents: text}]}
"""


def children_of(pid: int) -> list[str]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in found if Path(f"/proc/{child}").exists()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c(tmp_path: Path, jobs: int) -> None:
    """Exit code 130, no traceback, no process, no tier file, no results."""
    (tmp_path / "long.yaml").write_text(LONG if jobs == 1 else LONG.replace(", path: disk.swap", ""))
    arguments = ["-m", "swaptiers", "run", "long.yaml", "--jobs", str(jobs), "--out", "out"]
    child = pexpect.spawn(
        sys.executable,
        arguments,
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=90,
        encoding="utf-8",
        codec_errors="replace",  # the echo of ^C may stand in the middle of a letter of the bar
    )
    child.expect("short .*100%")  # the first variant is done
    if jobs == 1:
        child.expect("long .* [1-9][0-9]*%|long .*  1%")
    workers = children_of(child.pid)
    assert (len(workers) >= 1) is (jobs == 2)
    child.sendintr()
    child.expect("interrupted; finished: short; not finished: long; nothing was written")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in (child.before or "")
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        os.sched_yield()
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert [path.name for path in tmp_path.iterdir()] == ["long.yaml"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
@pytest.mark.parametrize("processes", [1, 3])
def test_ctrl_c_while_processes_start(tmp_path: Path, processes: int) -> None:
    """Before a worker's own code runs it would answer Ctrl-C with a traceback of its own."""
    (tmp_path / "long.yaml").write_text(LONG.replace(", path: disk.swap", ""))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "swaptiers", "run", "long.yaml", "--jobs", "2", "--quiet"],
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=90,
        encoding="utf-8",
        codec_errors="replace",  # the echo of ^C may stand in the middle of a letter of the bar
    )
    deadline = time.monotonic() + 60
    while len(children_of(child.pid)) < processes and time.monotonic() < deadline:
        os.sched_yield()
    child.sendintr()
    child.expect(pexpect.EOF)
    said = child.before or ""
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in said
    assert "interrupted; no variant was finished; not finished: short, long" in " ".join(said.split())
