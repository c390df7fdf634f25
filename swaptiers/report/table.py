"""The table at the end of a run: the variants side by side, and what each of them cost."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from swaptiers.experiment.results import ExperimentResult
from swaptiers.report.figures import Figure, sections
from swaptiers.report.spread import best, spread_of, written


def variants_table(result: ExperimentResult) -> Group:
    """Variants as columns, figures as rows. Of repeated runs: the mean, the deviation, and what is better beyond it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in result.variants:
        table.add_column(name, justify="right")
    first = next(iter(result.variants.values()))
    for title, figures in sections(list(first.tiers)):
        table.add_section()
        table.add_row(Text(title, style="bold"), *("" for _ in result.variants))
        for figure in figures:
            table.add_row(f"  {figure.label}", *_cells(figure, result))
    return Group(table, Text(_footer(result), style="dim"))


def _cells(figure: Figure, result: ExperimentResult) -> list[Text]:
    spreads = {name: spread_of(figure, runs) for name, runs in result.runs.items()}
    winner = best(figure, spreads)
    return [
        Text(
            f"* {written(figure, spread)}" if name == winner else written(figure, spread), style=_style(name == winner)
        )
        for name, spread in spreads.items()
    ]


def _style(is_best: bool) -> str:
    return "bold green" if is_best else ""


def _footer(result: ExperimentResult) -> str:
    runs = [run for each in result.runs.values() for run in each]
    verified = sum(run.integrity.verified for run in runs)
    wrong = sum(run.integrity.mismatched + run.integrity.lost for run in runs)
    pages = f"{verified:,} pages came back and were compared byte for byte: {wrong} wrong or lost"
    if verified == 0:
        pages = "payload: sizes moves no bytes, so nothing was compared"
    if result.fewest_faults is not None:
        least = sum(result.fewest_faults.values())
        pages += (
            f"\nno policy could have fewer than {least:,} faults with all of memory.max for resident pages (Belady)"
        )
    times = len(next(iter(result.runs.values())))
    repeated = f" and {times - 1} derived from it; * = better in each of {times} runs" if times > 1 else ""
    return f"{pages}\nseed {result.seed}{repeated}, {sum(run.time.wall_s for run in runs):.1f} s of running"
