"""`swaptiers schema`: the JSON schema of configs, for editors and other checkers."""

from __future__ import annotations

import json

import click

from swaptiers.experiment.schema import experiment_schema


@click.command()
def schema() -> None:
    """Print the JSON schema of configs, for editors.

    Write it into tiers.schema.json beside the config, whose first line names it, as `swaptiers init` does.
    """
    click.echo(json.dumps(experiment_schema(), indent=1, ensure_ascii=False))
