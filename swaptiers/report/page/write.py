"""Reports written: of the folders that hold results, whatever kind they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from swaptiers.errors import ResultError
from swaptiers.report.page.frame import Page, html_of
from swaptiers.report.page.of_runs import page_of
from swaptiers.report.page.of_sweep import page_of_sweep
from swaptiers.report.page.sides import Comparison
from swaptiers.report.stored import read_results
from swaptiers.report.write import whole
from swaptiers.sweep.stored import is_sweep, read_sweep


def write_report(folders: Sequence[Path], target: Path) -> None:
    """A page about the runs in these folders, or the one sweep. Raises ResultError for folders that hold none."""
    text = html_of(_page(folders))
    whole(target, lambda path: path.write_text(text, encoding="utf-8"))


def _page(folders: Sequence[Path]) -> Page:
    sweeps = [folder for folder in folders if is_sweep(folder)]
    if not sweeps:
        return page_of(Comparison.of([read_results(folder) for folder in folders]))
    if len(folders) > 1:
        raise ResultError(f"{sweeps[0]} is a sweep, which has a page of its own: report it alone")
    return page_of_sweep(read_sweep(sweeps[0]))
