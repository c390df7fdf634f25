"""The table at the end of a run: the variants side by side, and what each of them cost."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from swaptiers.experiment.results import ExperimentResult
from swaptiers.report.figures import Figure, controller_label, sections
from swaptiers.report.spread import best, spread_of, written

WIDE = 100_000
"""More columns than any table has."""


@attrs.frozen
class VariantsTable:
    """Variants as columns, figures as rows. Of repeated runs: the mean, the deviation, and what is better beyond it.

    What does not fit beside each other stands below each other: no name, label or number is ever cut.
    """

    result: ExperimentResult

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = list(self.result.variants)
        while names:
            count = len(names)
            while count > 1 and _width(_table(self.result, names[:count]), console, options) > options.max_width:
                count -= 1
            yield _table(self.result, names[:count])
            names = names[count:]
        yield Text(_footer(self.result), style="dim")


def _width(table: Table, console: Console, options: ConsoleOptions) -> int:
    return Measurement.get(console, options.update(width=WIDE), table).maximum


def _table(result: ExperimentResult, names: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    tiers = dict.fromkeys(tier for variant in result.variants.values() for tier in variant.tiers)
    variants = result.variants.values()
    cgroups = max(len(variant.fairness.by_cgroup) for variant in variants)
    labels = dict.fromkeys(controller_label(c) for v in variants for c in v.controllers if c.of_target is not None)
    for title, figures in sections(list(tiers), cgroups, list(labels)):
        table.add_section()
        table.add_row(Text(title, style="bold"), *("" for _ in names))
        for figure in figures:
            cells = _cells(figure, result)
            table.add_row(f"  {figure.label}", *(cells[name] for name in names))
    return table


def _cells(figure: Figure, result: ExperimentResult) -> dict[str, Text]:
    """By variant. What is best is best of all of them, wherever they stand."""
    spreads = {name: spread_of(figure, runs) for name, runs in result.runs.items()}
    winner = best(figure, spreads)
    return {
        name: Text(
            f"* {written(figure, spread)}" if name == winner else written(figure, spread), style=_style(name == winner)
        )
        for name, spread in spreads.items()
    }


def _style(is_best: bool) -> str:
    return "bold green" if is_best else ""


def _footer(result: ExperimentResult) -> str:
    runs = [run for each in result.runs.values() for run in each]
    verified = sum(run.integrity.verified for run in runs)
    wrong = sum(run.integrity.mismatched + run.integrity.lost for run in runs)
    pages = f"{verified:,} pages came back and were compared byte for byte: {wrong} wrong or lost"
    if all(config["run"]["payload"] == "sizes" for config in result.config.values()):
        pages = "payload: sizes moves no bytes, so nothing was compared"
    if result.fewest_faults is not None:
        least = sum(result.fewest_faults.values())
        pages += (
            f"\nno policy could have fewer than {least:,} faults with all of memory.max for resident pages (Belady)"
        )
    times = len(next(iter(result.runs.values())))
    repeated = f" and {times - 1} derived from it; * = better in each of {times} runs" if times > 1 else ""
    return f"{pages}\nseed {result.seed}{repeated}, {sum(run.time.wall_s for run in runs):.1f} s of running"
