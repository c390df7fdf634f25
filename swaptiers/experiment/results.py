"""What a run found, as frozen values with stable names; `to_json` gives the summary that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.counters import CgroupCounters, EdgeCounters, TierCounters
from swaptiers.experiment.lab import bucket_latency

SCHEMA = 1


@attrs.frozen(kw_only=True)
class Inversion:
    """LRU inversion; None where there was nothing to measure.

    `pairs`: share of pairs (a in a faster tier, b in a slower) with b used more recently: 0 perfect, 0.5 random, 1 upside
    down. `late_faults`: mean over swap-ins from a slower tier of the share of faster-tier entries that were older;
    `late_any`: share of them where at least one was. `bypass`: pages stored below the first allowed tier while it held an
    older entry. `excess_latency_ns`: mean service latency per fault minus that of a placement by recency.
    """

    pairs: float | None
    late_faults: float | None
    late_any: float | None
    bypass: int
    excess_latency_ns: float | None
    by_tiers: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class InversionReport(Inversion):
    """The mean over cgroups, and each cgroup's own."""

    by_cgroup: Mapping[str, Inversion] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class FaultLatency:
    """From the reference to the page: queueing, read, decompression, and the reclaim that it had to wait for."""

    mean: float | None
    p50: int | None
    p99: int | None
    p999: int | None


@attrs.frozen(kw_only=True)
class RamBytes:
    """Resident pages plus zswap's pools, averaged over virtual time."""

    mean: float
    peak: int


@attrs.frozen(kw_only=True)
class RunTime:
    """`virtual_s`: on the modelled clock; `stall_s`: of it, waiting for memory; `wall_s`: on the real one."""

    virtual_s: float
    stall_s: float
    wall_s: float


@attrs.frozen(kw_only=True)
class Integrity:
    """Pages compared byte for byte when they were swapped in; `held_verified`: those still swapped out at the end.

    `lost`: pages that have no entry any more. With payload: sizes there are no bytes, and nothing is verified.
    """

    verified: int
    held_verified: int
    mismatched: int
    lost: int


@attrs.frozen(kw_only=True)
class VariantResult:
    """One variant's numbers. `faults` counts swap-ins; faults + first_touches + hits = refs."""

    refs: int
    hits: int
    faults: int
    first_touches: int
    swap_outs: int
    swap_ins: int
    tiers: Mapping[str, TierCounters]
    zero: Mapping[str, int]
    edges: Mapping[str, EdgeCounters]
    cgroups: Mapping[str, CgroupCounters]
    inversion: InversionReport
    ram_bytes: RamBytes
    fault_latency_ns: FaultLatency
    actions: tuple[Mapping[str, Any], ...]
    time: RunTime
    integrity: Integrity


@attrs.frozen(kw_only=True)
class ExperimentResult:
    """All variants of an experiment. `config`: resolved, per variant; `versions`: of what the numbers depend on."""

    seed: int
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    variants: Mapping[str, VariantResult]

    def to_json(self) -> dict[str, Any]:
        """Plain values under the stable keys."""
        return {
            "schema": SCHEMA,
            "config": dict(self.config),
            "seed": self.seed,
            "versions": dict(self.versions),
            "variants": {name: attrs.asdict(result) for name, result in self.variants.items()},
        }


def fault_latency(buckets: npt.NDArray[np.int64], total_ns: int) -> FaultLatency:
    """From the log-linear histogram: percentiles are right within 1.6 %, the mean is exact."""
    count = int(buckets.sum())
    if count == 0:
        return FaultLatency(mean=None, p50=None, p99=None, p999=None)
    cumulative = np.cumsum(buckets)

    def percentile(share: float) -> int:
        return bucket_latency(int(np.searchsorted(cumulative, share * count)))

    return FaultLatency(mean=total_ns / count, p50=percentile(0.5), p99=percentile(0.99), p999=percentile(0.999))


def mean_inversion(by_cgroup: Mapping[str, Inversion]) -> InversionReport:
    """The mean over the cgroups that have a value; `bypass` is their sum."""
    each = list(by_cgroup.values())

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    pairs = sorted({pair for one in each for pair in one.by_tiers})
    by_tiers = {pair: mean([one.by_tiers.get(pair) for one in each]) for pair in pairs}
    return InversionReport(
        pairs=mean([one.pairs for one in each]),
        late_faults=mean([one.late_faults for one in each]),
        late_any=mean([one.late_any for one in each]),
        bypass=sum(one.bypass for one in each),
        excess_latency_ns=mean([one.excess_latency_ns for one in each]),
        by_tiers={pair: share for pair, share in by_tiers.items() if share is not None},
        by_cgroup=dict(by_cgroup),
    )
