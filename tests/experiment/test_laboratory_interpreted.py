"""The laboratory's kernels as plain Python give the numbers of the compiled ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from configs import SMALL, numbers, run_text

STEERED = (
    SMALL
    + """
  steered:
    controllers:
      - {kind: promotion-rate, source: resident, target: 10%/min, every: 20ms, min_age: 10ms, off_for: 0}
      - {kind: zswap-shrinker, source: zswap, every: 5ms}
  logged:
    tiers: {ssd: {layout: log, compressor: lz4, capacity: 1M, segment: 64K, max_live: 50%}}
    edges:
      - {from: zswap, to: ssd, keep_compressed: true, quota: 400M/s, when: {pressure: true, watermark: {high: 90%, low: 80%}}}
      - {from: ssd, to: disk, policy: largest, when: {pressure: true}}
  chosen:
    on_full: spill
    tiers: {ssd: {keep_clean: true, keep_below: 95%}}
    edges:
      - {from: zswap, to: disk, only: raw, policy: second-chance, when: {pressure: true, watermark: {high: 50%, low: 40%}}}
      - {from: zswap, to: ssd, share: borrow, when: {pressure: true, watermark: {high: 50%, low: 40%}}}
      - {from: ssd, to: disk, share: proportional, quota: {time: 5ms, every: 10ms}, when: {pressure: true}}
    actions: [{at: 100ms, evacuate: ssd}]
"""
)
PROGRAM = """
import json, sys
from configs import numbers, run_text
from test_laboratory_interpreted import STEERED
from pathlib import Path
sets = sys.argv[2:]
result = run_text(Path(sys.argv[1]), STEERED, *sets)
print(json.dumps({name: numbers(variant) for name, variant in result.variants.items()}))
"""
SETS = (
    "run.payload=sizes",
    "workloads.0.refs=1500",
    "workloads.0.pages=600",
    "workloads.1.pages=500",
    "tiers.zswap.max_pool=256K",
    "tiers.ssd.capacity=1M",
    "cgroups./web.memory.max=400K",
    "cgroups./batch.memory.max=200K",
)


def test_interpreted_and_compiled_agree(tmp_path: Path) -> None:
    """An overflow, a division or a shift that numba does otherwise than Python would differ."""
    here = Path(__file__).parent
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(here), str(here.parent.parent)])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *SETS], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    compiled = {name: numbers(result) for name, result in run_text(tmp_path, STEERED, *SETS).variants.items()}
    assert compiled["demotion"]["edges"]["ssd->disk"]["entries"] > 0
    assert all(each["asked_bytes"] > 0 for each in compiled["steered"]["controllers"])
    assert compiled["steered"]["edges"]["zswap->ssd"]["young"] > 0, "the shrinker never came to the warm region"
    assert compiled["logged"]["tiers"]["ssd"]["cleanings"] > 0
    assert compiled["chosen"]["tiers"]["ssd"]["clean_stores"] > 0
    assert compiled["chosen"]["actions"][0]["entries"] > 0
    assert json.loads(done.stdout) == json.loads(json.dumps(compiled))
