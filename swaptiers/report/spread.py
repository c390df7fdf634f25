"""What repetitions say: mean and spread of a figure, and whether one variant is better than the others beyond it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import attrs

from swaptiers.experiment.results import VariantResult
from swaptiers.report.figures import NOTHING, Figure


@attrs.frozen
class Spread:
    """Of the values of one figure over the repetitions of one variant. `deviation`: the sample's; None for one run."""

    mean: float
    deviation: float | None
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """At least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation, min(values), max(values))


def spread_of(figure: Figure, runs: Sequence[VariantResult]) -> Spread | None:
    """None if any run had nothing to measure."""
    values = [figure.of(run) for run in runs]
    known = [float(value) for value in values if value is not None]
    return Spread.of(known) if known and len(known) == len(values) else None


def written(figure: Figure, spread: Spread | None) -> str:
    """``mean ± deviation``, or the one value."""
    if spread is None:
        return NOTHING
    if spread.deviation is None:
        return figure.write(spread.mean)
    return f"{figure.write(spread.mean)} ±{figure.write(spread.deviation)}"


def best(figure: Figure, spreads: Mapping[str, Spread | None]) -> str | None:
    """The variant whose every repetition beats every one of all others; None if there is none, or nothing was repeated."""
    known = {name: spread for name, spread in spreads.items() if spread is not None}
    if figure.better == "neither" or len(known) < 2 or any(s.deviation is None for s in known.values()):
        return None
    lower = figure.better == "lower"
    name = min(known, key=lambda each: known[each].mean if lower else -known[each].mean)
    others = [spread for each, spread in known.items() if each != name]
    clear = all(known[name].high < o.low if lower else known[name].low > o.high for o in others)
    return name if clear else None
