"""`swaptiers init`: a commented config to start from."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import click

from swaptiers.errors import ConfigError


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="tiers.yaml")
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def init(path: Path, force: bool) -> None:
    """Write a commented config to PATH (tiers.yaml; - for standard output)."""
    text = importlib.resources.files("swaptiers.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; give another name, or --force to overwrite it") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}; give another path") from error
    click.echo(f"wrote {path}; run it: swaptiers run {path}")
