"""`swaptiers mount`: the control files of a swap system as a directory, until Ctrl-C or an unmount."""

from __future__ import annotations

from pathlib import Path

import click

from swaptiers.cli.options import experiment_options
from swaptiers.config import load_document
from swaptiers.control import ControlTree
from swaptiers.control.filesystem import directly
from swaptiers.control.mounting import Mounted, check_mountable
from swaptiers.errors import ConfigError, TierIOError
from swaptiers.experiment.filling import fill
from swaptiers.experiment.load import load_experiment
from swaptiers.system import SwapSystem
from swaptiers.system_yaml import system_spec_from_yaml

BACKGROUND_S = 0.1
"""How often background steps are taken: nobody else lets time pass."""


@click.command()
@experiment_options
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--pages",
    type=click.IntRange(min=0),
    default=1 << 16,
    show_default=True,
    help="Swap out so many pages of each workload first; 0 leaves it empty.",
)
@click.option("--quiet", is_flag=True, help="Say nothing.")
def mount(config: Path, folder: Path, sets: tuple[str, ...], seed: int | None, pages: int, quiet: bool) -> None:
    """Mount the control files of CONFIG's swap system on DIR.

    The tiers hold the pages of its workloads, of which none runs: what moves, moves because somebody writes into a file.
    """
    check_mountable(folder)
    if "workloads" not in load_document(config).value:
        if sets or seed is not None:
            raise ConfigError("--set and --seed are for a config with workloads", file=str(config))
        with SwapSystem.from_spec(system_spec_from_yaml(config), folder=config.resolve().parent) as swap:
            _serve(swap, folder, quiet)
        return
    experiment = load_experiment(config, sets=sets, seed=seed)
    with SwapSystem.from_spec(experiment.base, folder=experiment.folder) as swap:
        for workload in experiment.base.workloads:
            swap.cgroup(workload.cgroup)
        for filled in fill(swap, experiment.base, experiment.folder, pages) if pages else ():
            if not quiet:
                why = "".join(f"; {count} refused ({reason})" for reason, count in sorted(filled.refused.items()))
                click.echo(f"{filled.cgroup}: {filled.stored} pages{why}", err=True)
        _serve(swap, folder, quiet)


def _serve(swap: SwapSystem, folder: Path, quiet: bool) -> None:
    """Until somebody says that it is enough."""
    with Mounted(directly(ControlTree(swap)), folder) as mounted:
        if not quiet:
            click.echo(f"mounted on {folder}; Ctrl-C or fusermount3 -u {folder} ends it", err=True)
        try:
            while not mounted.ended.wait(BACKGROUND_S):
                try:
                    swap.run_background()
                except TierIOError as error:
                    click.echo(f"swaptiers: {error}", err=True)
        except KeyboardInterrupt:
            pass
    if not quiet:
        click.echo("unmounted", err=True)
