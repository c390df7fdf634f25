"""From the specs that people write to the codes and bytes that the kernels need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swaptiers.core.constants import (
    AGE,
    BORROW,
    BYTES_WRITTEN,
    CUSTOM,
    DEMOTE,
    FIFO,
    FILE,
    LARGEST,
    LRU,
    MAX_CODECS,
    MEMORY,
    NO_QUOTA,
    ORACLE,
    PROPORTIONAL,
    RANDOM,
    REFUSE,
    ROUND_ROBIN,
    SECOND_CHANCE,
    SPILL,
    TIME_TAKEN,
    WHEN_AGE,
    WHEN_LIMIT,
    WHEN_PRESSURE,
    WHEN_REQUEST,
    WHEN_WATERMARK,
    ZSWAP,
)
from swaptiers.core.core import EdgeTerms, TierTerms
from swaptiers.demotion.quota import Quota
from swaptiers.demotion.terms import EdgeSpec, Triggers
from swaptiers.errors import GraphError
from swaptiers.graph import TierGraph
from swaptiers.system_spec import SystemSpec
from swaptiers.tiers.base import TierSpec
from swaptiers.tiers.specs import FileSpec, MemorySpec, SlottedSpec, ZswapSpec

POLICY_CODES = {
    "lru": LRU,
    "fifo": FIFO,
    "second-chance": SECOND_CHANCE,
    "age": AGE,
    "largest": LARGEST,
    "random": RANDOM,
    "oracle": ORACLE,
}
"""Any other is a user's own."""
SHARE_CODES = {"round-robin": ROUND_ROBIN, "proportional": PROPORTIONAL, "borrow": BORROW}
ON_FULL_CODES = {"demote": DEMOTE, "spill": SPILL, "refuse": REFUSE}
KIND_CODES: dict[type[TierSpec], int] = {ZswapSpec: ZSWAP, MemorySpec: MEMORY}
"""Any other is a device, as files are."""
PS_PER_S = 10**12
PS_PER_NS = 1000


def codec_columns(tiers: Sequence[TierSpec]) -> list[int]:
    """Per tier the column of a pending page's lengths: one per distinct compressor and level, -1 for whole pages.

    Raises GraphError for more than MAX_CODECS distinct ones.
    """
    known: dict[tuple[str, int | None], int] = {}
    columns = []
    for tier in tiers:
        if isinstance(tier, ZswapSpec | FileSpec) and tier.is_compressed:
            assert tier.compressor is not None
            columns.append(known.setdefault((tier.compressor, tier.level), len(known)))
        else:
            columns.append(-1)
    if len(known) > MAX_CODECS:
        raise GraphError(
            f"the tiers have {len(known)} different compressors or levels; at most {MAX_CODECS} are possible"
        )
    return columns


def capacity_bytes(tier: TierSpec, spec: SystemSpec) -> int:
    """What the tier may take: pool bytes of a zswap tier, live payloads of a log, whole pages elsewhere."""
    if isinstance(tier, ZswapSpec):
        return int(tier.max_pool.of(spec.ram))
    assert isinstance(tier, SlottedSpec)
    if isinstance(tier, FileSpec) and tier.max_live is not None:
        return int(tier.capacity * tier.max_live)
    return int(tier.capacity) // int(spec.page_size) * int(spec.page_size)


def tier_terms(graph: TierGraph, spec: SystemSpec, columns: Sequence[int]) -> list[TierTerms]:
    """The tiers by rank."""
    terms = []
    for rank, tier in enumerate(graph.tiers):
        capacity = capacity_bytes(tier, spec)
        zswap = tier if isinstance(tier, ZswapSpec) else None
        terms.append(
            TierTerms(
                kind=KIND_CODES.get(type(tier), FILE),
                codec=columns[rank],
                raw_refused=zswap is not None and zswap.raw == "refuse",
                on_full=ON_FULL_CODES[graph.on_full(tier.name, spec.on_full)],
                capacity_bytes=capacity,
                accept_bytes=int(capacity * zswap.accept_threshold) if zswap else 0,
                read_ns=tier.latency.read,
                write_ns=tier.latency.write,
                call_ns=tier.latency.call,
                ps_per_byte=0 if tier.bandwidth is None else max(1, PS_PER_S // tier.bandwidth),
                bounds=tuple(graph.branches.bounds(tier.name)),
                **(_file(tier, capacity) if isinstance(tier, FileSpec) else {}),
            )
        )
    return terms


def _file(tier: FileSpec, capacity: int) -> dict[str, Any]:
    return {
        "keeps_clean": tier.keep_clean,
        "keep_bytes": int(capacity * tier.keep_below),
        "segment_bytes": int(tier.segment or 0),
        "file_bytes": int(tier.capacity),
        "cleans_down": tier.cleaning == "demote",
    }


def edge_terms(graph: TierGraph, spec: SystemSpec) -> list[EdgeTerms]:
    """The edges in their order."""
    return [_edge(graph, spec, edge) for edge in graph.edges]


def _edge(graph: TierGraph, spec: SystemSpec, edge: EdgeSpec) -> EdgeTerms:
    rank = graph.rank(edge.source)
    capacity = capacity_bytes(graph.tiers[rank], spec)
    mark = edge.when.watermark
    return EdgeTerms(
        source=rank,
        target=graph.rank(edge.target),
        policy=POLICY_CODES.get(edge.policy, CUSTOM),
        when=_when(edge.when),
        batch=edge.batch,
        older_than=edge.older_than or 0,
        keeps_compressed=edge.keep_compressed,
        high_bytes=max(1, int(capacity * mark.high)) if mark else 0,
        low_bytes=int(capacity * mark.low) if mark else 0,
        age_older_than=edge.when.age.older_than if edge.when.age else 0,
        age_every=edge.when.age.every if edge.when.age else 0,
        share=SHARE_CODES[edge.share],
        **_quota(edge.quota),
    )


def _quota(quota: Quota | None) -> dict[str, int]:
    """What a unit takes of the quota's time, rounded up: never more than was said."""
    if quota is None:
        return {"quota_of": NO_QUOTA}
    ps_per_unit = -(-quota.every * PS_PER_NS // quota.amount)
    return {
        "quota_of": BYTES_WRITTEN if quota.time is None else TIME_TAKEN,
        "quota_ps": ps_per_unit,
        "quota_burst": quota.burst_amount * ps_per_unit // PS_PER_NS,
    }


def _when(when: Triggers) -> int:
    bits = WHEN_PRESSURE if when.pressure else 0
    bits |= WHEN_LIMIT if when.limit else 0
    bits |= WHEN_WATERMARK if when.watermark else 0
    bits |= WHEN_AGE if when.age else 0
    bits |= WHEN_REQUEST if when.request else 0
    return bits
