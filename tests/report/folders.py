"""Small runs whose folders the tests of the report look into."""

from __future__ import annotations

TWO_CGROUPS = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 256K, latency: {read: 8us, write: 9us}}
  disk: {kind: file, capacity: 16M, latency: {read: 4ms, write: 4ms}}
cgroups:
  /a: {memory.max: 400K, memory.zswap.max: 200K}
  /b: {memory.max: 200K, memory.zswap.max: 100K}
workloads:
  - {cgroup: /a, kind: zipf, pages: 600, refs: 6000, contents: text}
  - {cgroup: /b, kind: uniform, pages: 200, refs: 1000, contents: text}
run: {payload: sizes, sample: 20ms}
variants:
  overflow: {edges: [], on_full: spill}
  demotion: {}
"""
