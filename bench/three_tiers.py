"""The config of the rows that replay: one cgroup over zswap, ssd and disk, which demote when they are pressed."""

from __future__ import annotations

CONFIG = """
version: 1
charge_zswap: false
tiers:
  zswap: {{kind: zswap, max_pool: {zswap}K}}
  ssd: {{kind: file, capacity: {ssd}K}}
  disk: {{kind: file, capacity: {disk}}}
edges:
  - {{from: zswap, to: ssd, when: {{pressure: true}}}}
  - {{from: ssd, to: disk, when: {{pressure: true}}}}
cgroups:
  /a: {{memory.max: {memory}K}}
workloads:
  - {{cgroup: /a, kind: trace, path: a.u32}}
run: {{payload: sizes, inversion: {inversion}, reclaim_batch: {batch}, sample: 10000h}}
"""


def config(*, zswap: int, ssd: int, disk: str, memory: int, inversion: str = "off", batch: int = 32) -> str:
    """Sizes in KiB, except for the disk's; the trace is `a.u32`. `batch`: pages that are reclaimed at a time."""
    return CONFIG.format(zswap=zswap, ssd=ssd, disk=disk, memory=memory, inversion=inversion, batch=batch)
