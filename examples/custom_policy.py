"""A demotion policy of one's own, in a few lines over `demote()`: keep each tenant's share of zswap near its weight.

Edges that move only on request leave every decision to the caller: here, whenever the pool is four fifths full, the tenant
that is furthest above its weighted share gives way, a little at a time.

    python examples/custom_policy.py
"""

from __future__ import annotations

import numpy as np

import swaptiers as st

WEIGHTS = {"/gold": 4, "/silver": 2, "/bronze": 1}
POOL = 8 << 20
STEP = 256 << 10


def rebalance(swap: st.SwapSystem) -> int:
    """Demote from whoever is furthest above its share until the pool is below four fifths; the entries moved."""
    moved = 0
    while swap.stats().tiers["zswap"].pool_bytes > POOL * 4 // 5:
        held = {path: swap.stats().cgroups[path].zswap_bytes for path in WEIGHTS}
        total = sum(held.values())
        above = {path: held[path] - total * weight / sum(WEIGHTS.values()) for path, weight in WEIGHTS.items()}
        victim = max(above, key=lambda path: above[path])
        done = swap.demote(STEP, source="zswap", cgroup=victim)
        moved += done.entries
        if done.entries == 0:
            break
    return moved


def run(balanced: bool) -> dict[str, float]:
    """Let three tenants swap out, the poorest the most; each one's share of the pool afterwards."""
    random = np.random.default_rng(7)
    when = st.Triggers(request=True) if balanced else st.Triggers(pressure=True)
    tiers = [st.ZswapSpec(name="zswap", max_pool=POOL), st.FileSpec(name="disk", capacity="256M")]
    edges = [st.EdgeSpec(source="zswap", target="disk", policy="lru", when=when)]
    with st.SwapSystem(tiers, edges) as swap:
        for path in WEIGHTS:
            swap.cgroup(path)
        for _ in range(60):
            for path, pages in (("/gold", 40), ("/silver", 40), ("/bronze", 160)):
                words = random.integers(0, 1 << 10, (pages, 2048), dtype=np.uint16)
                swap.swap_out(words.view(np.uint8), cgroup=path)
                if balanced:
                    rebalance(swap)
        held = {path: swap.stats().cgroups[path].zswap_bytes for path in WEIGHTS}
    return {path: each / sum(held.values()) for path, each in held.items()}


def main() -> None:
    """With the coldest of each tenant in turn, a batch at a time, as the kernel's worker goes; then with this policy."""
    first_come, fair = run(balanced=False), run(balanced=True)
    print(f"{'tenant':8} {'weight':>7} {'swaps out':>10} {'zswap, in turns':>16} {'zswap, this policy':>19}")
    for path, weight in WEIGHTS.items():
        out = {"/gold": 40, "/silver": 40, "/bronze": 160}[path] / 240
        print(f"{path:8} {weight / 7:7.0%} {out:10.0%} {first_come[path]:16.0%} {fair[path]:19.0%}")


if __name__ == "__main__":
    main()
