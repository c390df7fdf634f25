"""Charts in Vega-Lite, without their data: lines over a common axis, and stacked bars.

The data of a chart has columns with names of its own (`s0`, `s1`, ...), so that a cgroup or variant may be called
anything: nothing of a config is ever in an expression.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import attrs
import numpy as np

Kind = Literal["count", "bytes", "duration", "share"]
PALETTE = ("#d9660a", "#3b82d6", "#2a9455", "#d6457f", "#8e63d3", "#0f93a3", "#a8743a", "#7d8591")
"""Each has a contrast of 3.5 or more to the page, light and dark."""
DASHES = ([1, 0], [8, 3], [4, 2], [10, 2, 2, 2])
"""So that lines are told apart without colour, and the ninth from the first."""
HOVER = "hover"
"""The layer that only a page needs."""
EXPRESSIONS: dict[Kind, str] = {
    "count": "abs({0}) >= 10000 ? format({0}, '.3~s') : format({0}, '.4~r')",
    "share": "format({0}, '.3~r')",
    "bytes": "{0} >= 1073741824 ? format({0} / 1073741824, '.3~r') + 'G'"
    " : {0} >= 1048576 ? format({0} / 1048576, '.3~r') + 'M'"
    " : {0} >= 1024 ? format({0} / 1024, '.3~r') + 'K' : format({0}, '.3~r')",
    "duration": "{0} >= 1e9 ? format({0} / 1e9, '.3~r') + 's' : {0} >= 1e6 ? format({0} / 1e6, '.3~r') + 'ms'"
    " : {0} >= 1e3 ? format({0} / 1e3, '.3~r') + 'us' : format({0}, '.3~r') + 'ns'",
}


@attrs.frozen(kw_only=True)
class Axis:
    """`domain`: from where to where."""

    title: str
    kind: Kind
    log: bool = False
    domain: tuple[float, float] = (0, 1)

    def over(self, values: Iterable[Any], *others: float) -> Axis:
        """As far as these values go; those that are no numbers do not count."""
        known = np.concatenate([np.asarray(each, float).ravel() for each in (*values, others)])
        known = known[np.isfinite(known) & ((known > 0) | (not self.log))]
        if not len(known):
            return self
        low, high = float(known.min()), float(known.max())
        domain = (low / 1.3, high * 1.3) if self.log else (0, high * 1.06 or 1)
        return attrs.evolve(self, domain=domain)


@attrs.frozen(kw_only=True)
class Key:
    """A line, or a colour of bars, with its name: a row of the legend."""

    name: str
    color: str
    dash: Sequence[int] = (1, 0)

    @classmethod
    def numbered(cls, names: Sequence[str]) -> list[Key]:
        """One for each name: colours first, then dashes too."""
        return [
            cls(name=name, color=PALETTE[n % len(PALETTE)], dash=DASHES[(n + n // len(PALETTE)) % len(DASHES)])
            for n, name in enumerate(names)
        ]


def altair() -> Any:
    """The module, imported now: most of what this package does does not need it."""
    return importlib.import_module("altair")


def lines(keys: Sequence[Key], x: Axis, y: Axis, *, bands: bool = False, limit: float | None = None) -> Any:
    """A line per key over x, from columns x0, x1 (where a value holds), s0, s1, ...; with `bands` from lo0 to hi0 around it.

    `limit`: a line across that nothing passes. Hovering over x shows all values there.
    """
    alt = altair()
    across = alt.X("x0:Q", title=x.title, scale=scale_of(x), axis=axis_of(x))
    layers = [_hover(keys, x, y, across)]
    if bands:
        layers += [
            alt.Chart()
            .mark_area(color=key.color, opacity=0.15, aria=False)
            .encode(x=across, y=_up(f"lo{n}", y), y2=f"hi{n}:Q")
            for n, key in enumerate(keys)
        ]
    if limit is not None:
        rule = alt.Chart().mark_rule(color="#7d8591", strokeDash=[2, 3], aria=False)
        layers.append(rule.encode(y=alt.datum(limit)))
    names = [key.name for key in keys]
    color = alt.Scale(domain=names, range=[key.color for key in keys])
    dash = alt.Scale(domain=names, range=[list(key.dash) for key in keys])
    for n, key in enumerate(keys):
        line = alt.Chart().mark_line(strokeWidth=2, interpolate="linear", clip=True)
        layers.append(
            line.encode(
                x=across,
                y=_up(f"s{n}", y),
                color=alt.Color(datum=key.name, type="nominal", scale=color, legend=None),
                strokeDash=alt.StrokeDash(datum=key.name, type="nominal", scale=dash, legend=None),
            )
        )
    return alt.layer(*layers)


def _hover(keys: Sequence[Key], x: Axis, y: Axis, across: Any) -> Any:
    """Strips from x0 to x1 that show the values of that place."""
    alt = altair()
    at = alt.selection_point(name="at", on="pointerover", clear="pointerout", empty=False)
    tips = [alt.Tooltip("tx:N", title=x.title)] + [alt.Tooltip(f"t{n}:N", title=key.name) for n, key in enumerate(keys)]
    strips = alt.Chart(name=HOVER).mark_rect(color="#7d8591", aria=False)
    strips = strips.transform_calculate(tx=written_as("x0", x.kind))
    for n in range(len(keys)):
        strips = strips.transform_calculate(**{f"t{n}": written_as(f"s{n}", y.kind)})
    return strips.encode(
        x=across,
        x2="x1:Q",
        y=alt.value(0),
        y2=alt.value("height"),
        opacity=alt.condition(at, alt.value(0.18), alt.value(0)),
        tooltip=tips,
    ).add_params(at)


def bars(keys: Sequence[Key], x: Axis) -> Any:
    """A bar per row, stacked from keys, out of columns name, key, start, end, value."""
    alt = altair()
    scale = alt.Scale(domain=[key.name for key in keys], range=[key.color for key in keys])
    return (
        alt.Chart()
        .mark_bar(height=14)
        .transform_calculate(written=written_as("value", x.kind))
        .encode(
            y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=110)),
            x=alt.X("start:Q", title=x.title, scale=scale_of(x), axis=axis_of(x)),
            x2="end:Q",
            color=alt.Color("key:N", scale=scale, legend=None),
            tooltip=[
                alt.Tooltip("name:N", title="variant"),
                alt.Tooltip("key:N", title="by"),
                alt.Tooltip("written:N", title=x.title),
            ],
        )
    )


def written_as(column: str, kind: Kind) -> str:
    """An expression: the column's value as a person writes it."""
    return f"datum.{column} === null ? '-' : ({EXPRESSIONS[kind].format(f'datum.{column}')})"


def _up(column: str, axis: Axis) -> Any:
    return altair().Y(f"{column}:Q", title=axis.title, scale=scale_of(axis), axis=axis_of(axis))


def axis_of(axis: Axis) -> Any:
    """Its ticks and their labels."""
    alt = altair()
    ticks: Any = alt.Undefined
    if axis.log:
        ticks = _decades(*axis.domain)
    elif axis.kind == "bytes":
        ticks = _binary_ticks(axis.domain[1])
    label = EXPRESSIONS[axis.kind].format("datum.value")
    return alt.Axis(labelExpr=label, tickCount=5, labelOverlap=True, values=ticks)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 times as much where there are few of them."""
    powers = [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    factors = (1, 2, 5) if math.log10(high / low) < 2 else (1,)
    return [float(f"{each * factor:.3g}") for each in powers for factor in factors if low <= each * factor <= high]


def _binary_ticks(most: float) -> list[int]:
    """Every 1, 2, 4, ... bytes, four to eight of them."""
    step = 1 << max(math.ceil(math.log2(max(most, 1) / 8)), 0)
    return list(range(0, int(most) + 1, step))


def scale_of(axis: Axis) -> Any:
    """From where to where, and how."""
    alt = altair()
    return alt.Scale(type="log" if axis.log else "linear", domain=list(axis.domain), nice=False)


def bare(chart: Any, description: str) -> dict[str, Any]:
    """The chart as JSON, without data, size and colours of its own."""
    plain: dict[str, Any] = chart.to_dict(validate=False)
    for part in (plain, *plain.get("layer", ())):
        for key in ("$schema", "config", "datasets", "data"):
            part.pop(key, None)
    return {**plain, "description": description}
