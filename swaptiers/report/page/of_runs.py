"""The page about one run, or several: what was asked, the verdict, and the pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from ruamel.yaml import YAML

from swaptiers.config import difference
from swaptiers.report.figures import Figure, controller_label, count, sections
from swaptiers.report.page.frame import Cell, Drawn, Page, Row, Section, Table, Text
from swaptiers.report.page.pictures import pictures_of
from swaptiers.report.page.sides import Comparison, Side
from swaptiers.report.spread import best, spread_of, written
from swaptiers.report.stored import StoredRun

MACHINE = ("system", "machine", "cpu", "cpus", "memory")
"""Keys of `versions` that are no programs."""
VERDICT = ("faults", "mean", "p50", "p99", "RAM, mean", "inverted pairs", "late faults")
"""What the first table has of all figures, with the faults from each tier and the bytes written to it."""


def page_of(comparison: Comparison) -> Page:
    """Everything that a report says."""
    return Page(
        title=_title(comparison),
        lead=list(_lead(comparison)),
        sections=[
            _asked(comparison),
            _verdict(comparison),
            *(
                Section(name=picture.name, title=picture.title, note=picture.note, blocks=[Drawn(picture=picture)])
                for picture in pictures_of(comparison)
            ),
        ],
    )


def _title(comparison: Comparison) -> str:
    names = [run.folder.resolve().name for run in comparison.runs]
    return f"swaptiers: {', '.join(names)}"


def _lead(comparison: Comparison) -> Iterator[str]:
    sides = comparison.sides
    names = ", ".join(side.name for side in sides)
    yield f"{len(sides)} variants: {names}." if len(sides) > 1 else f"One variant: {names}."
    runs = [run for side in sides for run in side.runs]
    verified = sum(run.integrity.verified for run in runs)
    wrong = sum(run.integrity.mismatched + run.integrity.lost for run in runs)
    if all(side.config.get("run", {}).get("payload") == "sizes" for side in sides):
        yield "The runs moved no bytes (payload: sizes), so nothing was compared."
    else:
        yield f"{verified:,} pages came back and were compared byte for byte: {wrong} wrong or lost."


# what was asked


def _asked(comparison: Comparison) -> Section:
    rows = [
        _row("seed", [str(run.result.seed) for run in comparison.runs]),
        _row("runs of each variant", [_repeats(run) for run in comparison.runs]),
        _row("references", [count(max(r.refs for r in run.result.variants.values())) for run in comparison.runs]),
        _row("page size", [_of_all(run, "page_size") for run in comparison.runs]),
        _row("ram", [_of_all(run, "ram") for run in comparison.runs]),
        *(
            _row(key, [_of_all(run, "run", key) for run in comparison.runs])
            for key in ("payload", "interleave", "inversion")
        ),
        _row("versions", [", ".join(_versions(run, machine=False)) for run in comparison.runs]),
        _row("machine", [", ".join(_versions(run, machine=True)) for run in comparison.runs]),
    ]
    heads = [run.folder.resolve().name for run in comparison.runs]
    table = Table(name="asked-of", heads=heads, rows=rows, of_words=True)
    configs = [block for run in comparison.runs for block in _configs(run, len(comparison.runs) > 1)]
    return Section(name="asked", title="What was asked", blocks=[table, *configs])


def _versions(run: StoredRun, *, machine: bool) -> Iterator[str]:
    """What the numbers depend on: programs by name, or the machine they ran on."""
    for name, version in run.result.versions.items():
        if (name in MACHINE) is machine:
            yield version if machine and name != "cpus" else f"{name} {version}"


def _row(label: str, values: Sequence[str]) -> Row:
    return Row(label=label, cells=[Cell(text=value) for value in values])


def _repeats(run: StoredRun) -> str:
    return str(max(len(runs) for runs in run.result.runs.values()))


def _of_all(run: StoredRun, *keys: str) -> str:
    """What the config of each variant says, once where all say the same."""
    said = []
    for config in run.result.config.values():
        value: Any = config
        for key in keys:
            value = value.get(key, "-") if isinstance(value, dict) else "-"
        said.append(str(value))
    return ", ".join(dict.fromkeys(said))


def _configs(run: StoredRun, named: bool) -> Iterator[Text]:
    """The first variant's config whole, and in which the others differ."""
    configs = run.result.config
    where = f" of {run.folder.resolve().name}" if named else ""
    base: Any = None
    for name, config in configs.items():
        if base is None:
            base = config
            yield Text(text=yaml_of(config), folded=f"Config{where}: {name}, every default filled in")
        else:
            yield Text(text=yaml_of(difference(base, dict(config))), folded=f"Config{where}: {name}, where it differs")


def yaml_of(plain: Any) -> str:
    """As a config is written."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(plain, text)
    return text.getvalue()


# the verdict


def _verdict(comparison: Comparison) -> Section:
    chosen, every = [], []
    for title, figures in _sections(comparison):
        every += [Row(label=title), *(_figure_row(comparison, figure) for figure in figures)]
        wanted = [figure for figure in figures if _is_verdict(figure)]
        if wanted:
            chosen += [Row(label=title), *(_figure_row(comparison, figure) for figure in wanted)]
    heads = [side.name for side in comparison.sides]
    times = max(len(side.runs) for side in comparison.sides)
    note = "The bar in a cell is its part of the row's largest. Time is on the modelled devices."
    if times > 1:
        note += f" Mean and standard deviation of {times} runs; * and bold: better than every other variant in each of them."
    return Section(
        name="verdict",
        title="The verdict",
        note=note,
        blocks=[
            Table(name="verdict-table", heads=heads, rows=chosen, note=_belady(comparison)),
            Table(name="figures-table", heads=heads, rows=every, folded="Every figure"),
        ],
    )


def _sections(comparison: Comparison) -> Iterator[tuple[str, list[Figure]]]:
    results = [side.result for side in comparison.sides]
    cgroups = max(len(result.fairness.by_cgroup) for result in results)
    labels = dict.fromkeys(controller_label(c) for r in results for c in r.controllers if c.of_target is not None)
    yield from sections(comparison.tiers, cgroups, list(labels))


def _is_verdict(figure: Figure) -> bool:
    return figure.label in VERDICT or figure.label.startswith(("from ", "written to "))


def _belady(comparison: Comparison) -> str:
    least = {sum(run.result.fewest_faults.values()) for run in comparison.runs if run.result.fewest_faults is not None}
    if len(least) != 1:
        return ""
    return f"No policy could have fewer than {least.pop():,} faults with all of memory.max for resident pages (Belady)."


def _figure_row(comparison: Comparison, figure: Figure) -> Row:
    spreads = {side.name: spread_of(figure, side.runs) for side in comparison.sides}
    most = max((abs(spread.mean) for spread in spreads.values() if spread is not None), default=0.0)
    winner = best(figure, spreads)
    return Row(label=figure.label, cells=[_cell(side, figure, spreads, most, winner) for side in comparison.sides])


def _cell(side: Side, figure: Figure, spreads: Any, most: float, winner: str | None) -> Cell:
    spread = spreads[side.name]
    if spread is None:
        return Cell(text=written(figure, None))
    share = abs(spread.mean) / most if most and len(spreads) > 1 else 0.0
    return Cell(text=written(figure, spread), value=spread.mean, share=share, best=side.name == winner)


__all__ = ["MACHINE", "page_of", "yaml_of"]
