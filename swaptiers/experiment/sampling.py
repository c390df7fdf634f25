"""What samples look at, compiled: in Python a run's samples took as long as a fifth of its moves."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import kernel
from swaptiers.core.constants import STORED
from swaptiers.core.state import State, fetch_record, header_at, records
from swaptiers.experiment.recency import is_hashed

AHEAD = 8
"""Records that are on their way from memory while one is looked at."""


@kernel
def uses_by_tier(at: State, step: int, uses: Any, counts: Any) -> None:
    """When every `step`-th record's entry was last used: `uses` (tiers, records), of which `counts` (tiers) are filled."""
    st = header_at(at)
    table = records(st)
    counts[:] = 0
    for row in range(0, st.row_top, step):
        fetch_record(st, row + AHEAD * step)
        r = table[row]
        if r.backing == STORED:
            uses[r.tier, counts[r.tier]] = r.last_use
            counts[r.tier] += 1


@kernel
def entries_of(at: State, mask: int, ranks: Any, uses: Any) -> int:
    """The entries of a sample of pages (`mask`, as in `is_hashed`): their tiers' ranks, and when they were last used. How
    many there are."""
    st = header_at(at)
    table = records(st)
    n = 0
    for row in range(st.row_top):
        r = table[row]
        if r.backing == STORED and is_hashed(int(r.owner), mask):
            ranks[n] = r.tier
            uses[n] = r.last_use
            n += 1
    return n


@kernel
def shares_of_pairs(table: Any, cgroups: Any, ranks: int, shares: Any) -> None:
    """The share of inverted pairs of each of the `cgroups` now: `shares` (cgroups, 1 + ranks x ranks), first over all pairs,
    then per faster and slower tier. NaN where there are none."""
    shares[: len(cgroups)] = np.nan
    for i in range(len(cgroups)):
        r = table[cgroups[i]]
        wrong = pairs = 0
        for fast in range(ranks):
            for slow in range(fast + 1, ranks):
                some = r.entries[fast] * r.entries[slow]
                if some > 0:
                    shares[i, 1 + fast * ranks + slow] = r.inverted[fast, slow] / some
                    wrong += r.inverted[fast, slow]
                    pairs += some
        if pairs > 0:
            shares[i, 0] = wrong / pairs


@kernel
def add_shares(shares: Any, sums: Any, counts: Any) -> None:
    """Those that are known, to their sums, and how many there were."""
    for i in range(shares.shape[0]):
        for j in range(shares.shape[1]):
            if not np.isnan(shares[i, j]):
                sums[i, j] += shares[i, j]
                counts[i, j] += 1
