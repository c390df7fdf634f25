"""LRU inversion, kept up to date with every store, move and load: exact counts in O(log n), no sampling error in time.

Pages leave a cgroup's resident memory in order of last use, so the order in which they left is the order of recency. A
Fenwick tree per tier over that order answers "how many entries of this tier are older"; from it follow the number of
inverted pairs, the lateness of a fault, and the tier where an entry would be if the tiers held the same numbers by recency.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import part
from swaptiers.core.constants import STORED, ZSWAP
from swaptiers.core.layout import Header
from swaptiers.core.resident import SWAPPED, pages_of
from swaptiers.core.state import carray, pointer, records
from swaptiers.experiment.lab import Lab, recency_of


@part
def is_hashed(page: int, mask: int) -> bool:
    """True if the page is in the sample (every page, where the mask is 0)."""
    return bool((((page * 2654435761) >> 12) & mask) == 0)


@part
def is_counted(r: Any, page: int) -> bool:
    """True if the page is in its cgroup's sample."""
    return is_hashed(page, r.mask)


@part
def _tree(st: Header, r: Any) -> Any:
    return carray(pointer(r.fenwick_at), (st.tiers_n * (r.capacity + 1),), np.int32)


@part
def _add(st: Header, r: Any, tier: int, place: int, delta: int) -> None:
    tree = _tree(st, r)
    base = tier * (r.capacity + 1)
    i = place
    while i <= r.capacity:
        tree[base + i] += delta
        i += i & -i
    r.entries[tier] += delta


@part
def older(st: Header, r: Any, tier: int, place: int) -> int:
    """Entries of `tier` that left memory before the one at `place`."""
    tree = _tree(st, r)
    base = tier * (r.capacity + 1)
    total = 0
    i = place - 1
    while i > 0:
        total += tree[base + i]
        i -= i & -i
    return total


@part
def _count_pairs(st: Header, r: Any, tier: int, place: int, sign: int) -> None:
    """Add or take away the inverted pairs that an entry of `tier` at `place` has with all entries of other tiers."""
    for other in range(st.tiers_n):
        if other < tier and r.entries[other] > 0:
            r.inverted[other, tier] += sign * older(st, r, other, place)
        elif other > tier and r.entries[other] > 0:
            r.inverted[tier, other] += sign * (r.entries[other] - older(st, r, other, place))


@part
def note_store(st: Header, lab: Lab, cgroup: int, page: int, tier: int) -> None:
    """The page is the most recently used of its cgroup's entries, and it went to `tier`."""
    if lab.recency_at == 0:
        return
    r = recency_of(lab)[cgroup]
    if not is_counted(r, page):
        return
    if r.next >= r.capacity:
        _renumber(st, lab, cgroup, r)
    r.next += 1
    pages_of(lab)[page].colder = r.next
    _count_pairs(st, r, tier, r.next, 1)
    _add(st, r, tier, r.next, 1)


@part
def note_move(st: Header, lab: Lab, cgroup: int, page: int, source: int, target: int) -> None:
    if lab.recency_at == 0:
        return
    r = recency_of(lab)[cgroup]
    if not is_counted(r, page):
        return
    place = pages_of(lab)[page].colder
    _add(st, r, source, place, -1)
    _count_pairs(st, r, source, place, -1)
    _count_pairs(st, r, target, place, 1)
    _add(st, r, target, place, 1)


@part
def note_fault(st: Header, lab: Lab, cgroup: int, page: int, tier: int) -> None:
    """The entry is taken: was it late, and how much dearer or cheaper was it than by recency?"""
    if lab.recency_at == 0:
        return
    r = recency_of(lab)[cgroup]
    if not is_counted(r, page):
        return
    place = pages_of(lab)[page].colder
    if lab.warm:
        _judge(st, r, tier, place)
    _add(st, r, tier, place, -1)
    _count_pairs(st, r, tier, place, -1)


@part
def _judge(st: Header, r: Any, tier: int, place: int) -> None:
    faster = 0
    faster_older = 0
    newer = 0
    for t in range(st.tiers_n):
        if r.entries[t] == 0:
            continue
        before = older(st, r, t, place)
        newer += r.entries[t] - before - (1 if t == tier else 0)
        if t < tier:
            faster += r.entries[t]
            faster_older += before
    if faster > 0:
        r.late_n += 1
        r.late_sum += faster_older / faster
        r.late_any += 1 if faster_older > 0 else 0
    ideal = 0
    held = r.entries[0]
    while newer >= held and ideal < st.tiers_n - 1:
        ideal += 1
        held += r.entries[ideal]
    r.excess_n += 1
    r.excess_ns += service_ns(st, tier) - service_ns(st, ideal)


@part
def service_ns(st: Header, tier: int) -> int:
    """What a page's load from the tier takes on an idle device."""
    t = st.tiers[tier]
    transfer = 0 if t.kind == ZSWAP else st.page_size * t.ps_per_byte // 1000
    return int(t.read_ns + t.call_ns + transfer)


@part
def _renumber(st: Header, lab: Lab, cgroup: int, r: Any) -> None:
    """The order's numbers are used up: number the entries that are left from 1 again."""
    pages = pages_of(lab)
    table = records(st)
    total = 0
    for t in range(st.tiers_n):
        total += r.entries[t]
        r.entries[t] = 0
    _tree(st, r)[:] = 0
    places = np.empty(total, np.int64)
    owners = np.empty(total, np.int64)
    n = 0
    for w in range(lab.workloads_n):
        work = lab.workloads[w]
        if work.cgroup != cgroup:
            continue
        for page in range(work.first_page, work.end_page):
            if pages[page].state == SWAPPED and is_counted(r, page) and table[pages[page].hotter].backing == STORED:
                places[n] = pages[page].colder
                owners[n] = page
                n += 1
    order = np.argsort(places[:n], kind="mergesort")
    for i in range(n):
        page = owners[order[i]]
        pages[page].colder = i + 1
        _add(st, r, table[pages[page].hotter].tier, i + 1, 1)
    r.next = n
