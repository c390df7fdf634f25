"""Small experiments that the tests run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import swaptiers as st
from swaptiers.experiment.results import ExperimentResult, VariantResult

SMALL = """
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, compressor: lz4, max_pool: 1M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 2M, latency: {read: 70us, write: 20us, call: 2us}, bandwidth: 2G/s}
  disk:  {kind: file, capacity: 64M, latency: {read: 4ms, write: 4ms, call: 4ms}, bandwidth: 150M/s}
edges:
  - {from: zswap, to: ssd, policy: lru, when: {pressure: true, watermark: {high: 90%, low: 80%}}}
  - {from: ssd, to: disk, policy: lru, when: {pressure: true, watermark: {high: 95%, low: 90%}}}
cgroups:
  /web:   {memory.max: 2M, memory.zswap.max: 800K}
  /batch: {memory.max: 1M, memory.zswap.max: 400K}
workloads:
  - {cgroup: /web, kind: zipf, pages: 2500, alpha: 0.8, drift: 5%, writes: 20%, refs: 20000, contents: mixed}
  - {cgroup: /batch, kind: scan, pages: 1500, passes: 2, contents: {mix: {text: 50%, random: 50%}}}
run: {warmup: 10%, sample: 20ms}
variants:
  overflow: {edges: [], on_full: spill}
  kernel:
    edges:
      - {from: zswap, to: ssd, policy: second-chance, when: {limit: true}}
      - {from: zswap, to: disk, policy: second-chance, when: {limit: true}}
    on_full: spill
  demotion: {}
"""


def run_text(folder: Path, text: str, *sets: str, **options: Any) -> ExperimentResult:
    """Run the experiment in a text, as a file in `folder`."""
    path = folder / "experiment.yaml"
    path.write_text(text)
    return st.run(path, sets=list(sets), **options)


def numbers(result: VariantResult) -> dict[str, Any]:
    """Everything that has to be the same in two runs."""
    whole = st.ExperimentResult(seed=0, config={}, versions={}, runs={"it": (result,)}).to_json()
    plain: dict[str, Any] = whole["variants"]["it"]
    plain["series"] = [list(row) for row in result.series.rows]
    for each, controller in zip(plain["controllers"], result.controllers, strict=True):
        each["series"] = [list(row) for row in controller.series.rows]
    del plain["time"]["wall_s"]
    return plain


def write_trace(path: Path, references: list[tuple[int, bool]]) -> None:
    """A trace of format u32."""
    words = np.array([page | (1 << 31 if write else 0) for page, write in references], "<u4")
    path.write_bytes(words.tobytes())
