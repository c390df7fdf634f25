"""A question's answer as a picture: two figures side by side, a mark per variant, from its lowest seed to its highest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trials import FIGURES, Figure, Question, Row

WIDTH, STEP = 290, 9
TICKS = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10]
SHAPES = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
    "circle",
)
COLOURS = ("#000000", "#0072b2", "#56b4e9", "#009e73", "#8a8a00", "#e69f00", "#d55e00", "#cc79a7", "#7f3fbf")
"""Okabe and Ito's, which also the colour-blind tell apart, and one more."""


def draw(question: Question, answers: dict[str, Row], path: str) -> None:
    """The figures that the question draws, as SVG, PNG or PDF. Wants altair and vl-convert-python."""
    import altair as alt  # noqa: PLC0415 -- only who draws needs it

    panels = [_panel(alt, question, answers, name, number == 0) for number, name in enumerate(question.drawn)]
    chart = alt.hconcat(*panels, spacing=14).resolve_scale(color="shared", shape="shared")
    chart = chart.configure(font="sans-serif", background="white").configure_view(stroke="#bbb")
    chart = chart.configure_axis(labelFontSize=11, titleFontSize=11, titleFontWeight="normal", gridColor="#e4e4e4")
    chart = chart.configure_legend(orient="top", labelFontSize=11, symbolSize=45, columns=5, labelLimit=0)
    chart.save(path)


def _panel(alt: Any, question: Question, answers: dict[str, Row], name: str, has_rows: bool) -> Any:
    variants = list(next(iter(answers.values())))
    is_share = name == question.figures[0] and question.is_relative
    title = f"{FIGURES[name][0].split(',')[0]}, {variants[0]} = 1" if is_share else FIGURES[name][0]
    rows = alt.Axis(ticks=False, domain=False, labels=has_rows, labelPadding=8, labelLimit=0)
    of_variant = {"scale": alt.Scale(domain=variants, range=list(COLOURS[: len(variants)])), "title": None}
    shapes = alt.Scale(domain=variants, range=SHAPES[: len(variants)])
    chart = alt.Chart(alt.Data(values=list(marks(answers, name, is_share)))).encode(
        y=alt.Y("row:N", title=None, sort=list(answers), axis=rows),
        yOffset=alt.YOffset("variant:N", sort=variants),
        color=alt.Color("variant:N", **of_variant),
    )
    scale = alt.Scale(type="log", nice=False, padding=12) if is_share else alt.Scale(zero=True)
    ticks = {"values": TICKS, "format": "~g", "labelOverlap": "greedy"} if is_share else {"tickCount": 6}
    x = alt.X("mean:Q", title=title, scale=scale, axis=alt.Axis(**ticks))
    spans = chart.mark_rule(aria=False).encode(x=x, x2="high:Q").transform_calculate(mean="datum.low")
    points = chart.mark_point(filled=True, opacity=1, size=34).encode(
        x=x, shape=alt.Shape("variant:N", scale=shapes, title=None), description="says:N"
    )
    lines = alt.Chart(alt.Data(values=[{"row": row} for row in list(answers)[1:]])).mark_rule(color="#bbb", aria=False)
    lines = lines.encode(y=alt.Y("row:N", title=None, sort=list(answers), axis=rows, bandPosition=0))
    return (lines + spans + points).properties(width=WIDTH, height=len(answers) * (len(variants) + 1) * STEP)


def marks(answers: dict[str, Row], name: str, is_share: bool) -> Iterator[dict[str, Any]]:
    """A mark per row and variant; `says` is what the table has there."""
    for label, row in answers.items():
        first = next(iter(row.values()))[name]
        for variant, figures in row.items():
            figure = figures[name]
            if figure is not None and first is not None:
                unit = first.mean if is_share else 1.0
                yield {
                    "row": label,
                    "variant": variant,
                    "says": says(label, variant, name, figure),
                    **_span(figure, unit),
                }


def says(label: str, variant: str, name: str, figure: Figure) -> str:
    """A mark in words, for who can't see it."""
    return f"{label}, {variant}: {FIGURES[name][0]} {figure}"


def _span(figure: Figure, unit: float) -> dict[str, float]:
    return {"low": min(figure.values) / unit, "mean": figure.mean / unit, "high": max(figure.values) / unit}
