"""`swaptiers run`: an experiment, its progress on a terminal, and a table of the variants at the end."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from swaptiers.cli.live import shown
from swaptiers.cli.metrics import check_wanted, metrics_served
from swaptiers.cli.options import experiment_options
from swaptiers.core.compile import is_cold
from swaptiers.errors import IntegrityError
from swaptiers.experiment.baselines import with_baselines, with_oracle
from swaptiers.experiment.handover import Handover
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.results import ExperimentResult, VariantResult
from swaptiers.experiment.run import check_jobs, run_experiment
from swaptiers.experiment.watching import Watcher
from swaptiers.report.events import EventParts
from swaptiers.report.explain import explain
from swaptiers.report.extra import INSTALL, check_wishes
from swaptiers.report.refusals import refused_writes
from swaptiers.report.table import VariantsTable
from swaptiers.report.write import REPORT, check_folder, write_results

MIN_PACE, MAX_PACE = 1e-6, 1e6


def _pace(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """``1x``, ``0.5x``, ``10``: virtual seconds in a real one."""
    if value is None:
        return None
    try:
        pace = float(value.removesuffix("x"))
    except ValueError:
        pace = math.nan
    if not MIN_PACE <= pace <= MAX_PACE:
        raise click.BadParameter(f"a pace is a number like 1x, {MIN_PACE:g} to {MAX_PACE:g}, not {value[:40]!r}")
    return pace


@click.command()
@experiment_options
@click.option("--out", type=click.Path(path_type=Path), help="Write summary, samples and report into this folder.")
@click.option("--events", is_flag=True, help="With --out: write every step of demotion too (events.parquet).")
@click.option(
    "--report/--no-report",
    "wants_report",
    default=None,
    help="Demand report.html with --out, or leave it out; default: where the extra `report` is installed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON instead of the table.")
@click.option("--quiet", is_flag=True, help="No progress and no table.")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="Run only this variant (may be repeated).")
@click.option("--explain", "explains", is_flag=True, help="Say why each edge moved or stalled, by reason and share.")
@click.option("--baselines", is_flag=True, help="Add variants overflow and kernel, unless the config has such.")
@click.option("--bounds", is_flag=True, help="Add a variant that knows the future, and the fewest faults possible.")
@click.option(
    "--mount", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Mount the run's control files."
)
@click.option(
    "--pace",
    callback=_pace,
    metavar="NX",
    help="With --mount: so fast at most; 1x is real time, 10x ten times that.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve the runs' metrics to Prometheus while they go on; 0: any free port.",
)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Where to listen for it.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Run so many variants at a time.")
def run(
    config: Path,
    out: Path | None,
    events: bool,
    wants_report: bool | None,
    as_json: bool,
    quiet: bool,
    variants: tuple[str, ...],
    sets: tuple[str, ...],
    seed: int | None,
    jobs: int,
    explains: bool,
    baselines: bool,
    bounds: bool,
    folder: Path | None,
    pace: float | None,
    metrics_port: int | None,
    metrics_host: str,
) -> None:
    """Run the experiment in CONFIG and print what each variant cost."""
    experiment = load_experiment(config, sets=sets, seed=seed, variants=variants or None)
    if baselines:
        experiment = with_baselines(experiment)
    if bounds:
        experiment = with_oracle(experiment)
    check_jobs(experiment, jobs)
    if pace is not None and folder is None:
        raise click.UsageError("--pace is for a run that somebody drives: give --mount DIR too")
    if folder is not None and jobs > 1:
        raise click.UsageError("--mount shows one run at a time; leave --jobs at 1")
    if out is not None:
        check_folder(out)
    check_wanted(metrics_port, jobs)
    writes_report = check_wishes(out, events=events, report=wants_report)
    errors = Console(stderr=True)
    if not quiet:
        for sentence in experiment.advice():
            click.echo(f"{config}: note: {sentence}", err=True)
        if out is not None and wants_report is None and not writes_report:
            click.echo(f"no {REPORT} without the extra `report`: {INSTALL}", err=True)
    if is_cold() and not quiet:
        errors.print("compiling the kernels, once: about 20 s", highlight=False)
    finished: dict[str, VariantResult] = {}
    repeats = {name: spec.run.repeat for name, spec in experiment.variants.items()}
    try:
        with _event_parts(out if events else None) as parts:
            with (
                metrics_served(metrics_host, metrics_port, None if quiet else errors) as viewers,
                shown(errors, repeats, jobs, quiet=quiet) as live,
                _driven(folder, pace) as hand,
            ):
                result = run_experiment(
                    experiment,
                    jobs=jobs,
                    bounds=bounds,
                    progress=live.report,
                    finished=finished.__setitem__,
                    steps=parts,
                    hand=hand,
                    watch=Watcher([*viewers, *live.viewers]) if viewers or live.viewers else None,
                )
            if out is not None:
                write_results(result, out, parts)
                if writes_report:
                    _write_report(out)
    except KeyboardInterrupt:
        _say_interrupted(errors, list(finished), list(experiment.variants))
        sys.exit(130)
    if as_json:
        json.dump(result.to_json(), sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif not quiet:
        Console().print(VariantsTable(result))
        for sentence in refused_writes(result.variants):
            click.echo(sentence)
        if explains:
            Console().print(explain(result.variants))
    _check_integrity(result)


@contextmanager
def _driven(folder: Path | None, pace: float | None) -> Iterator[Handover | None]:
    """The runs' control files in `folder`, while they go on."""
    if folder is None:
        yield None
        return
    from swaptiers.control.mounting import Mounted  # noqa: PLC0415  (seldom wanted)

    hand = Handover(pace)
    with Mounted(hand.ask, folder):
        try:
            yield hand
        finally:
            hand.close()


@contextmanager
def _event_parts(folder: Path | None) -> Iterator[EventParts | None]:
    """Where the runs' events are while they go on: in the folder itself, so that they fit on its disk."""
    if folder is None:
        yield None
        return
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".events-", dir=folder) as parts:
            yield EventParts(Path(parts))
    finally:
        if new and not any(folder.iterdir()):
            folder.rmdir()


def _write_report(folder: Path) -> None:
    from swaptiers.report.page.write import write_report  # noqa: PLC0415  needs the extra

    write_report([folder], folder / REPORT)


def _say_interrupted(errors: Console, finished: list[str], wanted: list[str]) -> None:
    done = f"finished: {', '.join(finished)}" if finished else "no variant was finished"
    left = ", ".join(name for name in wanted if name not in finished)
    errors.print(f"interrupted; {done}; not finished: {left}; nothing was written", highlight=False)


def _check_integrity(result: ExperimentResult) -> None:
    """A page that came back wrong or not at all ends the command with exit code 3, after its numbers were shown."""
    for name, variant in result.variants.items():
        integrity = variant.integrity
        if integrity.mismatched or integrity.lost:
            raise IntegrityError(
                f"variant {name}: {integrity.mismatched} pages came back wrong and {integrity.lost} were lost: "
                f"this is a defect of swaptiers; please report it with the config and the seed"
            )
