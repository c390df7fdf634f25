"""The command line. Each command is loaded when it is used: `swaptiers --help` imports neither numba nor networkx."""

from __future__ import annotations

import importlib
import os
import sys
import traceback

import click

from swaptiers import __version__
from swaptiers.errors import ConfigError, IntegrityError, SwapTiersError

COMMANDS = {
    "run": "Run the experiment in CONFIG and print what each variant cost.",
    "sweep": "Run the experiment in CONFIG at every point of a grid, in parallel.",
    "report": "Write a page about the results in DIR, or compare several.",
    "plot": "Write one picture of the results in DIR as SVG, PNG or PDF.",
    "mount": "Mount the control files of CONFIG's swap system on DIR.",
    "check": "Validate CONFIG and print it with every default filled in.",
    "graph": "Draw the tiers and edges of CONFIG.",
    "init": "Write a commented config to start from.",
    "schema": "Print the JSON schema of configs, for editors.",
    "trace": "Look at a trace of references, or convert one.",
    "torture": "Torture random systems with faults, and compare every page.",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="swaptiers")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Swap tiers as a graph, on real bytes, with numbers."""


def main(arguments: list[str] | None = None) -> None:
    """The console script. Exit codes: 0 done, 2 bad config or usage, 1 a failed run, 3 broken integrity, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(arguments, prog_name="swaptiers", standalone_mode=False)
        sys.stdout.flush()
        if isinstance(code, int) and code:
            sys.exit(code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (SwapTiersError, OSError, MemoryError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        click.echo(
            f"swaptiers: {error}" if not isinstance(error, ConfigError) or error.file is None else str(error), err=True
        )
        sys.exit(_exit_code(error))


def _exit_code(error: BaseException) -> int:
    if isinstance(error, ConfigError):
        return 2
    return 3 if isinstance(error, IntegrityError) else 1
