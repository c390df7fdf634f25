"""The kernels give the same numbers interpreted as compiled."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import hashlib
from pathlib import Path
import numpy as np
from swaptiers.core.compile import interpreted
from swaptiers.workloads.contents import content_index
from swaptiers.workloads.specs import ScanSpec, ZipfSpec
from swaptiers.workloads.streams import References
specs = [
    ZipfSpec(cgroup="/", pages=3000, refs=9000, alpha=0.9, drift=0.3, writes=0.2),
    ZipfSpec(cgroup="/", pages=200, refs=2000, alpha=1.3, rate=3.7),
    ScanSpec(cgroup="/", pages=999, passes=2, rate=0.3, writes=0.5),
]
digest = hashlib.sha256()
for chunk in References(specs, 11, Path()).chunks(1000):
    digest.update(chunk.tobytes())
    assert chunk.dtype == np.int64
for page in np.concatenate(list(References(specs, 11, Path()).chunks()))[:3000] & 0xFFFFFFFF:
    digest.update(b"%d," % content_index(page * 1431655, int(page) % 40, 2**31 - 1 - int(page), 512))
import sys
sys.stdout.write(f"{interpreted()} {digest.hexdigest()}")
"""


def run(disable: str) -> list[str]:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": disable, "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_compiled_equals_interpreted() -> None:
    compiled, interpreted = run("0"), run("1")
    assert (compiled[0], interpreted[0]) == ("False", "True")
    assert compiled[1] == interpreted[1]
