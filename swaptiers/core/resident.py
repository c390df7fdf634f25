"""Resident memory: an exact LRU per cgroup over dense page numbers, intrusive, since it is touched in place."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import NO_LIMIT, NONE
from swaptiers.core.layout import Header, record_of
from swaptiers.core.state import carray, cgroups, pointer, preorder

UNTOUCHED, RESIDENT, LEAVING, SWAPPED = 0, 1, 2, 3

PAGE = record_of(
    [
        ("last_use", "i8"),  # ns, while resident
        ("hotter", "i4"),  # neighbour in the LRU; of a swapped page: its row
        ("colder", "i4"),  # neighbour in the LRU; of a swapped page: its place in the order of recency
        ("version", "i4"),  # of its contents: one more with each write
        ("state", "i1"),
    ],
    align=False,
)
PAGE_BYTES = PAGE.itemsize


@part
def pages_of(owner: Any) -> Any:
    """The pages of whoever has resident memory: a record with the table's address and length."""
    return carray(pointer(owner.pages_at), (owner.pages_n,), PAGE)


@part
def lru_add(owner: Any, cgroup: Any, page: int) -> None:
    """At the hot end."""
    pages = pages_of(owner)  # handed in, an array costs more than its address
    p = pages[page]
    p.state = RESIDENT
    p.hotter = NONE
    p.colder = cgroup.lru_head
    if cgroup.lru_head >= 0:
        pages[cgroup.lru_head].hotter = page
    else:
        cgroup.lru_tail = page
    cgroup.lru_head = page


@part
def lru_remove(owner: Any, cgroup: Any, page: int) -> None:
    pages = pages_of(owner)
    p = pages[page]
    if p.hotter >= 0:
        pages[p.hotter].colder = p.colder
    else:
        cgroup.lru_head = p.colder
    if p.colder >= 0:
        pages[p.colder].hotter = p.hotter
    else:
        cgroup.lru_tail = p.hotter


@part
def lru_touch(owner: Any, cgroup: Any, page: int) -> None:
    """The page was used: to the hot end."""
    if cgroup.lru_head != page:
        lru_remove(owner, cgroup, page)
        lru_add(owner, cgroup, page)


@part
def charge_resident(st: Header, cgroup: int, count: int) -> None:
    """Account resident pages at the cgroup and every ancestor."""
    table = cgroups(st)
    table[cgroup].own_resident += count
    c = cgroup
    while c >= 0:
        table[c].resident_pages += count
        c = table[c].parent


@part
def over_memory_max(st: Header, cgroup: int) -> int:
    """The nearest ancestor whose memory.max has no room for one more page; NONE if all have."""
    table = cgroups(st)
    c = cgroup
    while c >= 0:
        if table[c].memory_max != NO_LIMIT:
            used = (table[c].resident_pages + 1) * st.page_size
            if st.charge_zswap:
                used += table[c].zswap_bytes
            if used > table[c].memory_max:
                return int(c)
        c = table[c].parent
    return NONE


@part
def next_resident(st: Header, scope: int) -> int:
    """The next cgroup of the subtree with resident pages, round robin (mem_cgroup_iter()); NONE if none has any."""
    table = cgroups(st)
    first, end = table[scope].place, table[scope].place_end
    place = table[scope].reclaim_place + 1
    for _ in range(end - first):
        if place < first or place >= end:
            place = first
        c = preorder(st)[place]
        if table[c].own_resident > 0:
            table[scope].reclaim_place = place
            return int(c)
        place += 1
    return NONE
