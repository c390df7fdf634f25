"""Flush cold zswap entries before a burst that is known to come: is the burst faster, and what does it take?

A batch job has left its pages in zswap. At 20 s a web server wakes up and needs the room. Three ways: nobody prepares;
a request at 19 s asks for the room and ignores the second chance; the same request honours it, as the kernel's own
writeback does, and finds that a fresh pool is all "recently referenced".

    python examples/proactive_writeback.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import swaptiers as st

CONFIG = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 24M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 512M, latency: {read: 70us, write: 20us, call: 20us}, bandwidth: 400M/s}
edges:
  - {from: zswap, to: ssd, policy: second-chance, when: {limit: true}}
on_full: spill
charge_zswap: false
cgroups:
  /batch: {memory.max: 4M}
  /web:   {memory.max: 12M}
workloads:
  - {cgroup: /batch, kind: scan, pages: 14000, contents: mixed, think: 1ms}
  - {cgroup: /web, kind: zipf, pages: 9000, alpha: 0.7, refs: 60000, contents: mixed, start: 20s, think: 20us}
run: {interleave: time, payload: sizes}
variants:
  unprepared: {}
  flushed:    {actions: [{at: 19s, write: 20M zswap referenced=ignore, to: /batch/memory.swap.tiers.demote}]}
  rotated:    {actions: [{at: 19s, write: 20M source=zswap, to: /batch/memory.reclaim}]}
"""


def main() -> None:
    """Run the three and say what the burst saw."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "burst.yaml"
        config.write_text(CONFIG)
        result = st.run(config)
    print(f"{'':11} {'flushed':>8} {'by second':>10} {'web faults':>11} {'mean web':>9} {'web waited':>11}")
    print(f"{'variant':11} {'before':>8} {'chance':>10} {'from ssd':>11} {'fault':>9} {'in all':>11}")
    for name, variant in result.variants.items():
        web = variant.cgroups["/web"]
        done = variant.actions[0] if variant.actions else {"entries": 0, "rotated": 0}
        print(
            f"{name:11} {done['entries']:8,} {done['rotated']:10,} {web.pswpin:11,}"
            f" {web.fault_ns / web.faults / 1e3:6.1f} us {web.stall_ns / 1e9:9.2f} s"
        )
    print()
    print(
        "flushed before: entries written back at 19 s; by second chance: entries that were passed over as referenced."
    )


if __name__ == "__main__":
    main()
