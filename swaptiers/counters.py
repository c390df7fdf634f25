"""What was counted, as frozen values: per tier, edge and cgroup, with the kernel's names where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np

from swaptiers.cgroups import CgroupTree
from swaptiers.core.constants import ACCEPTED, DRAINING, MAX_TIERS, QUARANTINED, REASON_NAMES, STORED, TRIGGER_NAMES
from swaptiers.core.core import EVENTS, Core
from swaptiers.graph import TierGraph

TierState = Literal["open", "evacuating", "quarantined", "disabled", "removed"]
STATES: Mapping[int, TierState] = {0: "open", DRAINING: "evacuating", QUARANTINED: "quarantined"}
"""By what bars a tier."""


@attrs.frozen(kw_only=True)
class TierCounters:
    """One tier. `stores`, `loads`: pages swapped out to it and in from it; `demoted_in`, `demoted_out`: by moves.

    `stored_bytes`: the sum of the payloads' lengths; `pool_bytes`: what they take (zsmalloc's pages, or whole slots);
    `refused`: reason -> stores that it turned away. `kept`: slots of pages that are in memory, unmodified;
    `clean_stores`: the stores that needed no writing because of that. `cleanings`: segments of a log that were cleaned (or
    parts of large ones), `cleaned_entries` and `cleaned_bytes`: what was copied then; both are in `written_bytes`.
    """

    stores: int
    loads: int
    demoted_in: int
    demoted_out: int
    entries: int
    logical_bytes: int
    stored_bytes: int
    pool_bytes: int
    peak_pool_bytes: int
    read_bytes: int
    written_bytes: int
    kept: int
    clean_stores: int
    cleanings: int
    cleaned_entries: int
    cleaned_bytes: int
    pool_limit_hit: int
    refused: Mapping[str, int]


@attrs.frozen(kw_only=True)
class EdgeCounters:
    """One edge. `freed_bytes`: stored bytes that left the source; `backpressure`: how often its target was full.

    `wakeups`: how often its background worker was woken. `asked`: how often it was asked for a batch; of those it had
    nothing to take (`empty`), nothing that was old enough (`young`), or only entries that had a second chance coming
    (`waited`), or could not move what it had (`stalled`: reason -> how often). `passed_over`: how often a cgroup was,
    whose turn it was, for its memory.swap.tiers.low. `refused`: reason -> batches that it ended, some of them after a
    few entries.
    """

    entries: int
    freed_bytes: int
    written_bytes: int
    wakeups: int
    asked: int
    empty: int
    young: int
    waited: int
    scanned: int
    rotated: int
    backpressure: int
    passed_over: int
    by_trigger: Mapping[str, int]
    refused: Mapping[str, int]
    stalled: Mapping[str, int]


@attrs.frozen(kw_only=True)
class CgroupCounters:
    """One cgroup, events of its own pages; `*_bytes` with its descendants, as memory.current and its kin are.

    `zswpwb_proactive_bytes`: stored bytes of what requests wrote back out of zswap (memory.stat's zswpwb_proactive_b).
    `tiers_low_events`: batches that it gave though memory.swap.tiers.low protects it (as `low` in memory.events).
    """

    refs: int
    hits: int
    faults: int
    first_touches: int
    over_limit: int
    bypass: int
    zswpin: int
    zswpout: int
    zswpwb: int
    zswpwb_proactive_bytes: int
    pswpin: int
    pswpout: int
    swap_max_events: int
    swap_fail_events: int
    zswap_max_events: int
    tiers_low_events: int
    entries: int
    resident_bytes: int
    zswap_bytes: int
    swap_bytes: int
    fault_ns: int
    stall_ns: int


@attrs.frozen(kw_only=True)
class TierUsage:
    """What a subtree of cgroups has in one tier. `whole_pages`: entries stored in full: raw ones, in a zswap tier."""

    entries: int
    logical_bytes: int
    stored_bytes: int
    whole_pages: int


@attrs.frozen(kw_only=True)
class SubtreeCounters:
    """A cgroup with all its descendants, those that were removed included: events, what it holds now, and per tier."""

    events: Mapping[str, int]
    resident_bytes: int
    zswap_bytes: int
    swap_bytes: int
    memory_bytes: int
    tiers: Mapping[str, TierUsage]


@attrs.frozen(kw_only=True)
class SystemCounters:
    """The whole system. `zero`: pages that are nothing but zeros, which take no space in any tier.

    `failures`: tier -> what -> how often: a `store`, `load` or `free` of the tier that raised, a `corrupt` payload.
    `states`: tier -> `open`, `evacuating` or `quarantined` (nothing new comes in, until it is readmitted), `disabled`
    (zswap, whose parameter `enabled` says so), or `removed`.
    """

    tiers: Mapping[str, TierCounters]
    edges: Mapping[str, EdgeCounters]
    cgroups: Mapping[str, CgroupCounters]
    zero: Mapping[str, int]
    entries: int
    failures: Mapping[str, Mapping[str, int]] = attrs.field(factory=dict)
    states: Mapping[str, TierState] = attrs.field(factory=dict)


def read_counters(core: Core, graph: TierGraph, tree: CgroupTree) -> SystemCounters:
    """A consistent copy of all counters; the caller holds the lock."""
    st = core.st
    tiers = {spec.name: _tier(st.tiers[rank], int(st.page_size)) for rank, spec in enumerate(graph.tiers)}
    edges = {spec.name: _edge(st.edges[index]) for index, spec in enumerate(graph.edges)}
    cgroups = {path: _cgroup(core.cgroups[index], int(st.page_size)) for path, index in sorted(tree.paths.items())}
    zero = {"stores": int(st.zero_stores), "loads": int(st.zero_loads), "entries": int(st.zero_entries)}
    kept = sum(int(st.tiers[rank].kept) for rank in range(int(st.tiers_n)))
    entries = int(st.row_top - st.free_rows - st.retired_rows) - kept  # a tier counts what is on its way into it too
    states = {spec.name: _state(graph, rank, st.tiers[rank]) for rank, spec in enumerate(graph.tiers)}
    return SystemCounters(tiers=tiers, edges=edges, cgroups=cgroups, zero=zero, entries=entries, states=states)


def read_capacities(core: Core, graph: TierGraph) -> dict[str, int]:
    """Tier -> the bytes that it may take now; the caller holds the lock."""
    return {spec.name: int(core.st.tiers[rank].capacity_bytes) for rank, spec in enumerate(graph.tiers)}


def _state(graph: TierGraph, rank: int, t: Any) -> TierState:
    if graph.tiers[rank].name not in graph.nx:
        return "removed"
    return "disabled" if t.disabled and not t.barred else STATES[int(t.barred)]


def read_subtree(core: Core, graph: TierGraph, tree: CgroupTree, path: str) -> SubtreeCounters:
    """A consistent copy of the sums over a cgroup and its descendants; the caller holds the lock."""
    index, page_size = tree.paths[path], int(core.st.page_size)
    top = core.cgroups[index]
    members = core.preorder[int(top.place) : int(top.place_end)]
    own = core.cgroups[members]
    zswap_bytes, resident_bytes = int(top.zswap_bytes), int(top.resident_pages) * page_size
    return SubtreeCounters(
        events={name: int(own[name].sum()) for name in EVENTS},
        resident_bytes=resident_bytes,
        zswap_bytes=zswap_bytes,
        swap_bytes=int(top.swap_pages) * page_size,
        memory_bytes=resident_bytes + (zswap_bytes if core.st.charge_zswap else 0),
        tiers={
            tier: _usage(core.cells[members * MAX_TIERS + graph.rank(tier)], page_size)
            for tier in sorted(graph.nx, key=graph.rank)
        },
    )


def held_by(core: Core, index: int) -> tuple[Any, int]:
    """Copies of the records of a subtree's stored entries, and its bypasses."""
    top = core.cgroups[index]
    members = core.preorder[int(top.place) : int(top.place_end)]
    records = core.records[: int(core.st.row_top)]
    held = records[(records["backing"] == STORED) & np.isin(records["cgroup"], members)]
    return held, int(core.cgroups[members]["bypass"].sum())


def _usage(cells: Any, page_size: int) -> TierUsage:
    entries = int(cells["entries"].sum())
    return TierUsage(
        entries=entries,
        logical_bytes=entries * page_size,
        stored_bytes=int(cells["stored_bytes"].sum()),
        whole_pages=int(cells["whole_pages"].sum()),
    )


def reasons(counts: Any) -> dict[str, int]:
    """Refusal reason -> count, those that happened."""
    return {REASON_NAMES[code]: int(counts[code]) for code in range(ACCEPTED + 1, len(REASON_NAMES)) if counts[code]}


def _tier(t: Any, page_size: int) -> TierCounters:
    names = (field for field in attrs.fields_dict(TierCounters) if field not in ("refused", "logical_bytes"))
    return TierCounters(
        refused=reasons(t.refused),
        logical_bytes=int(t.entries) * page_size,
        **{name: int(t[name]) for name in names},
    )


def _edge(e: Any) -> EdgeCounters:
    names = (field for field in attrs.fields_dict(EdgeCounters) if field not in ("by_trigger", "refused", "stalled"))
    by_trigger = {name: int(e.by_trigger[code]) for code, name in enumerate(TRIGGER_NAMES) if e.by_trigger[code]}
    return EdgeCounters(
        by_trigger=by_trigger,
        refused=reasons(e.refused),
        stalled=reasons(e.stalled),
        **{name: int(e[name]) for name in names},
    )


def _cgroup(c: Any, page_size: int) -> CgroupCounters:
    derived = {
        "entries": int(c.own_entries),
        "resident_bytes": int(c.resident_pages) * page_size,
        "swap_bytes": int(c.swap_pages) * page_size,
    }
    names = (field for field in attrs.fields_dict(CgroupCounters) if field not in derived)
    return CgroupCounters(**derived, **{name: int(c[name]) for name in names})
