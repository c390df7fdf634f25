"""One config over several workloads and seeds: the figures of each variant, their spread, and what is a difference."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

import swaptiers as st

HERE = Path(__file__).parent
Measure = Callable[[st.VariantResult], float | None]


def _mib(tier: str) -> Measure:
    return lambda run: run.tiers[tier].written_bytes / 2**20


def _rejected(run: st.VariantResult) -> float:
    """Of all stores that zswap was asked for, the share that it turned away."""
    zswap = run.tiers["zswap"]
    refused = sum(zswap.refused.values())
    return 100 * refused / max(1, refused + zswap.stores)


def _fault_of(cgroup: str) -> Measure:
    return lambda run: (run.fairness.by_cgroup[cgroup].fault_latency_ns.mean or 0) / 1e3


def _p99_of(cgroup: str) -> Measure:
    return lambda run: (run.fairness.by_cgroup[cgroup].fault_latency_ns.p99 or 0) / 1e3


FIGURES: dict[str, tuple[str, Measure]] = {
    "mean": ("mean fault, us", lambda run: (run.fault_latency_ns.mean or 0) / 1e3),
    "p99": ("p99, us", lambda run: (run.fault_latency_ns.p99 or 0) / 1e3),
    "pairs": ("inverted pairs", lambda run: run.inversion.pairs),
    "in ssd": ("zswap>ssd", lambda run: run.inversion.by_tiers.get("zswap>ssd")),
    "below ssd": ("ssd>disk", lambda run: run.inversion.by_tiers.get("ssd>disk")),
    "late": ("late faults", lambda run: run.inversion.late_faults),
    "excess": ("excess, us", lambda run: (run.inversion.excess_latency_ns or 0) / 1e3),
    "bypass": ("bypassed", lambda run: run.inversion.bypass),
    "rejected": ("rejected, %", _rejected),
    "limit hits": ("pool_limit_hit", lambda run: run.tiers["zswap"].pool_limit_hit),
    "written back": ("zswpwb", lambda run: sum(each.zswpwb for each in run.cgroups.values())),
    "swapped out": ("pswpout", lambda run: sum(each.pswpout for each in run.cgroups.values())),
    "wakeups": ("wakeups", lambda run: sum(edge.wakeups for edge in run.edges.values())),
    "steps": ("worker's steps", lambda run: sum(edge.asked for edge in run.edges.values())),
    "ssd": ("to ssd, MiB", _mib("ssd")),
    "disk": ("to disk, MiB", _mib("disk")),
    "from disk": ("from disk", lambda run: run.tiers["disk"].loads),
    "ram": ("RAM, MiB", lambda run: run.ram_bytes.mean / 2**20),
    "stalled": ("all waiting, s", lambda run: run.time.stall_s),
    "mean a": ("/a: mean fault, us", _fault_of("/a")),
    "mean b": ("/b: mean fault, us", _fault_of("/b")),
    "p99 a": ("/a: p99, us", _p99_of("/a")),
    "p99 b": ("/b: p99, us", _p99_of("/b")),
    "jain": ("Jain: space", lambda run: run.fairness.space),
}
"""Name -> heading, and how it is read off a run."""


@attrs.frozen(kw_only=True)
class Question:
    """One question of the dispute: a config beside this file, what is changed in it row by row, and what is shown.

    `rows`: label -> settings, as `swaptiers run --set` takes them. The first of `figures` is the one that is compared.
    `drawn`: those in the picture; `is_relative`: there the first figure is a multiple of the row's first variant.
    """

    title: str
    config: str
    rows: Mapping[str, Sequence[str]]
    figures: Sequence[str]
    drawn: Sequence[str]
    is_relative: bool = True


@attrs.frozen
class Figure:
    """One figure over all seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        """How far the furthest seed is from the mean."""
        return max(abs(value - self.mean) for value in self.values)

    def against(self, other: Figure) -> str:
        """The change from `other`, in percent of it; `none` unless every seed is on the same side of every other's."""
        if max(self.values) >= min(other.values) and min(self.values) <= max(other.values):
            return "none"
        if not other.mean:
            return "new"
        return f"{100 * (self.mean / other.mean - 1):+.0f} %"

    def __str__(self) -> str:
        digits = 3 if self.mean and abs(self.mean) < 10 else 0
        return f"{self.mean:,.{digits}f} ±{self.spread:,.{digits}f}"


Row = dict[str, dict[str, Figure | None]]
"""Variant -> name of a figure -> the figure; None where no run has it."""


def ask(question: Question, seeds: int = 5, sets: Sequence[str] = (), rows: Sequence[str] = ()) -> dict[str, Row]:
    """Every row of the question (or those named), with every variant and seed."""
    answers = {}
    for label in rows or question.rows:
        settings = [*question.rows[label], *sets, "run.payload=sizes", f"run.repeat={seeds}"]
        result = st.run(HERE / question.config, sets=settings)
        answers[label] = {
            name: {figure: _figure(runs, FIGURES[figure][1]) for figure in question.figures}
            for name, runs in result.runs.items()
        }
    return answers


def _figure(runs: Sequence[st.VariantResult], measure: Measure) -> Figure | None:
    values = [value for value in map(measure, runs) if value is not None]
    return Figure(tuple(values)) if len(values) == len(runs) else None
