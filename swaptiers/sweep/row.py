"""What a run's row says: columns with their types, and how each comes out of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swaptiers.experiment.results import VariantResult
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.sweep.plan import Plan, SweepTask

Row = dict[str, Any]
"""Column -> value, None where there was nothing to measure."""
FIGURES = {
    "refs": "int64",
    "hits": "int64",
    "faults": "int64",
    "first_touches": "int64",
    "fault_mean_ns": "float64",
    "fault_p50_ns": "int64",
    "fault_p99_ns": "int64",
    "fault_p999_ns": "int64",
    "stall_s": "float64",
    "virtual_s": "float64",
    "ram_mean_bytes": "float64",
    "ram_peak_bytes": "int64",
    "device_written_bytes": "int64",
    "inverted_pairs": "float64",
    "inverted_pairs_global": "float64",
    "late_faults": "float64",
    "late_any": "float64",
    "bypass": "int64",
    "excess_latency_ns": "float64",
    "demoted_entries": "int64",
    "pages_verified": "int64",
    "faults.zero": "int64",
}
"""What every run has; per tier come `faults.TIER`, `demoted_in.TIER`, `read_bytes.TIER` and `written_bytes.TIER`."""
PER_TIER = ("faults", "demoted_in", "read_bytes", "written_bytes")
WALL = "wall_s"
"""The one figure that is another each time."""
IN_MEMORY = ("zswap", "memory")
"""Kinds of tiers that are no devices: what is written there wears nothing out, and counts as no bytes written."""


def columns_of(keys: Sequence[str], tiers: Sequence[str]) -> dict[str, str]:
    """Name -> Arrow type of every column of a sweep's files, except `variant`, which is in their folder's name."""
    per_tier = [f"{figure}.{tier}" for figure in PER_TIER for tier in tiers]
    return {
        "run": "string",
        **dict.fromkeys(keys, "string"),
        "repetition": "int32",
        "seed": "int64",
        **FIGURES,
        **dict.fromkeys(per_tier, "int64"),
        WALL: "float64",
    }


def row_of(task: SweepTask, plan: Plan, figures: Row) -> Row:
    """The whole row of a task's figures; a tier that only other runs have is None."""
    own = {"run": task.name, **task.point, "variant": task.variant, "repetition": task.repetition, "seed": task.seed}
    row = {**figures, **own}
    return {"variant": task.variant, **{name: row.get(name) for name in columns_of(list(plan.grid.values), plan.tiers)}}


def figures_of(result: VariantResult, spec: ExperimentSpec) -> Row:
    """Plain numbers of a run of `spec`."""
    devices = {tier.name for tier in spec.tiers if getattr(tier, "kind", None) not in IN_MEMORY}
    latency, ram, inversion = result.fault_latency_ns, result.ram_bytes, result.inversion
    return {
        "refs": result.refs,
        "hits": result.hits,
        "faults": result.faults,
        "first_touches": result.first_touches,
        "fault_mean_ns": latency.mean,
        "fault_p50_ns": latency.p50,
        "fault_p99_ns": latency.p99,
        "fault_p999_ns": latency.p999,
        "stall_s": result.time.stall_s,
        "virtual_s": result.time.virtual_s,
        "ram_mean_bytes": ram.mean,
        "ram_peak_bytes": ram.peak,
        "device_written_bytes": sum(t.written_bytes for name, t in result.tiers.items() if name in devices),
        "inverted_pairs": inversion.pairs,
        "inverted_pairs_global": inversion.all_entries.pairs,
        "late_faults": inversion.late_faults,
        "late_any": inversion.late_any,
        "bypass": inversion.bypass,
        "excess_latency_ns": inversion.excess_latency_ns,
        "demoted_entries": sum(edge.entries for edge in result.edges.values()),
        "pages_verified": result.integrity.verified,
        "faults.zero": result.zero["loads"],
        **{f"faults.{name}": tier.loads for name, tier in result.tiers.items()},
        **{f"demoted_in.{name}": tier.demoted_in for name, tier in result.tiers.items()},
        **{f"read_bytes.{name}": tier.read_bytes for name, tier in result.tiers.items()},
        **{f"written_bytes.{name}": tier.written_bytes for name, tier in result.tiers.items()},
        WALL: result.time.wall_s,
    }
