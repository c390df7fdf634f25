"""A batch job beside a web server: who pays when the fast tiers are shared, and what limits and demotion do about it.

python examples/noisy_neighbour.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import swaptiers as st

CONFIG = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 12M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 32M, latency: {read: 70us, write: 20us, call: 2us}, bandwidth: 2G/s}
  disk:  {kind: file, capacity: 512M, latency: {read: 4ms, write: 4ms, call: 4ms}, bandwidth: 150M/s}
charge_zswap: false
cgroups:
  /web:   {memory.max: 16M}
  /noisy: {memory.max: 8M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 12000, alpha: 0.9, drift: 1%, refs: 300000}
  - {cgroup: /noisy, kind: scan, pages: 30000, contents: random}
run: {payload: sizes}
variants:
  alone:    {workloads: [{cgroup: /web, kind: zipf, pages: 12000, alpha: 0.9, drift: 1%, refs: 300000}]}
  overflow: {edges: [], on_full: spill}
  demotion: {edges: [{from: zswap, to: ssd}, {from: ssd, to: disk}]}
  borrow:   {edges: [{from: zswap, to: ssd, share: borrow}, {from: ssd, to: disk, share: borrow}]}
  capped:
    edges: [{from: zswap, to: ssd}, {from: ssd, to: disk}]
    cgroups: {/noisy: {memory.zswap.max: 1M, memory.swap.tiers.max: {ssd: 8M}}}
"""


def main() -> None:
    """Run the web server alone, then beside the batch job under four regimes."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "neighbours.yaml"
        config.write_text(CONFIG)
        result = st.run(config)
    print(f"{'':9} {'mean fault':>11} {'waited':>8} {'fast tiers at the end':>22}")
    print(f"{'variant':9} {'of /web':>11} {'in all':>8} {'/web':>10} {'/noisy':>11}")
    for name, variant in result.variants.items():
        web = variant.cgroups["/web"]
        zswap = variant.series.column("cgroup./web.zswap_bytes")[-1] or 0
        others = variant.series.columns
        noisy = variant.series.column("cgroup./noisy.zswap_bytes")[-1] or 0 if "cgroup./noisy.refs" in others else 0
        print(
            f"{name:9} {web.fault_ns / max(1, web.faults) / 1e3:8.0f} us {web.stall_ns / 1e9:6.1f} s"
            f" {zswap / 2**20:6.1f} MiB {noisy / 2**20:7.1f} MiB"
        )
    print()
    print(
        "overflow: what came first keeps the fast tiers. demotion: what is used keeps them, but a scan that passes through"
    )
    print(
        "still pushes the web server's pages down. borrow: whoever holds most gives first, so the scan pushes its own."
    )
    print("capped: its pages may take no more than its limits allow, which somebody has to know and to set.")


if __name__ == "__main__":
    main()
