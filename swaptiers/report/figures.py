"""The figures that a variant is judged by: their names, where they come from, how they read, which way is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import attrs

from swaptiers.experiment.results import ControllerReport, VariantResult
from swaptiers.units import format_bytes, format_nanoseconds

Better = Literal["lower", "higher", "neither"]
Value = Callable[[VariantResult], float | None]
NOTHING = "-"


@attrs.frozen
class Figure:
    """One row of a table. `value`: None where there was nothing to measure."""

    label: str
    value: Value
    write: Callable[[float], str]
    better: Better = "neither"

    def of(self, result: VariantResult) -> float | None:
        """The figure of one run."""
        return self.value(result)


def sections(tiers: Sequence[str], cgroups: int, controllers: Sequence[str] = ()) -> Iterable[tuple[str, list[Figure]]]:
    """Every figure, in sections; `tiers` by rank; `cgroups`: how many have workloads; `controllers` as `controller_label`
    has them."""
    yield "references", _references(tiers)
    yield "latency of a fault", _latency()
    if cgroups > 1:
        yield "fairness", _fairness(tiers[0])
    yield "LRU inversion", _inversion()
    yield "its price", _price(tiers)
    if controllers:
        yield "controllers, of their targets", _controllers(controllers)


def _references(tiers: Sequence[str]) -> list[Figure]:
    return [
        Figure("hits", lambda v: v.hits, count, "higher"),
        Figure("first touches", lambda v: v.first_touches, count),
        Figure("faults", lambda v: v.faults, count, "lower"),
        *(Figure(f"from {tier}", _loads(tier), count) for tier in tiers),
        Figure("from zero pages", lambda v: v.zero["loads"], count),
    ]


def _latency() -> list[Figure]:
    return [
        Figure("mean", lambda v: v.fault_latency_ns.mean, duration, "lower"),
        Figure("p50", lambda v: v.fault_latency_ns.p50, duration, "lower"),
        Figure("p99", lambda v: v.fault_latency_ns.p99, duration, "lower"),
        Figure("stalled in all", lambda v: v.time.stall_s, seconds, "lower"),
        Figure("time in all", lambda v: v.time.virtual_s, seconds, "lower"),
    ]


def _fairness(fastest: str) -> list[Figure]:
    """Neither index has a better side: equal parts for unequal wants are no gain."""
    return [
        Figure(f"Jain: {fastest}", lambda v: v.fairness.space, share),
        Figure("Jain: mean fault", lambda v: v.fairness.latency, share),
        Figure("worst p99", lambda v: v.fairness.worst.p99 if v.fairness.worst else None, duration, "lower"),
    ]


def _inversion() -> list[Figure]:
    return [
        Figure("inverted pairs", lambda v: v.inversion.pairs, share, "lower"),
        Figure("over all cgroups", lambda v: v.inversion.all_entries.pairs, share, "lower"),
        Figure("late faults", lambda v: v.inversion.late_faults, share, "lower"),
        Figure("bypassed", lambda v: v.inversion.bypass, count, "lower"),
        Figure("excess latency", lambda v: v.inversion.excess_latency_ns, duration, "lower"),
    ]


def _price(tiers: Sequence[str]) -> list[Figure]:
    return [
        Figure("RAM, mean", lambda v: v.ram_bytes.mean, format_bytes, "lower"),
        *(Figure(f"written to {tier}", _written(tier), format_bytes, "lower") for tier in tiers),
        Figure("entries demoted", lambda v: sum(edge.entries for edge in v.edges.values()), count),
        Figure("reads for demotion", lambda v: sum(tier.demoted_out for tier in v.tiers.values()), count),
        Figure("stores refused", lambda v: sum(sum(t.refused.values()) for t in v.tiers.values()), count),
        Figure("over memory.max", lambda v: sum(c.over_limit for c in v.cgroups.values()), count, "lower"),
    ]


def _controllers(labels: Sequence[str]) -> list[Figure]:
    moved = Figure("moved by all", lambda v: sum(c.moved_bytes for c in v.controllers), format_bytes)
    return [*(Figure(label, _of_target(label), share) for label in labels), moved]


def controller_label(report: ControllerReport) -> str:
    """``psi /web zswap``."""
    return f"{report.kind} {report.cgroup} {report.source}"


def _of_target(label: str) -> Value:
    return lambda v: next((c.of_target for c in v.controllers if controller_label(c) == label), None)


def _loads(tier: str) -> Value:
    return lambda v: v.tiers[tier].loads if tier in v.tiers else None


def _written(tier: str) -> Value:
    return lambda v: v.tiers[tier].written_bytes if tier in v.tiers else None


def count(number: float) -> str:
    """``12,345``."""
    return f"{number:,.0f}"


def seconds(amount: float) -> str:
    """``12.3 s``."""
    return f"{amount:.1f} s"


def share(amount: float) -> str:
    """``0.123``."""
    return f"{amount:.3f}"


def duration(amount: float) -> str:
    """``1.2ms``, with its sign."""
    return f"-{format_nanoseconds(-amount)}" if amount < 0 else format_nanoseconds(amount)
