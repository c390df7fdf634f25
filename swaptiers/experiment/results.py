"""What a run found, as frozen values with stable names; `to_json` gives the summary that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from swaptiers.counters import CgroupCounters, EdgeCounters, TierCounters
from swaptiers.experiment.fairness import Fairness
from swaptiers.experiment.latency import FaultLatency, Histogram
from swaptiers.experiment.series import Series
from swaptiers.inversion import InversionReport

SCHEMA = 1
ELSEWHERE = ("series", "latencies")
"""What has a file of its own."""


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
class ControllerReport:
    """What one controller did. `measured`, `target`, `setting`: at its last step; what they are depends on its kind.

    `of_target`: the mean of measured / target over the last half of its steps. `asked_bytes`: what it wanted moved in all;
    `moved_entries`, `moved_bytes`: what was. `series`: its steps over time.
    """

    kind: str
    cgroup: str
    source: str
    steps: int
    asked_bytes: int
    moved_bytes: int
    moved_entries: int
    measured: float | None
    target: float | None
    setting: float | None
    of_target: float | None
    series: Series


@attrs.frozen(kw_only=True)
class VariantResult:
    """One variant's numbers. `faults` counts swap-ins; faults + first_touches + hits = refs.

    `series`: samples over time; `latencies`: per cgroup with workloads, how many faults took how long.
    """

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
    fairness: Fairness
    seed: int
    actions: tuple[Mapping[str, Any], ...]
    controllers: tuple[ControllerReport, ...]
    time: RunTime
    integrity: Integrity
    series: Series
    latencies: Mapping[str, Histogram] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ExperimentResult:
    """All variants of an experiment.

    `config`: resolved, per variant; `versions`: of what the numbers depend on. `variants`: the run of each with the
    config's own seed; `runs`: all runs of each, of which that is the first. `fewest_faults`: per cgroup, what no policy
    could go below (Belady), if that was asked for.
    """

    seed: int
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    runs: Mapping[str, tuple[VariantResult, ...]]
    fewest_faults: Mapping[str, int] | None = None

    @property
    def variants(self) -> dict[str, VariantResult]:
        """The run of each variant with the config's own seed."""
        return {name: runs[0] for name, runs in self.runs.items()}

    def to_json(self) -> dict[str, Any]:
        """Plain values under the stable keys."""
        return {
            "schema": SCHEMA,
            "config": dict(self.config),
            "seed": self.seed,
            "versions": dict(self.versions),
            **({} if self.fewest_faults is None else {"fewest_faults": dict(self.fewest_faults)}),
            "variants": {name: _variant(runs) for name, runs in self.runs.items()},
        }


def _variant(runs: tuple[VariantResult, ...]) -> dict[str, Any]:
    plain = _plain(runs[0])
    if len(runs) > 1:
        plain["repeats"] = [_plain(run) for run in runs[1:]]
    return plain


def _plain(result: VariantResult) -> dict[str, Any]:
    plain = attrs.asdict(result, filter=lambda field, _: field.name not in ELSEWHERE)
    plain["inversion"]["global"] = plain["inversion"].pop("all_entries")  # no name for a Python field
    return plain
