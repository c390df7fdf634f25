"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def experiment_options(command: Command) -> Command:
    """CONFIG, and what changes its keys: for every command that reads an experiment."""
    for option in (
        click.option("--seed", type=int, help="Another seed than the config's."),
        click.option(
            "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a key: tiers.zswap.max_pool=64M."
        ),
        click.argument("config", type=click.Path(path_type=Path)),
    ):
        command = option(command)
    return command
