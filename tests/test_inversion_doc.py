"""docs/inversion.md works its numbers out on ten entries: here they are computed again, and must be what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from swaptiers.inversion import pairs_of

TEXT = (Path(__file__).parent.parent / "docs/inversion.md").read_text(encoding="utf-8")
NAMES = ["zswap", "ssd", "disk"]
ENTRIES = {
    name: (NAMES.index(tier), int(use)) for name, tier, use in re.findall(r"\| (\w) \| (\w+) \| (\d+) s \|", TEXT)
}
SERVICE_US = {0: 8, 1: 70, 2: 4000}


def inverted(fast: int, slow: int) -> tuple[int, int]:
    pairs = [(a, b) for ta, a in ENTRIES.values() if ta == fast for tb, b in ENTRIES.values() if tb == slow]
    return sum(b > a for a, b in pairs), len(pairs)


def late(name: str) -> tuple[int, int]:
    tier, use = ENTRIES[name]
    faster = [other for t, other in ENTRIES.values() if t < tier]
    return sum(other < use for other in faster), len(faster)


def excess_us(name: str) -> int:
    tier, use = ENTRIES[name]
    newest = sorted((other for _, other in ENTRIES.values()), reverse=True)
    sizes = [sum(t == rank for t, _ in ENTRIES.values()) for rank in range(3)]
    ideal = int(np.searchsorted(np.cumsum(sizes), newest.index(use), side="right"))
    return SERVICE_US[tier] - SERVICE_US[ideal]


def test_pairs() -> None:
    """By tiers and in all, and as the library counts them."""
    assert len(ENTRIES) == 10
    counts = [inverted(0, 1), inverted(0, 2), inverted(1, 2)]
    for wrong, total in counts:
        assert f"{wrong} of {total}, **{wrong / total:.3f}**" in TEXT
    wrong, total = (sum(each) for each in zip(*counts, strict=True))
    assert f"{wrong} of {total} pairs, **{wrong / total:.3f}**" in TEXT
    tiers, uses = (np.array([entry[i] for entry in ENTRIES.values()]) for i in (0, 1))
    overall, by_tiers = pairs_of(tiers, uses, NAMES)
    assert overall == wrong / total
    assert list(by_tiers.values()) == [wrong / total for wrong, total in counts]


def test_late_faults() -> None:
    """Of the two faults that the page looks at."""
    shares = []
    for name in ("I", "E"):
        older, faster = late(name)
        shares.append(older / faster)
        assert f"{older}/{faster}, {older / faster:.3f}." in TEXT
    assert f"over these two: **{np.mean(shares):.3f}**" in TEXT
    assert f"**{np.mean([share > 0 for share in shares]):.3f}**" in TEXT


def test_excess_latency() -> None:
    """With its sign."""
    costs = [excess_us(name) for name in ("I", "E")]
    assert f"**{costs[0]:+d} us**" in TEXT
    assert f"**{costs[1]:+d} us**" in TEXT
    assert f"Over these two: **{sum(costs) // 2} us**" in TEXT
