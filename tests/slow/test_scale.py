"""Long runs: memory that does not grow with the references, and traces larger than what is kept of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow

RUN = """
import sys
import swaptiers as st
from swaptiers.testing.memory import peak_bytes
result = st.run(sys.argv[1], sets=["workloads.0.refs=" + sys.argv[2]]).variants["base"]
assert result.refs == int(sys.argv[2])
print(peak_bytes())
"""
CONFIG = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 16M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 64M, latency: {read: 70us, write: 20us}}
  disk:  {kind: file, capacity: 1G, latency: {read: 4ms, write: 4ms}}
cgroups: {/a: {memory.max: 256M, memory.zswap.max: 16M}}
workloads:
  - {cgroup: /a, kind: zipf, pages: 100000, refs: 1000, alpha: 1.0, drift: 1%, writes: 10%}
run: {payload: sizes}
"""
SURVEY = """
import sys
from pathlib import Path
from swaptiers.testing.memory import peak_bytes
from swaptiers.workloads.trace import Survey
survey = Survey.make(Path(sys.argv[1]), "u32")
assert survey.refs == int(sys.argv[2])
print(peak_bytes())
"""


def peak_of(program: str, *arguments: str) -> int:
    """The largest resident size of a process that runs the program, in bytes."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_hundred_million_references(tmp_path: Path) -> None:
    """Ten times the references take less than 100 MiB more: references, samples and logs are bounded."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    small, large = (peak_of(RUN, str(tmp_path / "c.yaml"), str(refs)) for refs in (10**7, 10**8))
    assert large - small < 100 << 20


def test_a_trace_larger_than_what_is_kept_of_it(tmp_path: Path) -> None:
    """A trace of a gigabyte, compressed to a thousandth, is read in a tenth of that memory."""
    refs = 1 << 28
    words = np.arange(1 << 20, dtype="<u4") % 4096
    with zstandard.open(tmp_path / "long.u32.zst", "wb") as file:
        for _ in range(refs // len(words)):
            file.write(words.tobytes())
    assert peak_of(SURVEY, str(tmp_path / "long.u32.zst"), str(refs)) < 160 << 20
