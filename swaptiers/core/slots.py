"""Slots of a tier, handed out cluster by cluster so that a batch lands side by side (as mm/swapfile.c's clusters do).

A freed slot is first quarantined: its bytes are still there for a move or a load that was decided but has not run yet.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import CLUSTER, NONE
from swaptiers.core.layout import Header
from swaptiers.core.segments import forget, is_log, settled
from swaptiers.core.state import clusters, quarantined

EMPTY, PARTIAL = 1, 2


@part
def _unlink(t: Any, cluster: int) -> None:
    table = clusters(t)
    c = table[cluster]
    if c.previous >= 0:
        table[c.previous].next = c.next
    elif c.listed == EMPTY:
        t.empty_head = c.next
    elif c.listed == PARTIAL:
        t.partial_head = c.next
    if c.next >= 0:
        table[c.next].previous = c.previous
    c.listed = 0


@part
def _link(t: Any, cluster: int, listed: int) -> None:
    table = clusters(t)
    c = table[cluster]
    head = t.empty_head if listed == EMPTY else t.partial_head
    c.previous = NONE
    c.next = head
    c.listed = listed
    if head >= 0:
        table[head].previous = cluster
    if listed == EMPTY:
        t.empty_head = cluster
    else:
        t.partial_head = cluster


@part
def _next_cluster(t: Any) -> int:
    """An empty cluster, else a fresh one, else one with holes; NONE if every slot is taken."""
    if t.empty_head >= 0:
        chosen = t.empty_head
        _unlink(t, chosen)
        return int(chosen)
    if t.cluster_top < t.clusters_n:
        t.cluster_top += 1
        return int(t.cluster_top - 1)
    if t.partial_head >= 0:
        chosen = t.partial_head
        _unlink(t, chosen)
        return int(chosen)
    return NONE


@part
def slot_alloc(st: Header, tier: int) -> int:
    """The number of a free slot, now taken; NONE if there is none."""
    t = st.tiers[tier]
    cluster = t.cluster_current
    if cluster < 0 or clusters(t)[cluster].used == CLUSTER:
        cluster = _next_cluster(t)
        t.cluster_current = cluster
        if cluster < 0:
            return NONE
        clusters(t)[cluster].cursor = 0
    c = clusters(t)[cluster]
    at = c.cursor
    while c.taken[at % CLUSTER]:
        at += 1
    at = at % CLUSTER
    c.taken[at] = 1
    c.used += 1
    c.cursor = (at + 1) % CLUSTER
    return int(cluster) * CLUSTER + int(at)


@part
def slot_free(st: Header, tier: int, slot: int) -> None:
    """The slot may be given out again."""
    t = st.tiers[tier]
    cluster = slot // CLUSTER
    c = clusters(t)[cluster]
    c.taken[slot % CLUSTER] = 0
    c.used -= 1
    if cluster == t.cluster_current:
        return
    if c.used == 0:
        if c.listed == PARTIAL:
            _unlink(t, cluster)
        _link(t, cluster, EMPTY)
    elif c.listed == 0:
        _link(t, cluster, PARTIAL)


@part
def slot_release(st: Header, tier: int, slot: int, length: int) -> None:
    """Put the slot in quarantine; `settle` frees it. `length`: of the payload in it."""
    t = st.tiers[tier]
    if is_log(t):
        forget(st, t, slot, length)
    q = quarantined(st)[st.quarantine_top]
    q.tier = tier
    q.slot = slot
    st.quarantine_top += 1


@part
def settle(st: Header) -> None:
    """Whatever named the quarantined slots has run: they may be given out again."""
    table = quarantined(st)
    for i in range(st.quarantine_top):
        t = st.tiers[table[i].tier]
        if is_log(t):
            settled(t, table[i].slot)
        else:
            slot_free(st, table[i].tier, table[i].slot)
    st.quarantine_top = 0
