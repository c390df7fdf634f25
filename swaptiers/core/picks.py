"""Entries chosen by a score, wherever they stand in their cold list: for policies that no list order can serve."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.state import (
    CHUNK,
    PLAN_MAX,
    Header,
    cell_of,
    chunks,
    picks,
    records,
    rings,
    scores,
)


@part
def score_of(st: Header, row: int) -> int:
    """Higher goes first. `oracle`: when the page will be used next, as the laboratory wrote it down."""
    return int(scores(st)[row])


@part
def pick_highest(st: Header, cgroup: int, tier: int, wanted: int) -> int:
    """Put up to `wanted` rows of a cold list with the highest scores into `picks`, the highest first; how many.

    One look at every entry of the list: O(n), and O(wanted) more for each that is among the best so far.
    """
    best = picks(st)
    n = 0
    index = cell_of(st, cgroup, tier).first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        chunk, at = ring.head_chunk, ring.head_at
        for _ in range(ring.total):
            if at == CHUNK:
                chunk, at = chunks(st)[chunk].next, 0
            row = chunks(st)[chunk].rows[at]
            if records(st)[row].stamp == chunks(st)[chunk].stamps[at]:
                n = _insert(best, n, min(wanted, PLAN_MAX), row, score_of(st, row))
            at += 1
        index = ring.next
    return n


@part
def _insert(best: Any, n: int, wanted: int, row: int, score: int) -> int:
    """Keep the best sorted; of equal scores the one that was found first stays ahead."""
    if n == wanted and score <= best[n - 1].score:
        return n
    i = min(n, wanted - 1)
    while i > 0 and best[i - 1].score < score:
        best[i].row = best[i - 1].row
        best[i].score = best[i - 1].score
        i -= 1
    best[i].row = row
    best[i].score = score
    return min(n + 1, wanted)
