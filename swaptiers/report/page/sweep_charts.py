"""Charts of a sweep in Vega-Lite, without their data: how figures answer to a key, and points in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swaptiers.report.page.charts import Axis, Key, Kind, altair, axis_of, scale_of, written_as


def response(keys: Sequence[Key], title: str, values: Sequence[str], y: Axis) -> Any:
    """A line per key over the values of one setting, out of columns x, line, mean, low, high: the mean over seeds, and a bar
    from the lowest to the highest."""
    alt = altair()
    across = alt.X("x:O", sort=list(values), title=title, axis=alt.Axis(labelAngle=0, labelOverlap=True))
    names = [key.name for key in keys]
    color = alt.Color("line:N", scale=alt.Scale(domain=names, range=[key.color for key in keys]), legend=None)
    dash = alt.StrokeDash("line:N", scale=alt.Scale(domain=names, range=[list(key.dash) for key in keys]), legend=None)
    up = alt.Y("mean:Q", title=y.title, scale=scale_of(y), axis=axis_of(y))
    texts = {name: written_as(name, y.kind) for name in ("mean", "low", "high")}
    tips = [
        alt.Tooltip("x:N", title=title),
        alt.Tooltip("line:N", title="of"),
        *(alt.Tooltip(f"{name}Text:N", title=name) for name in texts),
    ]
    written = {f"{name}Text": text for name, text in texts.items()}
    return alt.layer(
        alt.Chart().mark_line(strokeWidth=2, aria=False).encode(x=across, y=up, color=color, strokeDash=dash),
        alt.Chart()
        .mark_rule(strokeWidth=2, opacity=0.5, aria=False)
        .encode(x=across, y="low:Q", y2="high:Q", color=color),
        alt.Chart()
        .mark_point(filled=True, size=70, opacity=1)
        .transform_calculate(**written)
        .encode(x=across, y=up, color=color, tooltip=tips),
    )


def plane(keys: Sequence[Key], x: Axis, y: Axis, others: Sequence[tuple[str, str, Kind]]) -> Any:
    """A mark per row in the plane of columns a and b, coloured by column line: filled where column front is true.

    `others`: columns that hovering shows as well, with their titles and kinds.
    """
    alt = altair()
    names = [key.name for key in keys]
    shown = [("a", x.title, x.kind), ("b", y.title, y.kind), *others]
    color = alt.Scale(domain=names, range=[key.color for key in keys])
    return (
        alt.Chart()
        .mark_point(size=80, strokeWidth=2, opacity=1)
        .transform_calculate(**{f"{name}Text": written_as(name, kind) for name, _, kind in shown})
        .encode(
            x=alt.X("a:Q", title=x.title, scale=scale_of(x), axis=axis_of(x)),
            y=alt.Y("b:Q", title=y.title, scale=scale_of(y), axis=axis_of(y)),
            color=alt.Color("line:N", scale=color, legend=None),
            fill=alt.Fill("line:N", scale=color, legend=None),
            fillOpacity=alt.condition("datum.front", alt.value(1), alt.value(0)),
            tooltip=[
                alt.Tooltip("point:N", title="point"),
                alt.Tooltip("line:N", title="variant"),
                *(alt.Tooltip(f"{name}Text:N", title=title) for name, title, _ in shown),
            ],
        )
    )
