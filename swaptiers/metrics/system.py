"""The families of a system: per tier, per edge, per cgroup, and zero-filled pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import get_args

from swaptiers.core.constants import ACCEPTED, REASON_NAMES, TRIGGER_NAMES
from swaptiers.counters import CgroupCounters, EdgeCounters, TierCounters, TierState
from swaptiers.metrics.family import NS_PER_S, PREFIX, Family, Kind, Sample, Snapshot
from swaptiers.tiers.failures import Failure

TIER_STATES: tuple[str, ...] = get_args(TierState)
FAILURES: tuple[str, ...] = get_args(Failure)
REASONS = REASON_NAMES[ACCEPTED + 1 :]
CAUSES = ("empty", "young", "waited", *REASONS)


def system_families() -> tuple[Family[Snapshot], ...]:
    """All of them, in the order in which they are shown."""
    return (*_tiers(), *_edges(), *_cgroups(), *_zero_pages())


def _tiers() -> Iterator[Family[Snapshot]]:
    yield _tier("entries", "gauge", "Entries in the tier.", lambda t: t.entries)
    yield _tier("logical_bytes", "gauge", "Page size times entries.", lambda t: t.logical_bytes)
    yield _tier("stored_bytes", "gauge", "Sum of the lengths of the payloads.", lambda t: t.stored_bytes)
    yield _tier(
        "pool_bytes", "gauge", "What the payloads take: zsmalloc's pages, or whole slots.", lambda t: t.pool_bytes
    )
    yield _tier("pool_peak_bytes", "gauge", "The most that pool_bytes ever was.", lambda t: t.peak_pool_bytes)
    yield Family(
        name=f"{PREFIX}tier_capacity_bytes",
        kind="gauge",
        help="What the tier may take: max_pool of zswap, the capacity of others.",
        labels=("tier",),
        read=lambda look: (((tier,), size) for tier, size in look.capacity_bytes.items()),
    )
    yield _tier("kept_slots", "gauge", "Slots of pages that are in memory, unmodified.", lambda t: t.kept)
    yield _tier("stores_total", "counter", "Pages swapped out into the tier.", lambda t: t.stores)
    yield _tier("loads_total", "counter", "Pages swapped in from the tier.", lambda t: t.loads)
    yield _tier("demoted_in_total", "counter", "Entries that came in by demotion.", lambda t: t.demoted_in)
    yield _tier("demoted_out_total", "counter", "Entries that left by demotion.", lambda t: t.demoted_out)
    yield _tier("read_bytes_total", "counter", "Bytes read from the tier.", lambda t: t.read_bytes)
    yield _tier("written_bytes_total", "counter", "Bytes written into the tier.", lambda t: t.written_bytes)
    yield _tier(
        "clean_stores_total", "counter", "Stores that found their slot kept; none wrote.", lambda t: t.clean_stores
    )
    yield _tier("cleanings_total", "counter", "Segments of a log, or parts of one, cleaned.", lambda t: t.cleanings)
    yield _tier("cleaned_entries_total", "counter", "Entries copied by cleaning a log.", lambda t: t.cleaned_entries)
    yield _tier("cleaned_bytes_total", "counter", "Bytes copied by cleaning a log.", lambda t: t.cleaned_bytes)
    yield _tier(
        "pool_limit_hits_total", "counter", "How often zswap's pool was at its limit.", lambda t: t.pool_limit_hit
    )
    yield Family(
        name=f"{PREFIX}tier_refused_stores_total",
        kind="counter",
        help="Stores that the tier turned away, by reason.",
        labels=("tier", "reason"),
        read=lambda look: _each_of(REASONS, ((tier, t.refused) for tier, t in look.counters.tiers.items())),
    )
    yield Family(
        name=f"{PREFIX}tier_failures_total",
        kind="counter",
        help="Calls of the tier that raised, and payloads that failed their checksum (corrupt).",
        labels=("tier", "failure"),
        read=lambda look: _each_of(
            FAILURES, ((tier, look.counters.failures.get(tier, {})) for tier in look.counters.tiers)
        ),
    )
    yield Family(
        name=f"{PREFIX}tier_state",
        kind="gauge",
        help="1 for the state that the tier is in, 0 for the others.",
        labels=("tier", "state"),
        read=lambda look: (
            ((tier, state), state == current) for tier, current in look.counters.states.items() for state in TIER_STATES
        ),
    )


def _edges() -> Iterator[Family[Snapshot]]:
    yield Family(
        name=f"{PREFIX}edge_entries_total",
        kind="counter",
        help="Entries that moved along the edge, by what triggered the move.",
        labels=("edge", "trigger"),
        read=lambda look: _each_of(TRIGGER_NAMES, ((edge, e.by_trigger) for edge, e in look.counters.edges.items())),
    )
    yield _edge("freed_bytes_total", "Stored bytes that left the source along the edge.", lambda e: e.freed_bytes)
    yield _edge("written_bytes_total", "Bytes written into the target along the edge.", lambda e: e.written_bytes)
    yield _edge("wakeups_total", "How often the edge's background worker was woken.", lambda e: e.wakeups)
    yield _edge("asked_total", "How often the edge was asked for a batch.", lambda e: e.asked)
    yield Family(
        name=f"{PREFIX}edge_unmoved_total",
        kind="counter",
        help="Batches that moved nothing: empty, young, waited, or the reason of a refusal.",
        labels=("edge", "cause"),
        read=lambda look: _each_of(CAUSES, ((edge, _unmoved(e)) for edge, e in look.counters.edges.items())),
    )
    yield Family(
        name=f"{PREFIX}edge_refused_batches_total",
        kind="counter",
        help="Batches that a refusal ended, some after a few entries, by reason.",
        labels=("edge", "reason"),
        read=lambda look: _each_of(REASONS, ((edge, e.refused) for edge, e in look.counters.edges.items())),
    )
    yield _edge("scanned_total", "Entries that were looked at.", lambda e: e.scanned)
    yield _edge("rotated_total", "Entries that got a second chance.", lambda e: e.rotated)
    yield _edge("backpressure_total", "How often the edge's target was full.", lambda e: e.backpressure)
    yield _edge("passed_over_total", "Cgroups passed over for their memory.swap.tiers.low.", lambda e: e.passed_over)


def _cgroups() -> Iterator[Family[Snapshot]]:
    below = "with its descendants"
    yield _cgroup("entries", "gauge", "Entries of the cgroup's own.", lambda c: c.entries)
    yield _cgroup("resident_bytes", "gauge", f"Resident pages, {below}.", lambda c: c.resident_bytes)
    yield _cgroup("zswap_bytes", "gauge", f"Stored bytes in zswap, {below}.", lambda c: c.zswap_bytes)
    yield _cgroup("swap_bytes", "gauge", f"Swapped-out pages, {below}, as memory.swap.current.", lambda c: c.swap_bytes)
    yield _cgroup("references_total", "counter", "References; only a run has some.", lambda c: c.refs)
    yield _cgroup("hits_total", "counter", "References to resident pages; only in a run.", lambda c: c.hits)
    yield _cgroup("faults_total", "counter", "References to swapped-out pages; only in a run.", lambda c: c.faults)
    yield _cgroup(
        "first_touches_total", "counter", "References to new pages; only in a run.", lambda c: c.first_touches
    )
    yield _cgroup("over_limit_total", "counter", "Pages let in above memory.max.", lambda c: c.over_limit)
    yield _cgroup(
        "bypassed_total", "counter", "Pages stored below a tier that held an older entry.", lambda c: c.bypass
    )
    yield _cgroup("zswpin_total", "counter", "As zswpin of memory.stat.", lambda c: c.zswpin)
    yield _cgroup("zswpout_total", "counter", "As zswpout of memory.stat.", lambda c: c.zswpout)
    yield _cgroup("zswpwb_total", "counter", "As zswpwb of memory.stat.", lambda c: c.zswpwb)
    yield _cgroup(
        "zswpwb_proactive_bytes_total",
        "counter",
        "Stored bytes that requests wrote back out of zswap.",
        lambda c: c.zswpwb_proactive_bytes,
    )
    yield _cgroup("pswpin_total", "counter", "As pswpin of memory.stat.", lambda c: c.pswpin)
    yield _cgroup("pswpout_total", "counter", "As pswpout of memory.stat.", lambda c: c.pswpout)
    yield _cgroup("swap_max_events_total", "counter", "As max of memory.swap.events.", lambda c: c.swap_max_events)
    yield _cgroup("swap_fail_events_total", "counter", "As fail of memory.swap.events.", lambda c: c.swap_fail_events)
    yield _cgroup(
        "zswap_max_events_total", "counter", "Stores refused by memory.zswap.max.", lambda c: c.zswap_max_events
    )
    yield _cgroup(
        "tiers_low_events_total",
        "counter",
        "Batches given though memory.swap.tiers.low protects the cgroup.",
        lambda c: c.tiers_low_events,
    )
    yield _cgroup(
        "fault_seconds_total", "counter", "Virtual time in faults; only in a run.", lambda c: c.fault_ns / NS_PER_S
    )
    yield _cgroup(
        "stall_seconds_total",
        "counter",
        "Virtual time that references waited for memory; only in a run.",
        lambda c: c.stall_ns / NS_PER_S,
    )


def _zero_pages() -> Iterator[Family[Snapshot]]:
    yield _zero("zero_page_entries", "gauge", "Entries of pages that are nothing but zeros, in no tier.", "entries")
    yield _zero("zero_page_stores_total", "counter", "Zero-filled pages swapped out.", "stores")
    yield _zero("zero_page_loads_total", "counter", "Zero-filled pages swapped in.", "loads")
    yield Family(
        name=f"{PREFIX}entries",
        kind="gauge",
        help="Swapped-out pages, those on their way into a tier too.",
        read=lambda look: (((), look.counters.entries),),
    )


def _tier(name: str, kind: Kind, about: str, value: Callable[[TierCounters], float]) -> Family[Snapshot]:
    return Family(
        name=f"{PREFIX}tier_{name}",
        kind=kind,
        help=about,
        labels=("tier",),
        read=lambda look: (((tier,), value(t)) for tier, t in look.counters.tiers.items()),
    )


def _edge(name: str, about: str, value: Callable[[EdgeCounters], float]) -> Family[Snapshot]:
    return Family(
        name=f"{PREFIX}edge_{name}",
        kind="counter",
        help=about,
        labels=("edge",),
        read=lambda look: (((edge,), value(e)) for edge, e in look.counters.edges.items()),
    )


def _cgroup(name: str, kind: Kind, about: str, value: Callable[[CgroupCounters], float]) -> Family[Snapshot]:
    return Family(
        name=f"{PREFIX}cgroup_{name}",
        kind=kind,
        help=about,
        labels=("cgroup",),
        read=lambda look: (((path,), value(c)) for path, c in look.counters.cgroups.items()),
    )


def _zero(name: str, kind: Kind, about: str, key: str) -> Family[Snapshot]:
    return Family(name=f"{PREFIX}{name}", kind=kind, help=about, read=lambda look: (((), look.counters.zero[key]),))


def _each_of(names: Sequence[str], counts: Iterable[tuple[str, Mapping[str, int]]]) -> Iterator[Sample]:
    """A sample for each name, also where nothing was counted: of a series that begins later the first count is lost."""
    for whose, by_name in counts:
        for name in names:
            yield (whose, name), by_name.get(name, 0)


def _unmoved(e: EdgeCounters) -> dict[str, int]:
    return {"empty": e.empty, "young": e.young, "waited": e.waited, **e.stalled}
