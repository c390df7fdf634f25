"""What a trace is like: how many references and pages, how much is written, how an LRU memory of each size would do."""

from __future__ import annotations

import csv
from pathlib import Path

from rich import box
from rich.console import Group
from rich.table import Table

from swaptiers.units import format_bytes
from swaptiers.workloads.distances import MissCurve
from swaptiers.workloads.trace import Survey

PAGE = 4096
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def trace_table(survey: Survey, pages: int, curve: MissCurve) -> Group:
    """The figures, and the curve at shares of the memory that the trace touches."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, value in (
        ("references", f"{survey.refs:,}"),
        ("pages", f"{pages:,} ({format_bytes(pages * PAGE)})"),
        ("writes", f"{survey.writes / survey.refs:.1%}"),
        ("pages followed", "all" if curve.rate == 1 else f"{curve.rate:.2%} of them, by hash"),
    ):
        facts.add_row(name, value)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("memory", "of its pages", "misses"):
        table.add_column(name, justify="right")
    for capacity, share, misses in _points(pages, curve):
        table.add_row(format_bytes(capacity * PAGE), f"{share:.0%}", f"{misses:.2%}")
    return Group(facts, table)


def write_curve(pages: int, curve: MissCurve, path: Path) -> None:
    """The curve as CSV, a row per hundredth of the pages."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("pages", "bytes", "miss_ratio"))
        for percent in range(101):
            capacity = round(pages * percent / 100)
            writer.writerow((capacity, capacity * PAGE, f"{curve.miss_ratio(capacity):.6f}"))


def _points(pages: int, curve: MissCurve) -> list[tuple[int, float, float]]:
    capacities = [(max(1, round(pages * share)), share) for share in SHARES]
    return [(capacity, share, curve.miss_ratio(capacity)) for capacity, share in capacities]
