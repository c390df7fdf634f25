"""Samples of several runs on one axis: what a value was at the end of each of as many strips as a picture is wide."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.experiment.series import Measure
from swaptiers.report.page.charts import Axis
from swaptiers.report.page.sides import Comparison, Side

STRIPS = 160
Floats = npt.NDArray[np.float64]
REFS = Measure(metric="refs")


@attrs.frozen(eq=False)
class Grid:
    """The strips from `edges[i]` to `edges[i + 1]`, in references, or in ns of virtual time where orders differ."""

    edges: Floats
    by_time: bool

    @classmethod
    def of(cls, comparison: Comparison) -> Grid:
        """Of references if all sides have them in an order that does not depend on latency: then they are comparable."""
        by_time = any(side.by_time for side in comparison.sides)
        end = max(_progress(side, by_time)[-1] for side in comparison.sides)
        return cls(np.linspace(0, max(end, 1), STRIPS + 1), by_time)

    @property
    def axis(self) -> Axis:
        """What is across."""
        if self.by_time:
            return Axis(title="virtual time", kind="duration", domain=(0, float(self.edges[-1])))
        return Axis(title="references", kind="count", domain=(0, float(self.edges[-1])))

    def columns(self) -> dict[str, list[float | None]]:
        """x0 and x1 of each strip."""
        return {"x0": rounded(self.edges[:-1]), "x1": rounded(self.edges[1:])}

    def level(self, side: Side, measure: Measure) -> Floats:
        """A measure that goes up and down: its mean over each strip; nan where it was not measured or is over."""
        curve = side.curves.get(measure)
        if curve is None or not len(curve.values):
            return np.full(STRIPS, np.nan)
        at = self._at(side, curve.times_ns)
        known = np.histogram(at, self.edges)[0] > 0
        looked = np.histogram(self._at(side, side.curves[REFS].times_ns), self.edges)[0] > 0
        values = np.where(
            known, _means(at, curve.values, self.edges), np.interp(self.edges[1:], at, curve.values, left=np.nan)
        )
        return self._cut(side, np.where(known | ~looked, values, np.nan))

    def growth(self, side: Side, measure: Measure) -> Floats:
        """By how much a counter grew in each strip."""
        curve = side.curves.get(measure)
        if curve is None or not len(curve.values):
            return np.full(STRIPS, np.nan)
        at = np.concatenate([[0.0], self._at(side, curve.times_ns)])
        total = np.interp(self.edges, at, np.concatenate([[0.0], curve.values]))
        return self._cut(side, np.diff(total))

    def _at(self, side: Side, times_ns: npt.NDArray[np.int64]) -> Floats:
        if self.by_time:
            return times_ns.astype(np.float64)
        refs = side.curves[REFS]
        at: Floats = np.interp(times_ns, refs.times_ns, refs.values)
        return at

    def _cut(self, side: Side, values: Floats) -> Floats:
        """Nothing after the run's end."""
        return np.where(self.edges[:-1] < _progress(side, self.by_time)[-1], values, np.nan)


def _means(at: Floats, values: Floats, edges: Floats) -> Floats:
    """Of the samples in each strip; anything where there are none."""
    strips = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, STRIPS - 1)
    counts = np.bincount(strips, minlength=STRIPS)
    means: Floats = np.bincount(strips, values, STRIPS) / np.maximum(counts, 1)
    return means


def _progress(side: Side, by_time: bool) -> Floats:
    refs = side.curves[REFS]
    return refs.times_ns.astype(np.float64) if by_time else refs.values


def ratio(part: Floats, whole: Floats) -> Floats:
    """Nan where the whole is nothing."""
    shares: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return shares


def rounded(values: Floats | Sequence[float]) -> list[float | None]:
    """To six digits, as a page needs them; None for nan."""
    return [None if np.isnan(value) else _six(float(value)) for value in values]


def _six(value: float) -> float:
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
