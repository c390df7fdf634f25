"""Figures measured on a Linux kernel, each beside the same figure from a run here: docs/fidelity.md says what they mean.

python examples/fidelity.py
"""

from __future__ import annotations

from pathlib import Path

import swaptiers as st
from swaptiers.workloads.contents import Corpus

CONFIG = Path(__file__).parent.parent / "tiers.yaml"
POOL_ONLY = ["charge_zswap=false", *(f"cgroups./{name}.memory.zswap.max=max" for name in ("web", "batch", "db"))]
"""As where the figures come from: the pool's own limit binds, not a cgroup's."""
WORKER = ["run.interleave=time", "edges.0.batch=1", "edges.1.batch=1"]
"""Programs and shrink_worker() run at the same time, and the worker takes one entry at a time."""


def zsmalloc_overhead(pages: int = 42_000) -> float:
    """What the pool takes more than the payloads in it."""
    contents = Corpus.make("mixed", 1, 4096, blocks=pages // 14).pages[:pages]
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="1G")]) as swap:
        swap.swap_out(contents)
        tier = swap.stats().tiers["zswap"]
    return tier.pool_bytes / tier.stored_bytes - 1


def rejected_share() -> float:
    """Of all pages written to swap devices, the share that zswap had turned away: 1 - zswpwb / pswpout."""
    result = st.run(CONFIG, variants=["kernel"], sets=["run.payload=sizes", *POOL_ONLY, *WORKER])
    cgroups = result.variants["kernel"].cgroups.values()
    return 1 - sum(c.zswpwb for c in cgroups) / sum(c.pswpout for c in cgroups)


def faults_over_exact_lru() -> float:
    """Reclaim in batches of 32 against one page at a time."""
    faults = {}
    for batch in (1, 32):
        sets = ["run.payload=sizes", f"run.reclaim_batch={batch}", *POOL_ONLY]
        faults[batch] = st.run(CONFIG, variants=["demotion"], sets=sets).variants["demotion"].faults
    return faults[32] / faults[1] - 1


def main() -> None:
    """A line per figure."""
    print(f"{'':46} {'kernel':>14} {'here':>8}")
    print(f"{'zsmalloc: pool over payload, 70 MB':46} {'+2.8 %':>14} {zsmalloc_overhead():+8.1%}")
    print(f"{'pool limit binds: disk writes that are rejects':46} {'76 %':>14} {rejected_share():8.0%}")
    print(f"{'faults against exact LRU of the same size':46} {'-9 to +14 %':>14} {faults_over_exact_lru():+8.1%}")


if __name__ == "__main__":
    main()
