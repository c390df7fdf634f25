"""What a run came to: every account is recounted, and every page that is still out is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from swaptiers.core.constants import STORED
from swaptiers.core.resident import SWAPPED
from swaptiers.counters import read_counters
from swaptiers.errors import IntegrityError
from swaptiers.experiment.evicting import settled_ram
from swaptiers.experiment.latency import Histogram, fault_latency
from swaptiers.experiment.observe import Recency
from swaptiers.experiment.pages import count_lost
from swaptiers.experiment.results import Integrity, RamBytes, RunTime, VariantResult

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory


def outcome_of(laboratory: Laboratory, wall_s: float) -> VariantResult:
    """The numbers of a run that is over. Raises IntegrityError if an account or a page is wrong."""
    lab = laboratory.lab
    settled_ram(laboratory.core.state, laboratory.laba)
    if laboratory.recency is not None:
        laboratory.recency.sample_if_none()
    integrity = check_integrity(laboratory)
    counters = read_counters(laboratory.core, laboratory.graph, laboratory.tree)
    stores = counters.zero["stores"] + sum(tier.stores for tier in counters.tiers.values())
    loads = counters.zero["loads"] + sum(tier.loads for tier in counters.tiers.values())
    totals = {
        name: sum(getattr(c, name) for c in counters.cgroups.values()) for name in ("hits", "faults", "first_touches")
    }
    if loads != totals["faults"] or totals["hits"] + totals["faults"] + totals["first_touches"] != lab.refs:
        raise IntegrityError(f"{loads} loads, {totals}, {int(lab.refs)} references: these do not add up")
    if stores - loads != counters.entries:
        raise IntegrityError(f"{stores} pages went out, {loads} came back, and {counters.entries} are held")
    return VariantResult(
        seed=laboratory.spec.seed,
        refs=int(lab.refs),
        swap_outs=stores,
        swap_ins=loads,
        tiers=counters.tiers,
        zero=counters.zero,
        edges=counters.edges,
        cgroups=counters.cgroups,
        inversion=Recency.report(laboratory.recency, counters),
        ram_bytes=RamBytes(mean=float(lab.ram_byte_ns) / max(int(lab.now), 1), peak=int(lab.ram_peak)),
        fault_latency_ns=fault_latency(laboratory.latencies.sum(axis=0), int(lab.fault_ns)),
        fairness=laboratory.occupancy.report(
            laboratory.latencies, [workload.cgroup for workload in laboratory.spec.workloads]
        ),
        actions=tuple(laboratory.actions.done),
        controllers=laboratory.steering.report(),
        time=RunTime(virtual_s=int(lab.now) / 1e9, stall_s=int(lab.stall_ns) / 1e9, wall_s=wall_s),
        integrity=integrity,
        series=laboratory.recorder.finish(),
        latencies=_latencies(laboratory),
        **totals,
    )


def _latencies(laboratory: Laboratory) -> dict[str, Histogram]:
    """How long the faults of each cgroup took."""
    owners = [workload.cgroup for workload in laboratory.spec.workloads]
    return {
        path: Histogram.of(laboratory.latencies[[owner == path for owner in owners]].sum(axis=0))
        for path in sorted(set(owners))
    }


def check_integrity(laboratory: Laboratory) -> Integrity:
    """Every account recounted, every page that is still out read back."""
    laboratory.core.check()
    lost = count_lost(laboratory.core.state, laboratory.laba)
    if laboratory.executor is None:
        return Integrity(verified=0, held_verified=0, mismatched=0, lost=lost)
    swapped = np.flatnonzero(laboratory.pages["state"] == SWAPPED)
    held = laboratory.core.records[laboratory.pages["hotter"][swapped]]
    stored = held["backing"] == STORED
    contents = laboratory.contents_of(swapped[stored])
    good = laboratory.executor.verify_held(held[stored], contents)
    return Integrity(
        verified=laboratory.executor.verified,
        held_verified=good,
        mismatched=laboratory.executor.mismatched,
        lost=lost,
    )
