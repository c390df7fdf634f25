"""`python -m bench`: every row, its ratio, its spread, and whether it meets its target."""

from __future__ import annotations

import difflib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from bench import codec_rows, demote_rows, replay_rows, size_rows, start_rows, store_rows
from bench.corpus import load_corpus
from bench.rounds import Timing, use_cpu_time
from bench.rows import Row, Size, UnavailableError, Values
from swaptiers.experiment.run import versions

GROUPS = (codec_rows, demote_rows, store_rows, replay_rows, start_rows, size_rows)
ROWS: dict[str, Row] = {row.key: row for group in GROUPS for row in group.ROWS}
QUICK = Size(pages=2048, references=10_000_000, rounds=7, replays=5, jobs=5)
WHOLE = Size(pages=2048, references=10_000_000, rounds=61, replays=15, jobs=5, children=5)
"""Only the rounds differ: over more pages or fewer references other memory is touched, and the ratio is another."""
COUNT = click.IntRange(min=1)
LEAST_WIDTH = 90
"""Columns that the table needs."""
CONTEXT = {"help_option_names": ["-h", "--help"]}


@click.command(context_settings=CONTEXT)
@click.option("--quick", is_flag=True, help="Fewer rounds, and no rows that take long: under three minutes.")
@click.option("--only", multiple=True, metavar="ROW", help="Only this row (may be repeated).")
@click.option(
    "--json", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write everything to this file."
)
@click.option(
    "--corpus", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Codec rows: raw 4 KiB pages."
)
@click.option("--pages", type=COUNT, help="Another number of pages a pass.")
@click.option("--references", type=COUNT, help="Another number of references a replay.")
@click.option("--rounds", type=COUNT, help="Another number of rounds, replays, jobs and processes.")
@click.option("--puts", type=COUNT, help="Another number of puts of the stores' job.")
@click.option("--entries", type=COUNT, help="Another number of entries of the rows about many.")
@click.option(
    "--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the table into this file (.svg, .png)."
)
@click.option(
    "--cpu", is_flag=True, help="Count CPU time: where others use the machine. Waiting for a device is not in it."
)
@click.option("--check", is_flag=True, help="Exit with 1 if a row misses its target.")
def bench(
    quick: bool,
    only: tuple[str, ...],
    target: Path | None,
    corpus: Path | None,
    pages: int | None,
    references: int | None,
    rounds: int | None,
    puts: int | None,
    entries: int | None,
    picture: Path | None,
    cpu: bool,
    check: bool,
) -> None:
    """Speed, as ratios against a limit or a peer taken in the same interleaved run."""
    chosen = [ROWS[_known(key)] for key in dict.fromkeys(only)] or [r for r in ROWS.values() if not (quick and r.slow)]
    base = QUICK if quick else WHOLE
    size = Size(
        pages=pages or base.pages,
        references=references or base.references,
        rounds=rounds or base.rounds,
        replays=rounds or base.replays,
        jobs=rounds or base.jobs,
        children=rounds or base.children,
        puts=puts or base.puts,
        entries=entries or base.entries,
        real_entries=min(entries or base.real_entries, base.real_entries),
        corpus=corpus,
    )
    _check_corpus(size)
    for file in (target, picture):
        if file is not None:
            _check_target(file, "--json" if file is target else "--picture")
    if cpu:
        use_cpu_time()
    console = Console()
    console.width = max(console.width, LEAST_WIDTH)
    results = {row.key: _result(row, size) for row in chosen}
    console.print(_table(results))
    console.print("us: per page, reference, operation or move, ours and the limit's; !: above its target")
    for key, row in results.items():
        for word in ("skipped", "error"):
            if word in row:
                console.print(f"{key}: {word}: {row[word]}", soft_wrap=True)
    if target is not None:
        facts = {**versions(), "cpus": os.cpu_count(), "clock": "cpu" if cpu else "wall", "load": os.getloadavg()[0]}
        target.write_text(json.dumps({"machine": facts, "size": _plain(size), "rows": results}, indent=1) + "\n")
    if picture is not None:
        from bench.picture import draw_table  # noqa: PLC0415  (altair is wanted by nobody else)

        draw_table(results, picture)
    failed = any("error" in row for row in results.values())
    missed = check and any(not row.get("met", True) for row in results.values())
    sys.exit(1 if failed or missed else 0)


def _known(key: str) -> str:
    if key in ROWS:
        return key
    near = difflib.get_close_matches(key, ROWS, 1, 0)
    raise click.BadParameter(f"there is no row {key!r}; did you mean {near[0]!r}?", param_hint="--only")


def _check_corpus(size: Size) -> None:
    """Before anything is timed."""
    if size.corpus is not None:
        try:
            load_corpus(size.corpus, size.pages)
        except (OSError, ValueError) as error:
            hint = f"{size.corpus}: {error}; --pages wants another number"
            raise click.BadParameter(hint, param_hint="--corpus") from error


def _check_target(target: Path, option: str) -> None:
    """Minutes later is too late to find out."""
    if not os.access(target if target.exists() else target.absolute().parent, os.W_OK):
        raise click.BadParameter(f"{target} can't be written", param_hint=option)


def _result(row: Row, size: Size) -> dict[str, Any]:
    """What the row found; one that goes wrong does not take the others with it."""
    started = time.monotonic()
    click.echo(f"{row.key} ...", nl=False, err=True)
    try:
        found = _summary(row, *row.run(size))
    except UnavailableError as error:
        found = {"what": row.what, "skipped": str(error)}
    except Exception as error:  # whatever it is, it is this row's
        found = {"what": row.what, "error": f"{type(error).__name__}: {error}"}
    click.echo(f" {time.monotonic() - started:.0f} s", err=True)
    return found


def _summary(row: Row, found: Timing | Values, units: int) -> dict[str, Any]:
    measure = _of_values(found) if isinstance(found, Values) else _of_timing(found, units)
    measure |= {"what": row.what, "unit": row.unit, "units": units}
    if row.target is not None:
        measure |= {"target": row.target, "met": measure[_name(measure)] <= row.target}
    return measure


def _of_values(values: Values) -> dict[str, Any]:
    found = values.found
    return {"value": values.value, "min": min(found), "max": max(found), "rounds": list(found)}


def _of_timing(timing: Timing, units: int) -> dict[str, Any]:
    ratios = timing.ratios
    return {
        "ratio": timing.ratio,
        "min": min(ratios),
        "max": max(ratios),
        "ours_us": statistics.median(timing.ours) / units * 1e6,
        "limit_us": statistics.median(timing.limit) / units * 1e6,
        "rounds": [
            {"ratio": ratio, "ours_s": ours, "limit_s": limit}
            for ratio, ours, limit in zip(ratios, timing.ours, timing.limit, strict=True)
        ],
    }


def _name(measure: dict[str, Any]) -> str:
    return "ratio" if "ratio" in measure else "value"


def _table(results: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("row", no_wrap=True)
    for name in ("ratio", "min", "max", "target", "us", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    for key, row in results.items():
        if "min" not in row:
            table.add_row(key, "error" if "error" in row else "skipped")
            continue
        figures = [_short(row[name]) for name in (_name(row), "min", "max")]
        goal = f"{_short(row['target'])}{'' if row['met'] else ' !'}" if "target" in row else ""
        times = [
            _short(row[side]) if row[side] >= 100 else f"{row[side]:.3g}"
            for side in ("ours_us", "limit_us")
            if side in row
        ]
        table.add_row(key, *figures, goal, *times)
    return table


def _short(figure: float) -> str:
    return f"{figure:.2f}" if figure < 100 else f"{figure:,.0f}"


def _plain(size: Size) -> dict[str, Any]:
    return {
        "pages": size.pages,
        "references": size.references,
        "rounds": size.rounds,
        "replays": size.replays,
        "jobs": size.jobs,
        "children": size.children,
        "puts": size.puts,
        "entries": size.entries,
        "corpus": str(size.corpus or "mixed"),
    }


if __name__ == "__main__":
    bench(prog_name="python -m bench")
