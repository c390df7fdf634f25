"""A sweep's figures as its page compares them: over the seeds of each point, and which points no other one beats."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

import attrs

from swaptiers.report.figures import NOTHING, count, share
from swaptiers.report.page.charts import Kind
from swaptiers.report.spread import Spread
from swaptiers.sweep.row import Row
from swaptiers.sweep.stored import StoredSweep
from swaptiers.units import format_bytes, format_nanoseconds

WRITERS = {"bytes": format_bytes, "duration": format_nanoseconds, "count": count, "share": share}


@attrs.frozen(kw_only=True)
class SweepFigure:
    """`column` of the data set; `zero`: what it is where there was nothing to measure (None: nothing)."""

    name: str
    title: str
    column: str
    kind: Kind
    zero: float | None = None

    def values(self, rows: Sequence[Row]) -> list[float]:
        """Of each row that has one."""
        found = [self.zero if row[self.column] is None else float(row[self.column]) for row in rows]
        return [value for value in found if value is not None]

    def write(self, value: float) -> str:
        """In its unit."""
        return WRITERS[self.kind](value)

    def spread(self, rows: Sequence[Row]) -> Spread | None:
        """Over seeds; None if nothing was measured."""
        values = self.values(rows)
        return Spread.of(values) if values else None

    def written(self, rows: Sequence[Row]) -> str:
        """``mean ±deviation``."""
        spread = self.spread(rows)
        if spread is None:
            return NOTHING
        deviation = "" if spread.deviation is None else f" ±{self.write(spread.deviation)}"
        return self.write(spread.mean) + deviation


LATENCY = SweepFigure(name="mean", title="mean latency of a fault", column="fault_mean_ns", kind="duration", zero=0.0)
P99 = SweepFigure(name="p99", title="p99 of a fault", column="fault_p99_ns", kind="duration")
RAM = SweepFigure(name="ram", title="RAM, mean", column="ram_mean_bytes", kind="bytes")
WRITTEN = SweepFigure(name="written", title="written to devices", column="device_written_bytes", kind="bytes")
FAULTS = SweepFigure(name="faults", title="faults", column="faults", kind="count")
PAIRS = SweepFigure(name="pairs", title="inverted pairs", column="inverted_pairs", kind="share")
FIGURES = (P99, LATENCY, RAM, WRITTEN, FAULTS, PAIRS)
OBJECTIVES = (RAM, LATENCY, WRITTEN)
"""Of the front; less is better in all of them."""


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """One variant at one point, with its seeds' rows. `is_front`: no other one beats it in the objectives."""

    variant: str
    point: Mapping[str, str]
    rows: Sequence[Row]
    is_front: bool = False

    @property
    def label(self) -> str:
        """The values alone, in the order of the grid's keys: keys are long."""
        return short(self.point)

    @property
    def objectives(self) -> tuple[float, ...]:
        """Means over seeds."""
        return tuple(statistics.fmean(figure.values(self.rows)) for figure in OBJECTIVES)


def measured(sweep: StoredSweep) -> list[Measured]:
    """Every variant at every point that has a row, in the order of the rows. The front is of those with all their seeds."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in sweep.rows:
        groups.setdefault((row["variant"], *(row[key] for key in sweep.grid)), []).append(row)
    found = [
        Measured(variant=variant, point=dict(zip(sweep.grid, values, strict=True)), rows=rows)
        for (variant, *values), rows in groups.items()
    ]
    whole = [each.objectives for each in found if len(each.rows) == sweep.repeat]
    return [attrs.evolve(each, is_front=_is_front(each, whole, sweep.repeat)) for each in found]


def _is_front(each: Measured, whole: Sequence[tuple[float, ...]], repeat: int) -> bool:
    mine = each.objectives
    return len(each.rows) == repeat and not any(beats(other, mine) for other in whole)


def short(point: Mapping[str, str]) -> str:
    """``16M, lru``."""
    return ", ".join(point.values()) or "the config as it is"


def beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """True if `one` is nowhere worse and somewhere better (less)."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def lines_over(key: str, found: Sequence[Measured], named: bool) -> Iterator[tuple[str, list[Measured]]]:
    """What a response curve over a key joins: points that differ in nothing else. `named`: there are several variants."""
    joined: dict[str, list[Measured]] = {}
    for each in found:
        others = {other: value for other, value in each.point.items() if other != key}
        parts = ([each.variant] if named or not others else []) + ([short(others)] if others else [])
        joined.setdefault(", ".join(parts), []).append(each)
    yield from joined.items()
