"""The command line, from the help of its commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from swaptiers.cli import cli

WIDTH = 100


def text() -> str:
    """Every command with its help, as a terminal shows it."""
    return "\n".join(f"{'#' * depth} `{name}`\n\n```text\n{help_}\n```\n" for name, help_, depth in _pages(cli, "swaptiers"))


def _pages(command: click.Command, name: str, above: click.Context | None = None, depth: int = 2) -> Iterator[tuple[str, str, int]]:
    context = click.Context(command, info_name=name, parent=above, max_content_width=WIDTH, terminal_width=WIDTH)
    yield context.command_path, command.get_help(context), depth
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _pages(found, inner, context, 3 if above is not None else 2)
