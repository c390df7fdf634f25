"""Whose turn it is: how the cgroups of a subtree take turns to give entries along an edge, and who is passed over.

The kernel goes round robin (shrink_worker(), mem_cgroup_iter()). The other shares answer what was said about it on the
list: strict limits strand capacity; let workloads use more than what is fair, and demote to enforce fairness.

`memory.swap.tiers.low` is heeded as memory.low is by shrink_node_memcgs(): best effort, and not for the cgroup itself that
the demotion is about. A search has two passes: the second, over those that were passed over, only if the first gave
nothing. `st.search` is its number, even in the first pass; `searched` of a cgroup the latest pass that is done with it.
"""

from __future__ import annotations

from swaptiers.core.compile import part
from swaptiers.core.constants import BORROW, NONE, PROPORTIONAL
from swaptiers.core.layout import Header
from swaptiers.core.rings import takes_of
from swaptiers.core.state import cell_of, cgroups, preorder

PARTS = 1 << 20
"""Of a whole, in which shares are reckoned: their product with less than 8 TiB fits."""
UNLIMITED = 1 << 62


@part
def begin_search(st: Header) -> None:
    """A batch is wanted: every cgroup may be asked, each once."""
    st.search = (st.search | 1) + 1
    st.passed_over = 0


@part
def next_cgroup(st: Header, edge: int, scope: int) -> int:
    """The next cgroup of the subtree `scope` to give entries along the edge, by its share; NONE if all were asked."""
    e = st.edges[edge]
    table = cgroups(st)
    while True:
        cgroup = _whose_turn(st, edge, scope)
        if cgroup < 0:
            if not _begin_second_pass(st):
                return NONE
        elif spare_bytes(st, e.source, cgroup, scope) > 0:
            table[cgroup].searched = st.search | 1
            e.cursor = table[cgroup].place
            return cgroup
        else:
            table[cgroup].searched = st.search
            st.passed_over += 1
            e.passed_over += 1


@part
def _begin_second_pass(st: Header) -> bool:
    """Those that were passed over are asked after all: nobody else had anything to give.

    Not if somebody has entries that are only too young: then nothing has to go.
    """
    if st.passed_over == 0 or st.plan_young:
        return False
    st.passed_over = 0
    st.search |= 1
    return True


@part
def spare_bytes(st: Header, tier: int, cgroup: int, scope: int) -> int:
    """What the cgroup may lose in `tier` before a memory.swap.tiers.low at it or above it, strictly below `scope`,
    protects it; UNLIMITED where there is none, and in a search's second pass."""
    spare = UNLIMITED
    if st.lows == 0 or st.search & 1:
        return spare
    c = cgroup
    while c >= 0 and c != scope:
        cell = cell_of(st, c, tier)
        if cell.low_bytes > 0:
            spare = min(spare, int(cell.tree_bytes - cell.low_bytes))
        c = cgroups(st)[c].parent
    return spare


@part
def end_turn(st: Header, edge: int, scope: int, cgroup: int) -> None:
    """The cgroup gave what is planned: that is counted against what each of them should have given."""
    if st.search & 1:
        cgroups(st)[cgroup].tiers_low_events += 1
    if st.edges[edge].share == PROPORTIONAL:
        _settle(st, edge, scope, cgroup)


@part
def _whose_turn(st: Header, edge: int, scope: int) -> int:
    share = st.edges[edge].share
    if share == PROPORTIONAL:
        return _furthest_behind(st, edge, scope)
    if share == BORROW:
        return _furthest_above(st, edge, scope)
    return _next_in_order(st, edge, scope)


@part
def _may_give(st: Header, edge: int, cgroup: int) -> bool:
    """True if it has entries in the edge's source, the edge takes some of it, and this pass did not ask it yet."""
    if cell_of(st, cgroup, st.edges[edge].source).entries == 0 or takes_of(st, edge, cgroup) == 0:
        return False
    return bool(cgroups(st)[cgroup].searched < st.search)


@part
def _next_in_order(st: Header, edge: int, scope: int) -> int:
    """`round-robin`: the one after the one that was asked last."""
    first, end = cgroups(st)[scope].place, cgroups(st)[scope].place_end
    place = st.edges[edge].cursor + 1
    for _ in range(end - first):
        if place < first or place >= end:
            place = first
        cgroup = int(preorder(st)[place])
        if _may_give(st, edge, cgroup):
            return cgroup
        place += 1
    return NONE


@part
def _furthest_behind(st: Header, edge: int, scope: int) -> int:
    """`proportional`: the one that owes most, with its part of the batch to come.

    Of every batch each of the subtree owes its part, in proportion to the stored bytes that it holds in the source; who
    gives it is paid up by what the others owe. So nobody who comes later owes anything for the past, and what one gives
    alone, for a limit of its own, leaves the others' accounts as they are.
    """
    e = st.edges[edge]
    first, end = cgroups(st)[scope].place, cgroups(st)[scope].place_end
    entries = 0
    for place in range(first, end):
        cgroup = preorder(st)[place]
        if _may_give(st, edge, cgroup):
            entries += cell_of(st, cgroup, e.source).entries
    furthest, most = NONE, 0
    for place in range(first, end):
        cgroup = int(preorder(st)[place])
        if not _may_give(st, edge, cgroup):
            continue
        owes = cgroups(st)[cgroup].owes[edge] + e.batch * cell_of(st, cgroup, e.source).stored_bytes // entries
        if furthest == NONE or owes > most:
            furthest, most = cgroup, owes
    return furthest


@part
def _settle(st: Header, edge: int, scope: int, giver: int) -> None:
    """Everybody who could have been asked owes a part of what was given, and the giver has paid it all."""
    source = st.edges[edge].source
    first, end = cgroups(st)[scope].place, cgroups(st)[scope].place_end
    held = cell_of(st, giver, source).stored_bytes
    for place in range(first, end):
        cgroup = preorder(st)[place]
        if _may_give(st, edge, cgroup):
            held += cell_of(st, cgroup, source).stored_bytes
    for place in range(first, end):
        cgroup = preorder(st)[place]
        if _may_give(st, edge, cgroup):
            owed = cell_of(st, cgroup, source).stored_bytes * PARTS // held * st.plan_bytes // PARTS
            cgroups(st)[cgroup].owes[edge] += owed
            cgroups(st)[giver].owes[edge] -= owed


@part
def _furthest_above(st: Header, edge: int, scope: int) -> int:
    """`borrow`: the one that is furthest above its fair share; the first in the tree's order of equal ones.

    Fair is an equal share of the stored bytes that the subtree's cgroups hold in the source (which is full when something
    has to go), for each that holds any, or its own memory.swap.tiers.low there if that is more. One may be above its share
    for as long as nobody needs room; given enough batches, what is left is max-min fair: nobody who gave is left with more
    than another who gave, and nobody who holds less than that gave anything (each to within a batch).
    """
    source = st.edges[edge].source
    first, end = cgroups(st)[scope].place, cgroups(st)[scope].place_end
    held = holders = 0
    for place in range(first, end):
        cell = cell_of(st, preorder(st)[place], source)
        held += cell.stored_bytes
        holders += 1 if cell.entries > 0 else 0
    fair = held // max(holders, 1)
    furthest, most = NONE, 0
    for place in range(first, end):
        cgroup = int(preorder(st)[place])
        if not _may_give(st, edge, cgroup):
            continue
        cell = cell_of(st, cgroup, source)
        above = cell.stored_bytes - max(fair, cell.low_bytes)
        if furthest == NONE or above > most:
            furthest, most = cgroup, above
    return furthest
