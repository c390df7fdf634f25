"""`swaptiers plot`: one picture of a report as a file, for papers and slides."""

from __future__ import annotations

from pathlib import Path

import click

from swaptiers.errors import ConfigError
from swaptiers.report.extra import check_report
from swaptiers.report.write import whole

WHAT = ("tiers", "occupancy", "faults", "latency", "inversion", "ages", "distribution", "writes", "controllers")


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--what", type=click.Choice(WHAT), required=True, help="Which picture.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="A file that ends in .svg, .png or .pdf."
)
def plot(folders: tuple[Path, ...], what: str, out: Path) -> None:
    """Write one picture of the results that `swaptiers run --out` left in DIR; of several, compared."""
    check_report("swaptiers plot")
    from swaptiers.report.page import plot as page_plot  # noqa: PLC0415  needs the extra
    from swaptiers.report.page.sides import Comparison  # noqa: PLC0415
    from swaptiers.report.stored import read_results  # noqa: PLC0415

    picture = page_plot.plot(Comparison.of([read_results(folder) for folder in folders]), what, out)
    try:
        whole(out, lambda path: path.write_bytes(picture))
    except OSError as error:
        raise ConfigError(f"{out} can't be written: {error.strerror}; give another file") from error
    click.echo(f"wrote {out}")
