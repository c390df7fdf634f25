"""Slots that stay with pages that are only read: what that saves in writes, and what it does to the order of entries.

python examples/keep_clean.py
"""

from __future__ import annotations

from pathlib import Path

import swaptiers as st

CONFIG = Path(__file__).parent / "keep_clean.yaml"


def main() -> None:
    """A line per share of writes among the references, and variant."""
    print(f"{'writes':>6} {'variant':10} {'SSD writes':>11} {'saved':>7} {'kept':>6} {'pairs':>6} {'mean fault':>11}")
    for writes in ("2%", "20%", "50%"):
        result = st.run(CONFIG, sets=[f"workloads.0.writes={writes}"])
        for name, run in result.variants.items():
            ssd, pairs, mean = run.tiers["ssd"], run.inversion.pairs, run.fault_latency_ns.mean
            saved = ssd.clean_stores / max(ssd.stores, 1)
            print(
                f"{writes:>6} {name:10} {ssd.written_bytes / (1 << 20):9.1f} M {saved:7.0%} {ssd.kept:6,} "
                f"{pairs or 0:6.3f} {(mean or 0) / 1000:8.1f} us"
            )


if __name__ == "__main__":
    main()
