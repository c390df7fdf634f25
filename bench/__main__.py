"""`python -m bench`: every row, its ratio, its spread, and whether it meets its target."""

from __future__ import annotations

import difflib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from bench import codec_rows, replay_rows
from bench.rounds import Timing
from bench.rows import Row, Size, UnavailableError
from swaptiers.experiment.run import versions

ROWS: dict[str, Row] = {row.key: row for row in (*codec_rows.ROWS, *replay_rows.ROWS)}
QUICK = Size(pages=2048, references=1_000_000, rounds=9)
WHOLE = Size(pages=8192, references=10_000_000, rounds=15)


@click.command()
@click.option("--quick", is_flag=True, help="Less work and fewer rounds: about two minutes.")
@click.option("--only", multiple=True, metavar="ROW", help="Only this row (may be repeated).")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write everything to this file.")
@click.option(
    "--corpus", type=click.Path(path_type=Path, exists=True), help="Time the codecs on the pages of this file."
)
@click.option("--pages", type=int, help="Another number of pages a round.")
@click.option("--references", type=int, help="Another number of references a round.")
@click.option("--rounds", type=int, help="Another number of rounds.")
def bench(
    quick: bool,
    only: tuple[str, ...],
    target: Path | None,
    corpus: Path | None,
    pages: int | None,
    references: int | None,
    rounds: int | None,
) -> None:
    """Speed, as ratios against a limit or a peer taken in the same interleaved run."""
    chosen = [ROWS[_known(key)] for key in only] or list(ROWS.values())
    base = QUICK if quick else WHOLE
    size = Size(
        pages=pages or base.pages, references=references or base.references, rounds=rounds or base.rounds, corpus=corpus
    )
    console = Console()
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("row", no_wrap=True)
    for name in ("ratio", "min", "max", "target", "us", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    results: dict[str, Any] = {}
    for row in chosen:
        try:
            timing, units = row.run(size)
        except UnavailableError as error:
            results[row.key] = {"skipped": str(error)}
            table.add_row(row.key, "skipped")
            console.print(f"{row.key}: {error}")
            continue
        results[row.key] = _summary(row, timing, units)
        table.add_row(*_cells(row, timing, units))
    console.print(table)
    console.print("us: per page or reference, ours and the limit's; !: above its target")
    if target is not None:
        facts = {**versions(), "cpus": os.cpu_count(), "processor": platform.processor()}
        target.write_text(json.dumps({"machine": facts, "size": _plain(size), "rows": results}, indent=1) + "\n")


def _known(key: str) -> str:
    if key in ROWS:
        return key
    near = difflib.get_close_matches(key, ROWS, 1, 0)
    raise click.BadParameter(f"there is no row {key!r}; did you mean {near[0]!r}?")


def _summary(row: Row, timing: Timing, units: int) -> dict[str, Any]:
    ratios = timing.ratios
    return {
        "what": row.what,
        "ratio": timing.ratio,
        "min": min(ratios),
        "max": max(ratios),
        "target": row.target,
        "met": timing.ratio <= row.target,
        "ours_us": sorted(timing.ours)[len(timing.ours) // 2] / units * 1e6,
        "limit_us": sorted(timing.limit)[len(timing.limit) // 2] / units * 1e6,
        "unit": row.unit,
        "rounds": list(ratios),
    }


def _cells(row: Row, timing: Timing, units: int) -> list[str]:
    summary = _summary(row, timing, units)
    mark = "" if summary["met"] else " !"
    return [
        row.key,
        f"{summary['ratio']:.2f}",
        f"{summary['min']:.2f}",
        f"{summary['max']:.2f}",
        f"{row.target:.2f}{mark}",
        f"{summary['ours_us']:.3g}",
        f"{summary['limit_us']:.3g}",
    ]


def _plain(size: Size) -> dict[str, Any]:
    return {
        "pages": size.pages,
        "references": size.references,
        "rounds": size.rounds,
        "corpus": str(size.corpus or "mixed"),
    }


if __name__ == "__main__":
    sys.exit(bench())
