"""The page about a sweep: what was asked, the right size, each point, response curves, and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from swaptiers.report.page.charts import PALETTE, Axis, Key
from swaptiers.report.page.curves import rounded
from swaptiers.report.page.frame import Cell, Drawn, Page, Row, Section, Table, Text
from swaptiers.report.page.of_runs import MACHINE, yaml_of
from swaptiers.report.page.pictures import Panel, Picture
from swaptiers.report.page.sweep_charts import plane, response
from swaptiers.report.page.sweep_figures import (
    FIGURES,
    OBJECTIVES,
    Measured,
    SweepFigure,
    lines_over,
    measured,
)
from swaptiers.sweep.answer import Question, answers
from swaptiers.sweep.grid import in_order, written_point
from swaptiers.sweep.stored import StoredSweep

MOST_LINES, MOST_ROWS = 8, 300
"""In a picture, and in a table; the data set has all."""
LOG_FROM = 20.0
"""An axis is logarithmic if its largest value is more than so many times its smallest."""


def page_of_sweep(sweep: StoredSweep) -> Page:
    """Everything that the report of a sweep says."""
    found = measured(sweep)
    sections = [_asked(sweep), *_right_size(sweep), *_failures(sweep)]
    if found:
        sections += [_points(sweep, found), *_curves(sweep, found), _front(sweep, found)]
    return Page(title=f"swaptiers: {sweep.folder.resolve().name}", lead=list(_lead(sweep)), sections=sections)


def _lead(sweep: StoredSweep) -> Iterator[str]:
    points = 1
    for values in sweep.grid.values():
        points *= len(values)
    yield (
        f"A sweep of {sweep.config}: {points:,} points, variants: {', '.join(sweep.variants)}; "
        f"seeds: {sweep.repeat}; {len(sweep.rows):,} of {sweep.runs:,} runs are finished."
    )
    if len(sweep.rows) < sweep.runs:
        yield "What is missing is in no figure below: means are over the seeds that are there."


def _asked(sweep: StoredSweep) -> Section:
    versions = [f"{name} {version}" for name, version in sweep.versions.items() if name not in MACHINE]
    machine = [version for name, version in sweep.versions.items() if name in MACHINE]
    said = {
        "config": sweep.config,
        **{f"grid: {key}": ", ".join(values) for key, values in sweep.grid.items()},
        **({"set": ", ".join(sweep.sets)} if sweep.sets else {}),
        "first seed": str(sweep.seed),
        "versions": ", ".join(versions),
        "machine that began it": ", ".join(machine),
    }
    rows = [Row(label=label, cells=[Cell(text=text)]) for label, text in said.items()]
    table = Table(name="asked-of", heads=[sweep.folder.resolve().name], rows=rows, of_words=True)
    configs = [
        Text(text=yaml_of(config), folded=f"Config at the first point: {name}, every default filled in")
        for name, config in sweep.configs.items()
    ]
    return Section(name="asked", title="What was asked", blocks=[table, *configs])


def _right_size(sweep: StoredSweep) -> Iterator[Section]:
    rows: list[Row] = []
    for text in sweep.questions:
        rows.append(Row(label=text))
        question = Question.parse(text, list(sweep.grid), sweep.tiers)
        for answer in answers(question, sweep.grid, sweep.repeat, sweep.rows):
            parts = [answer.variant, *([written_point(answer.others)] if answer.others else [])]
            rows.append(
                Row(label=", ".join(parts), cells=[Cell(text=answer.value or "none"), Cell(text=answer.sentence)])
            )
    if rows:
        table = Table(name="answers", heads=["answer", "because"], rows=rows, of_words=True)
        note = "A value will do if the conditions hold in every seed, not on average."
        yield Section(name="size", title="The right size", note=note, blocks=[table])


def _failures(sweep: StoredSweep) -> Iterator[Section]:
    if not sweep.failures:
        return
    rows = [
        Row(
            label=f"{failure.variant}, {written_point(failure.point)}",
            cells=[Cell(text=str(failure.seed)), Cell(text=f"{failure.kind}: {failure.error}")],
        )
        for failure in sweep.failures[:MOST_ROWS]
    ]
    table = Table(name="failures", heads=["seed", "error"], rows=rows, of_words=True)
    note = f"{len(sweep.failures):,} runs could not be finished by the last command; the same command tries them again."
    yield Section(name="failed", title="What failed", note=note, blocks=[table])


def _points(sweep: StoredSweep, found: Sequence[Measured]) -> Section:
    rows: list[Row] = []
    most = {figure.name: _most(figure, found) for figure in FIGURES}
    for variant in sweep.variants:
        rows.append(Row(label=variant))
        rows += [
            Row(label=each.label, cells=[_cell(figure, each, most[figure.name]) for figure in FIGURES])
            for each in found
            if each.variant == variant
        ]
    note = "Mean and standard deviation over the seeds. The bar in a cell is its part of the column's largest."
    if sweep.grid:
        note = f"Points by their values of {', '.join(sweep.grid)}. {note}"
    if len(rows) > MOST_ROWS:
        note += f" The first {MOST_ROWS} of {len(rows):,}; the data set has the others."
    heads = [figure.title for figure in FIGURES]
    table = Table(name="points-table", heads=heads, rows=rows[:MOST_ROWS])
    return Section(name="points", title="Every point", note=note, blocks=[table])


def _most(figure: SweepFigure, found: Sequence[Measured]) -> float:
    spreads = [figure.spread(each.rows) for each in found]
    return max((abs(spread.mean) for spread in spreads if spread is not None), default=0.0)


def _cell(figure: SweepFigure, each: Measured, most: float) -> Cell:
    spread = figure.spread(each.rows)
    if spread is None:
        return Cell(text=figure.written(each.rows))
    return Cell(text=figure.written(each.rows), value=spread.mean, share=abs(spread.mean) / most if most else 0.0)


# response curves


def _curves(sweep: StoredSweep, found: Sequence[Measured]) -> Iterator[Section]:
    for number, (key, values) in enumerate(sweep.grid.items()):
        if len(values) < 2:
            continue
        joined = list(lines_over(key, found, len(sweep.variants) > 1))
        note = "A line joins what differs in this key alone: the mean over seeds, with a bar from the lowest to the highest."
        if others := [other for other in sweep.grid if other != key]:
            note += f" Lines by their values of {', '.join(others)}."
        if len(joined) > MOST_LINES:
            note += f" The first {MOST_LINES} of {len(joined):,} lines; the data set has the others."
        picture = _response(f"curves-{number}", key, values, joined[:MOST_LINES], note)
        yield Section(name=picture.name, title=picture.title, note=picture.note, blocks=[Drawn(picture=picture)])


def _response(
    name: str, key: str, values: Sequence[str], joined: Sequence[tuple[str, Sequence[Measured]]], note: str
) -> Picture:
    keys = Key.numbered([line for line, _ in joined])
    ordered = in_order(values)
    panels = []
    for figure in FIGURES:
        spreads = [
            (each.point[key], line, spread)
            for line, members in joined
            for each in sorted(members, key=lambda each: ordered.index(each.point[key]))
            if (spread := figure.spread(each.rows)) is not None
        ]
        if not spreads:
            continue
        columns: dict[str, Sequence[Any]] = {
            "x": [value for value, _, _ in spreads],
            "line": [line for _, line, _ in spreads],
            "mean": rounded([spread.mean for _, _, spread in spreads]),
            "low": rounded([spread.low for _, _, spread in spreads]),
            "high": rounded([spread.high for _, _, spread in spreads]),
        }
        titles = {"x": key, "line": "of", "mean": figure.title, "low": "lowest seed", "high": "highest seed"}
        axis = _axis(figure, [value for _, _, spread in spreads for value in (spread.low, spread.high)])
        panels.append(
            Panel(title=figure.title, columns=columns, titles=titles, chart=response(keys, key, ordered, axis))
        )
    return Picture(name=name, title=f"What {key} does", note=note, keys=keys, panels=panels)


def _axis(figure: SweepFigure, values: Sequence[float]) -> Axis:
    is_log = min(values) > 0 and max(values) / min(values) > LOG_FROM and figure.kind != "share"
    return Axis(title=figure.title, kind=figure.kind, log=is_log).over([list(values)])


# the front


def _front(sweep: StoredSweep, found: Sequence[Measured]) -> Section:
    keys = [Key(name=variant, color=PALETTE[number % len(PALETTE)]) for number, variant in enumerate(sweep.variants)]
    panels = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        (third,) = {0, 1, 2} - {a, b}
        panels.append(_plane(keys, found, a, b, third))
    title = "RAM against latency against bytes written"
    picture = Picture(name="front", title=title, note="", keys=keys, panels=panels)
    on_it = [each for each in found if each.is_front]
    rows = [
        Row(label=f"{each.variant}, {each.label}", cells=[_cell(figure, each, 0.0) for figure in OBJECTIVES])
        for each in sorted(on_it, key=lambda each: each.objectives)
    ]
    table = Table(name="front-table", heads=[figure.title for figure in OBJECTIVES], rows=rows[:MOST_ROWS])
    return Section(
        name="pareto",
        title="RAM against latency against bytes written",
        note="Filled, and in the table: the Pareto front, that is every point that no other one beats. One beats another if "
        "it is nowhere worse and somewhere better in RAM, mean latency of a fault, and bytes written to devices, by means "
        "over seeds. Points without all their seeds are not compared.",
        blocks=[Drawn(picture=picture), *([table] if rows else [])],
    )


def _plane(keys: Sequence[Key], found: Sequence[Measured], a: int, b: int, third: int) -> Panel:
    x, y, other = OBJECTIVES[a], OBJECTIVES[b], OBJECTIVES[third]
    values = [each.objectives for each in found]
    columns: dict[str, Sequence[Any]] = {
        "point": [each.label for each in found],
        "line": [each.variant for each in found],
        "a": rounded([value[a] for value in values]),
        "b": rounded([value[b] for value in values]),
        "c": rounded([value[third] for value in values]),
        "front": [each.is_front for each in found],
    }
    titles = {
        "point": "point",
        "line": "variant",
        "a": x.title,
        "b": y.title,
        "c": other.title,
        "front": "on the front",
    }
    chart = plane(
        keys,
        _around(x, [value[a] for value in values]),
        _around(y, [value[b] for value in values]),
        [("c", other.title, other.kind)],
    )
    return Panel(title=f"{y.title} against {x.title}", columns=columns, titles=titles, chart=chart)


def _around(figure: SweepFigure, values: Sequence[float]) -> Axis:
    """As far as the values go, and a little further: what is far from nothing would be a heap in a corner."""
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.1 * high or 1.0
    return Axis(title=figure.title, kind=figure.kind, domain=(max(low - margin, 0.0), high + margin))


__all__ = ["page_of_sweep"]
