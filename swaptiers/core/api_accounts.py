"""What Python calls: accounts move with a cgroup that goes, and are recounted. Kernels take the header by its address."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import BUSY, FREE, KEPT, PLANNED, RETIRED, ZERO, ZSWAP
from swaptiers.core.layout import Header
from swaptiers.core.rings import key_of, next_stamp, own_ring, ring_of, ring_push
from swaptiers.core.segments import LEAVING, OPEN, SEALED
from swaptiers.core.state import State, cell_of, cgroups, header_at, records, segments


@kernel
def reparent(at: State, cgroup: int) -> None:
    """A cgroup is removed: its entries join its parent's cold lists at the young end, as memcg_reparent_list_lrus()."""
    st = header_at(at)
    table = records(st)
    parent = cgroups(st)[cgroup].parent
    stamps = np.empty(st.row_top, np.int64)
    rows = np.empty(st.row_top, np.int64)
    n = 0
    for row in range(st.row_top):
        r = table[row]
        if r.backing in (FREE, RETIRED) or r.cgroup != cgroup:
            continue
        r.cgroup = parent
        if r.backing == KEPT:
            cgroups(st)[cgroup].swap_pages -= 1
            cell_of(st, cgroup, r.tier).tree_bytes -= r.length
            continue
        cgroups(st)[cgroup].own_entries -= 1
        cgroups(st)[parent].own_entries += 1
        if r.backing == ZERO:
            cgroups(st)[cgroup].own_zero -= 1
            cgroups(st)[parent].own_zero += 1
            cgroups(st)[cgroup].swap_pages -= 1 if st.legacy_swap_charge else 0
            continue
        _move_own_account(st, cgroup, parent, r.tier, r.length)
        if not r.marks & BUSY:
            stamps[n] = r.stamp
            rows[n] = row
            n += 1
    order = np.argsort(stamps[:n], kind="mergesort")
    for i in range(n):
        row = rows[order[i]]
        r = table[row]
        stamp = next_stamp(st)  # first, as in begin_take
        if not r.marks & PLANNED:
            ring_of(st, cgroup, r.tier, key_of(st, r)).live -= 1
        r.marks &= ~PLANNED
        r.stamp = stamp
        ring_push(st, own_ring(st, r), row)


@part
def _move_own_account(st: Header, cgroup: int, parent: int, tier: int, length: int) -> None:
    """The ancestors have paid all along; what was the cgroup's own, and its subtree's, is its parent's own now."""
    in_zswap = st.tiers[tier].kind == ZSWAP
    c = cgroups(st)[cgroup]
    c.zswap_bytes -= length if in_zswap else 0
    c.swap_pages -= 1 if not in_zswap or st.legacy_swap_charge else 0
    cell_of(st, cgroup, tier).tree_bytes -= length
    cell_of(st, cgroup, tier).entries -= 1
    cell_of(st, cgroup, tier).stored_bytes -= length
    cell_of(st, parent, tier).entries += 1
    cell_of(st, parent, tier).stored_bytes += length
    whole = 1 if length >= st.page_size else 0
    cell_of(st, cgroup, tier).whole_pages -= whole
    cell_of(st, parent, tier).whole_pages += whole


@kernel
def audit(at: State, cells: Any, kept: Any, totals: Any) -> None:
    """Recount everything from the records: `cells` (cgroups, MAX_TIERS, 3): own entries, stored bytes, whole pages; `kept`
    (cgroups, MAX_TIERS): kept slots; `totals`: free, retired, zero, stored, kept rows."""
    st = header_at(at)
    table = records(st)
    for row in range(st.row_top):
        r = table[row]
        if r.backing == FREE:
            totals[0] += 1
        elif r.backing == RETIRED:
            totals[1] += 1
        elif r.backing == ZERO:
            totals[2] += 1
        elif r.backing == KEPT:
            totals[4] += 1
            kept[r.cgroup, r.tier] += 1
        else:
            totals[3] += 1
            cells[r.cgroup, r.tier, 0] += 1
            cells[r.cgroup, r.tier, 1] += r.length
            cells[r.cgroup, r.tier, 2] += 1 if r.length >= st.page_size else 0


@kernel
def count_segments(at: State, tier: int, totals: Any) -> None:
    """Recount a log: segments in use, bytes alive in them, addresses that nobody has written to, and segments that are lost:
    open though nothing is appended to them, or dead and read by nobody, and not to be used again."""
    t = header_at(at).tiers[tier]
    for segment in range(t.segment_top):
        s = segments(t)[segment]
        if s.state == OPEN or s.state == SEALED:
            totals[0] += 1
            totals[1] += s.live
            totals[2] += s.pending
            totals[3] += 1 if s.state == OPEN and segment != t.head and segment != t.copy_head else 0
        totals[3] += 1 if s.state == LEAVING and s.quarantined == 0 else 0
