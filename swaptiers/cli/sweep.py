"""`swaptiers sweep`: an experiment over a grid, on many processes or a cluster, and what it says in the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from swaptiers.cli.options import experiment_options
from swaptiers.core.compile import is_cold
from swaptiers.errors import ConfigError
from swaptiers.report.write import check_folder
from swaptiers.sweep.answer import Question, answers
from swaptiers.sweep.dataset import DataSet, Failure
from swaptiers.sweep.extra import check_sweep
from swaptiers.sweep.grid import Grid, written_point
from swaptiers.sweep.plan import Plan, SweepTask, make_plan
from swaptiers.sweep.runner import Ended, Place, default_workers, run_sweep
from swaptiers.sweep.stored import read_sweep

MOST_SHOWN = 20
"""Failures; the others are in failures.json."""


@click.command()
@experiment_options
@click.option(
    "--grid", "grids", multiple=True, metavar="KEY=VALUE,...", help="Each of these values; several: each combination."
)
@click.option("--repeat", type=int, help="Runs of each point, with a seed each; default: the config's run.repeat.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The sweep's folder; again: go on there.")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="Sweep only this variant (may be repeated).")
@click.option("--workers", type=int, help="So many processes of this machine; default: one per processor.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler (tcp://HOST:PORT) instead of own processes.")
@click.option(
    "--answer", "questions", multiple=True, metavar="QUESTION", help="Like: tiers.zswap.max_pool where p99 < 200us."
)
@click.option("--quiet", is_flag=True, help="Nothing but errors.")
def sweep(
    config: Path,
    sets: tuple[str, ...],
    seed: int | None,
    grids: tuple[str, ...],
    repeat: int | None,
    out: Path,
    variants: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    questions: tuple[str, ...],
    quiet: bool,
) -> None:
    """Run the experiment in CONFIG at every point of a grid.

    The same command again goes on where it was stopped: no run that is finished is run twice.
    """
    check_sweep()
    if workers is not None and scheduler is not None:
        raise ConfigError("--workers is for processes of this machine; a scheduler has its own: leave one of them out")
    grid = Grid.parse(grids)
    check_folder(out)
    plan = make_plan(config, grid, repeat=repeat, sets=sets, seed=seed, variants=variants or None)
    asked = [Question.parse(text, list(grid.values), plan.tiers) for text in questions]
    place = Place(workers=default_workers() if workers is None else workers, address=scheduler)
    if workers is None and plan.path_tier is not None and scheduler is None:
        place = Place(workers=1)
    place.check(plan)
    errors = Console(stderr=True)
    data = DataSet(out, plan)
    with data.held():
        finished = data.begin(questions)
        todo = [task for task in plan.tasks if task.name not in finished]
        if not quiet:
            _say_begin(errors, plan, len(todo), place)
        failures = _run(errors, data, todo, place, quiet)
        data.fail(failures)
    if not quiet:
        click.echo(f"{len(plan.tasks) - len(failures):,} of {len(plan.tasks):,} runs are finished, in {out}")
        _say_answers(asked, plan, out)
    if failures:
        _say_failures(errors, failures)
        sys.exit(3 if any(failure.kind == "IntegrityError" for failure in failures) else 1)


def _run(errors: Console, data: DataSet, todo: Sequence[SweepTask], place: Place, quiet: bool) -> list[Failure]:
    try:
        with _progress(errors, len(todo), quiet) as ended:
            return run_sweep(data, todo, place, ended)
    except KeyboardInterrupt:
        errors.print(
            f"interrupted; {data.finished():,} of {len(data.plan.tasks):,} runs are finished and kept in {data.folder}; "
            f"the same command goes on with the others",
            highlight=False,
            soft_wrap=True,
        )
        sys.exit(130)


@contextmanager
def _progress(errors: Console, runs: int, quiet: bool) -> Iterator[Ended]:
    """A bar on a terminal; nothing elsewhere."""
    if quiet or not errors.is_terminal or not runs:
        yield lambda task, failure: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    with Progress(*columns, console=errors, transient=True) as bars:
        bar = bars.add_task("runs", total=runs, failed="")
        failed = 0

        def ended(_: SweepTask, failure: Failure | None) -> None:
            nonlocal failed
            failed += failure is not None
            bars.update(bar, advance=1, failed=f"{failed} failed" if failed else "")

        yield ended


def _say_begin(errors: Console, plan: Plan, todo: int, place: Place) -> None:
    for sentence in plan.advice:
        errors.print(f"{plan.path}: note: {sentence}", highlight=False, soft_wrap=True)
    done = len(plan.tasks) - todo
    seeds = "1 seed" if plan.repeat == 1 else f"{plan.repeat} seeds"
    variants = "1 variant" if len(plan.variants) == 1 else f"{len(plan.variants)} variants"
    said = f"{len(plan.grid):,} points, {variants}, {seeds}: {len(plan.tasks):,} runs"
    if done:
        said += f", {done:,} of them finished earlier"
    if todo and place.address is not None:
        said += f"; at the scheduler {place.address}"
    elif todo:
        said += f"; {min(place.workers, todo)} at a time"
    errors.print(said, highlight=False, soft_wrap=True)
    if todo and place.address is None and is_cold():
        errors.print("compiling the kernels, once: about 20 s", highlight=False)


def _say_answers(questions: Sequence[Question], plan: Plan, out: Path) -> None:
    rows = read_sweep(out).rows if questions else ()
    for question in questions:
        for answer in answers(question, plan.grid.values, plan.repeat, rows):
            about = [answer.variant] if len(plan.variants) > 1 else []
            if answer.others:
                about.append(written_point(answer.others))
            click.echo(f"{', '.join(about)}: {answer.sentence}" if about else answer.sentence)


def _say_failures(errors: Console, failures: Sequence[Failure]) -> None:
    table = Table(title=f"{len(failures):,} runs failed", title_justify="left", box=None)
    for head in ("point", "variant", "seed", "error"):
        table.add_column(head, overflow="fold")
    for failure in failures[:MOST_SHOWN]:
        table.add_row(written_point(failure.point), failure.variant, str(failure.seed), failure.error)
    errors.print(table, highlight=False, markup=False)
    if len(failures) > MOST_SHOWN:
        errors.print(f"and {len(failures) - MOST_SHOWN:,} more, in failures.json", highlight=False)
    errors.print("the same command tries them again", highlight=False)
