"""`swaptiers graph`: the tiers and edges of a config, as text, DOT or Mermaid."""

from __future__ import annotations

from pathlib import Path

import click

from swaptiers.cli.options import experiment_options
from swaptiers.experiment.load import load_experiment
from swaptiers.graph import TierGraph
from swaptiers.report.graph import FORMATS


@click.command()
@experiment_options
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--variant", metavar="NAME", help="Draw this variant instead of the config without one.")
def graph(config: Path, sets: tuple[str, ...], seed: int | None, form: str, variant: str | None) -> None:
    """Draw the tiers and edges of CONFIG."""
    experiment = load_experiment(config, sets=sets, seed=seed, variants=(variant,) if variant else None)
    spec = experiment.base if variant is None else experiment.variants[variant]
    click.echo(FORMATS[form](TierGraph.build(spec.tiers, spec.edges, spec.on_full, int(spec.page_size)), spec.ram))
