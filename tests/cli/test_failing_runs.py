"""Runs that fail on the way: one sentence with the variant's name, exit code 1, nothing written, no process left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TINY = """\
version: 1
tiers:
  disk: {kind: file, capacity: 8M}
cgroups:
  /web: {memory.max: 400K}
workloads:
  - {cgroup: /web, kind: zipf, pages: 600, refs: 2000, contents: text}
variants:
  large: {cgroups: {/web: {memory.max: max}}}
  small: {}
"""
BREAKS = {
    "a full disk": ("raise OSError(28, 'No space left on device')", "No space left on device"),
    "no memory": ("raise MemoryError", "not enough memory"),
    "a killed process": ("import os; os.kill(os.getpid(), 9)", "its process was ended from outside"),
}


@pytest.mark.parametrize(
    ("jobs", "broken"), [(1, "a full disk"), (2, "a full disk"), (2, "no memory"), (2, "a killed process")]
)
def test_a_run_that_fails(tmp_path: Path, jobs: int, broken: str) -> None:
    """The disk fills up, or the system kills a worker, while others go on: not a traceback out of a pool of processes."""
    statement, words = BREAKS[broken]
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(  # which every Python process imports first
        "from swaptiers.tiers.file import FileTier\n"
        f"def store(self, slots, payloads):\n    {statement}\nFileTier.store = store\n"
    )
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "scratch").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-B", "-m", "swaptiers", "run", "tiny.yaml", "--jobs", str(jobs), "--out", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'broken'}:{ROOT}", "TMPDIR": str(tmp_path / "scratch"),
             "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr
    which = (
        ("large", "small") if broken == "a killed process" else ("small",)
    )  # a pool does not know whose process it was
    assert done.stderr.startswith(tuple(f"swaptiers: variant {name}: " for name in which))
    assert sorted(tmp_path.rglob("*")) == before
