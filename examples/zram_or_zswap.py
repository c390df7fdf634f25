"""zram above a disk swap, or zswap with writeback? At equal memory, on the same references.

zram is a compressed swap device: what is in it stays in it, and once it is full new pages go to the disk. zswap writes its
oldest pages back to make room for new ones.

    python examples/zram_or_zswap.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import swaptiers as st

CONFIG = """
version: 1
tiers:
  pool: {kind: zswap, compressor: lz4, max_pool: 24M, latency: {read: 8us, write: 9us}}
  disk: {kind: file, capacity: 1G, latency: {read: 100us, write: 30us, call: 10us}, bandwidth: 500M/s}
charge_zswap: false
cgroups:
  /desktop: {memory.max: 64M}
workloads:
  - cgroup: /desktop
    kind: phases          # from one program to the next: a third of the working set changes every so often
    pages: 60000
    working_set: 24000
    phase: 120000
    replace: 33%
    refs: 900000
    writes: 20%
run: {payload: sizes}
variants:
  zram:           {edges: [], on_full: spill}
  zswap:          {edges: [{from: pool, to: disk, policy: second-chance, when: {limit: true}}], on_full: spill}
  zswap-at-once:  {edges: [{from: pool, to: disk, policy: lru, when: {pressure: true}}]}
"""


def main(repeat: int = 3) -> None:
    """Run all three with several seeds; a difference counts if it holds in every one."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "zram.yaml"
        config.write_text(CONFIG)
        result = st.run(config, sets=[f"run.repeat={repeat}"])
    print(f"{'':14} {'mean fault':>18} {'faults from disk':>18} {'written to disk':>16} {'inverted':>9}")
    for name, runs in result.runs.items():
        means = [run.fault_latency_ns.mean or 0 for run in runs]
        disk = [run.tiers["disk"].loads for run in runs]
        written = sum(run.tiers["disk"].written_bytes for run in runs) / len(runs)
        pairs = sum(run.inversion.pairs or 0 for run in runs) / len(runs)
        print(
            f"{name:14} {min(means) / 1e3:7.1f} to {max(means) / 1e3:4.1f} us {min(disk):8,} to {max(disk):6,}"
            f" {written / 2**20:12.0f} MiB {pairs:9.3f}"
        )
    print()
    print(f"from the lowest to the highest of {repeat} seeds; the pool and memory.max are the same for all.")


if __name__ == "__main__":
    main()
