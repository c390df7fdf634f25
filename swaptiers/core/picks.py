"""Entries chosen by a score, wherever they stand in their cold list: for policies that no list order can serve."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import CHUNK, LARGEST, ORACLE, PLAN_MAX, RANDOM
from swaptiers.core.layout import Header
from swaptiers.core.rings import is_taken
from swaptiers.core.state import cell_of, chunks, picks, records, rings, scores

MASK = (1 << 31) - 1


@part
def is_by_score(policy: int) -> bool:
    """True if the policy looks at every entry of a list instead of its cold end."""
    return bool(policy == ORACLE or policy == LARGEST or policy == RANDOM)


@part
def score_of(st: Header, policy: int, salt: int, row: int) -> int:
    """Higher goes first.

    `oracle`: when the page will be used next, as the laboratory wrote it down. `largest`: stored bytes, since a move into
    slots writes a page whatever it frees. `random`: a hash that no two batches share.
    """
    if policy == ORACLE:
        return int(scores(st)[row])
    if policy == LARGEST:
        return int(records(st)[row].length)
    return _mixed(_mixed(row ^ (salt & MASK)) ^ records(st)[row].stamp)


@part
def _mixed(number: int) -> int:
    """31 bits that look like chance: two rounds of multiply and shift, small enough for signed 64-bit products."""
    n = number & MASK
    n = ((n ^ (n >> 16)) * 73_244_475) & MASK
    n = ((n ^ (n >> 15)) * 1_664_525 + 1_013_904_223) & MASK
    return n ^ (n >> 16)


@part
def pick_highest(st: Header, edge: int, policy: int, cgroup: int, classes: int, wanted: int) -> int:
    """Put up to `wanted` rows of a cold list with the highest scores into `picks`, the highest first; how many.

    One look at every entry of the list: O(n), and O(wanted) more for each that is among the best so far.
    """
    best = picks(st)
    e = st.edges[edge]
    n = 0
    index = cell_of(st, cgroup, e.source).first_ring
    while index > 0:
        ring = rings(st)[index - 1]
        chunk, at = ring.head_chunk, ring.head_at
        for _ in range(ring.total if is_taken(ring, classes) else 0):
            if at == CHUNK:
                chunk, at = chunks(st)[chunk].next, 0
            row = chunks(st)[chunk].rows[at]
            if records(st)[row].stamp == chunks(st)[chunk].stamps[at]:
                n = _insert(best, n, min(wanted, PLAN_MAX), row, score_of(st, policy, e.scanned, row))
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
