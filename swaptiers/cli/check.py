"""`swaptiers check`: is this config right, and what does it say once every default is filled in?"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from swaptiers.cli.options import experiment_options
from swaptiers.config import difference, unstructure
from swaptiers.experiment.load import ONLY, Experiment, load_experiment

WIDTH = 100
FIRST = ("version", "seed")


@click.command()
@experiment_options
@click.option("--variant", metavar="NAME", help="Print this variant with everything resolved.")
@click.option("--quiet", is_flag=True, help="Only validate.")
def check(config: Path, sets: tuple[str, ...], seed: int | None, variant: str | None, quiet: bool) -> None:
    """Validate CONFIG and print it with every default filled in."""
    experiment = load_experiment(config, sets=sets, seed=seed, variants=(variant,) if variant else None)
    for sentence in experiment.advice():
        click.echo(f"{config}: note: {sentence}", err=True)
    if not quiet:
        click.echo(_yaml(_resolved(experiment, variant)), nl=False)


def _resolved(experiment: Experiment, variant: str | None) -> dict[str, Any]:
    if variant is not None:
        return unstructure(experiment.variants[variant])
    plain = unstructure(experiment.base)
    base = {key: plain[key] for key in sorted(plain, key=lambda key: key not in FIRST)}
    if list(experiment.variants) == [ONLY]:
        return base
    changes = {name: difference(base, unstructure(spec)) for name, spec in experiment.variants.items()}
    return {**base, "variants": changes}


def _yaml(plain: dict[str, Any]) -> str:
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.representer.add_representer(
        type(None), lambda dump, _: dump.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    yaml.width = WIDTH
    text = io.StringIO()
    yaml.dump(plain, text)
    return text.getvalue()
