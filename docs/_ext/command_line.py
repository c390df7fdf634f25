"""The command line, from the help of its commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from swaptiers.cli import cli

WIDTH = 100


def text() -> str:
    """Every command with its help, as a terminal shows it."""
    pages = _pages(cli, "swaptiers")
    return "\n".join(f"{'#' * depth} `{name}`\n\n```text\n{words}\n```\n" for name, words, depth in pages)


def _pages(
    command: click.Command, name: str, above: click.Context | None = None, depth: int = 2
) -> Iterator[tuple[str, str, int]]:
    """A command's name with all above it, its help, and how deep its heading is; then those of its own commands."""
    sizes = {"max_content_width": WIDTH, "terminal_width": WIDTH}
    context = click.Context(command, info_name=name, parent=above, **{**command.context_settings, **sizes})
    yield context.command_path, command.get_help(context), depth
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _pages(found, inner, context, 3 if above is not None else 2)
