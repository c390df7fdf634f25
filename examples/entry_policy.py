"""A policy of one's own over entries, against the built-in ones. docs/custom-policy.md walks through it.

python examples/entry_policy.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

import swaptiers as st

CONFIG = Path(__file__).parent / "entry_policy.yaml"


class ColdAndLarge:
    """What frees most for its chance of being wanted back goes first: age times stored bytes to the power of `weight`."""

    max_candidates = 1024

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def suggest(self, candidates: st.Candidates) -> npt.NDArray[np.int64]:
        """The positions with the highest scores, the highest first."""
        scores = candidates.age_ns * candidates.stored_bytes.astype(float) ** self.weight
        return np.argsort(-scores, kind="stable")[: candidates.wanted]


def main() -> None:
    """A line per policy: what it let go too early, what it wrote for that, how far it left the order of last use."""
    print(f"{'policy':15} {'from zswap':>10} {'from ssd':>9} {'SSD writes':>11} {'pairs':>6} {'mean fault':>11}")
    for name, run in st.run(CONFIG).variants.items():
        zswap, ssd, pairs, mean = run.tiers["zswap"], run.tiers["ssd"], run.inversion.pairs, run.fault_latency_ns.mean
        print(
            f"{name:15} {zswap.loads:10,} {ssd.loads:9,} {ssd.written_bytes / (1 << 20):9.1f} M "
            f"{pairs or 0:6.3f} {(mean or 0) / 1000:8.1f} us"
        )


if __name__ == "__main__":
    main()
