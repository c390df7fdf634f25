"""`swaptiers report`: results as one page to look at, of one run or of several side by side."""

from __future__ import annotations

from pathlib import Path

import click

from swaptiers.errors import ConfigError
from swaptiers.report.extra import check_report
from swaptiers.report.write import REPORT


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The page's file; default: report.html in DIR, or here for several.",
)
def report(folders: tuple[Path, ...], out: Path | None) -> None:
    """Write a page about the results that `swaptiers run --out` left in DIR; about several, compared."""
    check_report("swaptiers report")
    from swaptiers.report.page.write import write_report  # noqa: PLC0415  needs the extra

    target = out or (folders[0] / REPORT if len(folders) == 1 else Path(REPORT))
    try:
        write_report(folders, target)
    except OSError as error:
        raise ConfigError(f"{target} can't be written: {error.strerror}; give another file with -o") from error
    click.echo(f"wrote {target}")
