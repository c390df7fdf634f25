"""Does demotion cause or cure LRU inversion? The reference experiment's three ways to fill the tiers, side by side.

python examples/inversion.py
"""

from __future__ import annotations

from pathlib import Path

import swaptiers as st

CONFIG = Path(__file__).parent.parent / "tiers.yaml"


def main(refs: int = 700_000) -> None:
    """Run the variants on the same references and say how far each is from an order by last use."""
    result = st.run(CONFIG, sets=["run.payload=sizes", f"workloads.0.refs={refs}"])
    print(f"{'':10} {'inverted':>9} {'late':>7} {'mean':>9} {'written to':>12}")
    print(f"{'variant':10} {'pairs':>9} {'faults':>7} {'fault':>9} {'ssd and disk':>12}")
    for name, variant in result.variants.items():
        inversion, latency = variant.inversion, variant.fault_latency_ns.mean or 0
        written = sum(variant.tiers[tier].written_bytes for tier in ("ssd", "disk"))
        print(
            f"{name:10} {inversion.pairs or 0:9.3f} {inversion.late_faults or 0:7.3f}"
            f" {latency / 1e6:6.2f} ms {written / 2**20:8.0f} MiB"
        )
    demotion, overflow = result.variants["demotion"], result.variants["overflow"]
    print()
    print("By cgroup, the share of pairs that are upside down:")
    for path, own in demotion.inversion.by_cgroup.items():
        before = overflow.inversion.by_cgroup[path].pairs
        if before is None or own.pairs is None:
            print(f"  {path}: fits into one tier, nothing to invert")
        else:
            print(f"  {path}: {before:.3f} where tiers overflow, {own.pairs:.3f} where cold entries are demoted")


if __name__ == "__main__":
    main()
