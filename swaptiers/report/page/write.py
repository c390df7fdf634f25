"""Reports written: of the folders that hold results, whatever kind they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from swaptiers.report.page.frame import html_of
from swaptiers.report.page.of_runs import page_of
from swaptiers.report.page.sides import Comparison
from swaptiers.report.stored import read_results
from swaptiers.report.write import whole


def write_report(folders: Sequence[Path], target: Path) -> None:
    """A page about the runs in these folders. Raises ResultError for folders that hold none."""
    text = html_of(page_of(Comparison.of([read_results(folder) for folder in folders])))
    whole(target, lambda path: path.write_text(text, encoding="utf-8"))
