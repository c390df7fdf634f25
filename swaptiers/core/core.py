"""The owner of the core's memory: reserves the tables, describes tiers, edges and cgroups to the kernels, reads counters."""

from __future__ import annotations

import itertools
import mmap
import sys
import threading
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core import api_accounts
from swaptiers.core.compile import interpreted
from swaptiers.core.constants import (
    ALL_EDGES,
    CHUNK,
    CLUSTER,
    EVERY_CLASS,
    FILE,
    MAX_EDGES,
    MAX_TIERS,
    NO_LIMIT,
    NO_QUOTA,
    PENDING_MAX,
    PLAN_MAX,
    ROUND_ROBIN,
    WHEN_AGE,
    ZSWAP,
)
from swaptiers.core.layout import (
    CELL,
    CGROUP,
    CHUNK_RECORD,
    CLUSTER_RECORD,
    HEADER,
    PENDING,
    PICK,
    PLAN,
    QUARANTINE,
    RECORD,
    RING,
    SEGMENT,
)
from swaptiers.core.plan import NEVER
from swaptiers.core.state import ARRAYS
from swaptiers.core.words import Words
from swaptiers.core.zsmalloc import size_classes
from swaptiers.errors import CoreFullError, IntegrityError, PolicyError

MAX_CGROUPS = 1 << 16
MAX_ENTRIES = 1 << 28
"""One TiB of 4 KiB pages; 13 GiB of address space, none of it touched before it is used."""
EVENTS = (
    *("zswpin", "zswpout", "zswpwb", "zswpwb_proactive_bytes", "pswpin", "pswpout"),
    *("swap_max_events", "swap_fail_events", "zswap_max_events", "tiers_low_events", "over_limit", "bypass"),
    *("refs", "hits", "faults", "first_touches", "fault_ns", "stall_ns"),
)
"""What is counted of a cgroup's own pages."""
NORESERVE = 0x4000 if sys.platform == "linux" else 0
_tags = itertools.cycle(range(1, 128))


@attrs.frozen(kw_only=True)
class TierTerms:
    """A tier as the kernels need it; codes and units as in `core.state`. `file_bytes`: of a log, all its segments."""

    kind: int
    codec: int
    raw_refused: bool
    on_full: int
    capacity_bytes: int
    accept_bytes: int
    read_ns: int = 0
    write_ns: int = 0
    call_ns: int = 0
    ps_per_byte: int = 0
    bounds: tuple[int, ...] = ()
    keeps_clean: bool = False
    keep_bytes: int = 0
    segment_bytes: int = 0
    file_bytes: int = 0
    cleans_down: bool = False


@attrs.frozen(kw_only=True)
class EdgeTerms:
    """An edge as the kernels need it."""

    source: int
    target: int
    policy: int
    when: int
    batch: int
    older_than: int = 0
    high_bytes: int = 0
    low_bytes: int = 0
    age_older_than: int = 0
    age_every: int = 0
    keeps_compressed: bool = False
    quota_of: int = NO_QUOTA
    quota_ps: int = 0
    quota_burst: int = 0
    share: int = ROUND_ROBIN


class Core:
    """One state and its memory. Not safe from several threads: its owner holds the lock.

    `slack_slots`: slots beyond each tier's capacity, for a laboratory whose freed slots stay in quarantine for a while.
    """

    def __init__(
        self,
        *,
        page_size: int,
        tiers: Sequence[TierTerms],
        edges: Sequence[EdgeTerms],
        charge_zswap: bool = True,
        legacy_swap_charge: bool = False,
        slack_slots: int = 0,
        max_entries: int = MAX_ENTRIES,
        stamp_limit: int = (1 << 31) - 1,
        generation_limit: int = (1 << 24) - 1,
    ) -> None:
        self._maps: list[Any] = []
        self._tables: dict[str, Any] = {}
        self._tier_tables: dict[tuple[int, str], Any] = {}
        self._terms: dict[str, Any] = {
            "page_size": page_size,
            "tiers": tiers,
            "edges": edges,
            "slack_slots": slack_slots,
            "max_entries": max_entries,
        }
        self.failure: PolicyError | KeyboardInterrupt | None = None
        """What a user's policy failed with, until the caller that asked it has been told."""
        self.flights: dict[object, int] = {}
        """Plans and writes that somebody is carrying out without the lock, and whose thread that is."""
        self.header: Any = np.zeros(1, HEADER)
        self.st: Any = self.header[0]
        self.state = int(self.header.ctypes.data)
        """The address that kernels take."""
        self.words = Words.of(self.header)
        self.edges = [self.words.within(HEADER, "edges", index) for index in range(ALL_EDGES)]
        """The integers of each edge, those that no config names included."""
        if interpreted():
            ARRAYS[self.state] = self.header
        st = self.st
        st.page_size = page_size
        st.charge_zswap = charge_zswap
        st.legacy_swap_charge = legacy_swap_charge
        st.stamp_limit = stamp_limit
        st.generation_limit = generation_limit
        st.id_tag = next(_tags)
        st.free_row = -1
        st.wake_at = NEVER
        st.cgroups_n = MAX_CGROUPS
        st.records_n = max_entries
        st.cells_n = MAX_CGROUPS * MAX_TIERS
        st.rings_n = MAX_CGROUPS * 64
        st.chunks_n = max(1024, 4 * max_entries // CHUNK) + MAX_CGROUPS
        st.quarantine_n = 1 << 22
        self.records = self._table("records_at", max_entries, RECORD)
        self.checksums = self._table("checksums_at", max_entries, np.dtype(np.int64))
        self.cgroups = self._table("cgroups_at", MAX_CGROUPS, CGROUP)
        self.preorder = self._table("preorder_at", MAX_CGROUPS, np.dtype(np.int32))
        self.cells = self._table("cells_at", st.cells_n, CELL)
        self.rings = self._table("rings_at", st.rings_n, RING)
        self._table("chunks_at", st.chunks_n, CHUNK_RECORD)
        self.plan = self._table("plan_at", PLAN_MAX, PLAN)
        self.picks = self._table("picks_at", PLAN_MAX, PICK)
        self._table("scores_at", max_entries, np.dtype(np.int64))
        self.pending = self._table("pending_at", PENDING_MAX, PENDING)
        self._table("quarantine_at", st.quarantine_n, QUARANTINE)
        self._set_classes(page_size)
        self._set_tiers(tiers, slack_slots)
        self._set_edges(edges)
        self.cgroup_count = 0
        self.add_cgroup(-1)

    def _table(self, field: str, count: int, dtype: Any) -> Any:
        array, address = self._reserve(int(count), dtype)
        self.st[field] = address
        self._tables[field] = array
        return array

    def _reserve(self, count: int, dtype: Any) -> tuple[Any, int]:
        try:
            memory = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
        except (OSError, ValueError) as error:
            raise CoreFullError(
                f"the system gives no {count * dtype.itemsize >> 20} MiB of address space for {count} entries "
                f"({error}); ask for fewer with max_entries="
            ) from error
        array = np.frombuffer(memory, dtype=dtype, count=count)
        address = array.ctypes.data
        self._maps.append((address, memory))
        if interpreted():
            ARRAYS[address] = array
        return array, address

    def _set_classes(self, page_size: int) -> None:
        classes = size_classes(page_size)
        self.st.class_rep[: len(classes)] = classes[:, 0]
        self.st.class_pages[: len(classes)] = classes[:, 2]
        self.st.class_fits[: len(classes)] = classes[:, 3]

    def _set_tiers(self, tiers: Sequence[TierTerms], slack_slots: int) -> None:
        st = self.st
        st.tiers_n = len(tiers)
        for index, terms in enumerate(tiers):
            t = st.tiers[index]
            t.kind = terms.kind
            t.rank = index
            st.by_rank[index] = index
            t.codec = terms.codec
            t.raw_refused = terms.raw_refused
            t.on_full = terms.on_full
            t.capacity_bytes = terms.capacity_bytes
            t.accept_bytes = terms.accept_bytes
            t.watch_bytes = NEVER
            t.read_ns, t.write_ns, t.call_ns = terms.read_ns, terms.write_ns, terms.call_ns
            t.ps_per_byte = terms.ps_per_byte
            t.bounds_n = len(terms.bounds)
            t.bounds[: len(terms.bounds)] = terms.bounds
            if terms.segment_bytes:
                self._set_segments(t, terms, slack_slots)
            else:
                self._set_slots(t, terms, slack_slots)

    def _set_slots(self, t: Any, terms: TierTerms, slack_slots: int) -> None:
        st = self.st
        t.cluster_current, t.empty_head, t.partial_head = -1, -1, -1
        slots = int(st.records_n)
        if terms.kind != ZSWAP:
            slots = terms.capacity_bytes // int(st.page_size) + slack_slots
        t.clusters_n = -(-slots // CLUSTER)
        self._tier_tables[int(t.rank), "clusters_at"], t.clusters_at = self._reserve(int(t.clusters_n), CLUSTER_RECORD)
        if terms.keeps_clean:
            t.keeps_clean = 1
            t.keep_bytes = terms.keep_bytes
            ring = self.rings[int(st.ring_top)]
            ring.head_chunk = ring.tail_chunk = ring.key = -1
            st.ring_top += 1
            t.kept_ring = st.ring_top

    def _set_segments(self, t: Any, terms: TierTerms, slack_slots: int) -> None:
        """A log, and the edge from it to itself along which it is cleaned."""
        st = self.st
        t.segment_bytes = terms.segment_bytes
        t.segments_limit = terms.file_bytes // terms.segment_bytes
        slack = -(-max(slack_slots, PENDING_MAX) * int(st.page_size) // terms.segment_bytes)
        t.segments_n = int(t.segments_limit) + slack + 1
        self._tier_tables[int(t.rank), "segments_at"], t.segments_at = self._reserve(int(t.segments_n), SEGMENT)
        t.segment_empty = t.head = t.copy_head = -1
        t.cleans_down = terms.cleans_down
        t.cleaner = MAX_EDGES + int(t.rank)
        cleaner = st.edges[t.cleaner]
        cleaner.source = cleaner.target = t.rank
        cleaner.keeps_compressed = 1
        cleaner.ready_at = NEVER

    def _set_edges(self, edges: Sequence[EdgeTerms]) -> None:
        st = self.st
        st.edges_n = len(edges)
        for index, terms in enumerate(edges):
            e = st.edges[index]
            for name in attrs.fields_dict(EdgeTerms):
                setattr(e, name, getattr(terms, name))
            e.cursor = -1
            e.age_due = terms.age_every
            e.ready_at = e.age_due if terms.when & WHEN_AGE else NEVER
            st.wake_at = min(int(st.wake_at), int(e.ready_at))
        for rank in range(int(st.tiers_n)):
            st.tiers[rank].watch_bytes = self.watched(rank)

    def watched(self, tier: int) -> int:
        """The lowest watermark of the edges out of a tier: from there on a background edge wants to be asked."""
        edges = [self.st.edges[index] for index in range(int(self.st.edges_n))]
        return min((int(e.high_bytes) for e in edges if e.source == tier and e.high_bytes), default=NEVER)

    def physical_slots(self, tier: int) -> int:
        """How many pages the tier's file or array must have room for."""
        t = self.st.tiers[tier]
        if t.segment_bytes:
            return int(t.segments_n * t.segment_bytes) // int(self.st.page_size)
        return int(self.st.tiers[tier].clusters_n) * CLUSTER if self.st.tiers[tier].kind != ZSWAP else 0

    # cgroups

    def add_cgroup(self, parent: int) -> int:
        """A new cgroup below `parent` (-1: the root itself), without limits of its own."""
        index = self.cgroup_count
        if index >= MAX_CGROUPS:
            raise CoreFullError(f"a system has at most {MAX_CGROUPS} cgroups in its life")
        self.cgroup_count += 1
        c = self.cgroups[index]
        c.parent = parent
        c.alive = 1
        c.memory_max = c.zswap_max = c.swap_max = NO_LIMIT
        c.lru_head = c.lru_tail = -1
        c.reclaim_place = -1
        c.writeback = 1
        c.allowed = -1
        c.takes[:] = EVERY_CLASS
        self.cells[index * MAX_TIERS : (index + 1) * MAX_TIERS]["limit_bytes"] = NO_LIMIT
        return index

    def remove_cgroup(self, index: int) -> None:
        """Its entries go to its parent, and so does what was counted of them; its number is not used again."""
        api_accounts.reparent(self.state, index)
        gone, parent = self.cgroups[index], self.cgroups[int(self.cgroups[index].parent)]
        gone.alive = 0
        for name in EVENTS:
            parent[name] += gone[name]
        for tier in range(int(self.st.tiers_n)):
            self.cell(int(gone.parent), tier).loads += self.cell(index, tier).loads

    def set_tree(self, preorder: Sequence[tuple[int, int]]) -> None:
        """The tree in preorder: (cgroup, number of cgroups in its subtree)."""
        for place, (index, size) in enumerate(preorder):
            self.preorder[place] = index
            self.cgroups[index].place = place
            self.cgroups[index].place_end = place + size

    def cell(self, cgroup: int, tier: int) -> Any:
        return self.cells[cgroup * MAX_TIERS + tier]

    # flights

    def take_off(self, flight: object) -> None:
        """This thread is going to carry out a plan or a write."""
        self.flights[flight] = threading.get_ident()
        self.words["flying"] = len(self.flights)

    def land(self, flight: object) -> None:
        """It is over. A second time does nothing but to count those that are left."""
        self.flights.pop(flight, None)
        self.words["flying"] = len(self.flights)

    # accounts

    def check(self) -> None:
        """Recount everything and compare with every account. Raises IntegrityError with the first that disagrees."""
        st = self.st
        n = self.cgroup_count
        own = np.zeros((n, MAX_TIERS, 3), np.int64)
        kept = np.zeros((n, MAX_TIERS), np.int64)
        totals = np.zeros(5, np.int64)
        api_accounts.audit(self.state, own, kept, totals)
        _agree("rows", int(totals.sum()), int(st.row_top))
        _agree("free rows", int(totals[0]), int(st.free_rows))
        _agree("retired rows", int(totals[1]), int(st.retired_rows))
        _agree("zero entries", int(totals[2]), int(st.zero_entries))
        tree = own.copy()
        tree[:, :, 0] += kept
        tree[:, :, 1] += kept * int(st.page_size)  # only whole pages are kept
        for index in range(n - 1, 0, -1):
            tree[self.cgroups[index].parent] += tree[index]
        for tier in range(int(st.tiers_n)):
            _agree(f"entries of tier {tier}", int(own[:, tier, 0].sum()), int(st.tiers[tier].entries))
            _agree(f"bytes of tier {tier}", int(own[:, tier, 1].sum()), int(st.tiers[tier].stored_bytes))
            _agree(f"kept slots of tier {tier}", int(kept[:, tier].sum()), int(st.tiers[tier].kept))
            self._check_log(tier)
            for index in range(n):
                cell = self.cell(index, tier)
                _agree(f"entries of cgroup {index} in tier {tier}", int(own[index, tier, 0]), int(cell.entries))
                _agree(f"bytes of cgroup {index} in tier {tier}", int(own[index, tier, 1]), int(cell.stored_bytes))
                _agree(f"whole pages of cgroup {index} in {tier}", int(own[index, tier, 2]), int(cell.whole_pages))
                _agree(f"subtree bytes of cgroup {index} in {tier}", int(tree[index, tier, 1]), int(cell.tree_bytes))
        self._check_charges(tree)

    def _check_log(self, tier: int) -> None:
        """Segments in use and what is alive in them, where nothing is on its way."""
        t = self.st.tiers[tier]
        if not t.segment_bytes:
            return
        counted = np.zeros(4, np.int64)
        api_accounts.count_segments(self.state, tier, counted)
        _agree(f"segments of tier {tier}", int(counted[0]), int(t.segments_used))
        _agree(f"bytes alive in tier {tier}", int(counted[1]), int(t.stored_bytes))
        _agree(f"unwritten addresses of tier {tier}", int(counted[2]) + int(t.unplaced), 0)
        _agree(f"lost segments of tier {tier}", int(counted[3]), 0)

    def _check_charges(self, tree: npt.NDArray[np.int64]) -> None:
        st = self.st
        zero = self.cgroups["own_zero"][: self.cgroup_count].copy()
        for index in range(self.cgroup_count - 1, 0, -1):
            zero[self.cgroups[index].parent] += zero[index]
        zswap = [tier for tier in range(int(st.tiers_n)) if st.tiers[tier].kind == ZSWAP]
        slots = [tier for tier in range(int(st.tiers_n)) if st.tiers[tier].kind != ZSWAP]
        for index in range(self.cgroup_count):
            _agree(f"zswap.current of {index}", int(tree[index, zswap, 1].sum()), int(self.cgroups[index].zswap_bytes))
            pages = int(tree[index, slots, 0].sum())
            if st.legacy_swap_charge:
                pages += int(tree[index, zswap, 0].sum() + zero[index])
            _agree(f"swap.current of {index}", pages, int(self.cgroups[index].swap_pages))

    def copy(self) -> Core:
        """A second core in the same state, whose decisions change nothing here. Without users' policies."""
        other = Core(**self._terms)
        addresses = {field: int(other.st[field]) for field in other._tables}
        tier_addresses = {key: int(other.st.tiers[key[0]][key[1]]) for key in other._tier_tables}
        other.header[:] = self.header
        other.st.chooser_at = 0
        for field, address in addresses.items():
            other.st[field] = address
        for (rank, field), address in tier_addresses.items():
            other.st.tiers[rank][field] = address
        for field, count in self._in_use().items():
            other._tables[field][:count] = self._tables[field][:count]
        for (rank, field), table in self._tier_tables.items():
            count = int(self.st.tiers[rank]["cluster_top" if field == "clusters_at" else "segment_top"])
            other._tier_tables[rank, field][:count] = table[:count]
        other.cgroup_count = self.cgroup_count
        return other

    def _in_use(self) -> dict[str, int]:
        """How much of each table has been touched."""
        st = self.st
        return {
            "records_at": int(st.row_top),
            "checksums_at": int(st.row_top),
            "cgroups_at": self.cgroup_count,
            "preorder_at": self.cgroup_count,
            "cells_at": self.cgroup_count * MAX_TIERS,
            "rings_at": int(st.ring_top),
            "chunks_at": int(st.chunk_top),
            "quarantine_at": int(st.quarantine_top),
            "scores_at": int(st.row_top),
        }

    def close(self) -> None:
        """Give the memory back. The state must not be used afterwards."""
        for address in (self.state, *(address for address, _ in self._maps)):
            ARRAYS.pop(address, None)
        self._maps.clear()


def _agree(what: str, counted: int, kept: int) -> None:
    if counted != kept:
        raise IntegrityError(f"{what}: {counted} counted, {kept} kept")


__all__ = ["FILE", "Core", "EdgeTerms", "TierTerms"]
