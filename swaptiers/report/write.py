"""A run's results on disk: whole files or none."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from swaptiers.errors import ConfigError
from swaptiers.experiment.results import ExperimentResult
from swaptiers.experiment.series import Series

SUMMARY = "summary.json"
SeriesFormat = Literal["csv", "parquet"]


def check_folder(folder: Path) -> None:
    """Raises ConfigError if results can't be written into the folder. Nothing is made: that is for when there are some."""
    above = folder
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise ConfigError(f"--out {folder}: {above} is not a folder; give another one")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {folder}: {above} can't be written; give another folder")


def check_series_format(form: SeriesFormat) -> None:
    """Raises ConfigError where Parquet is asked for and pyarrow is not there."""
    if form == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ConfigError("--series parquet needs pyarrow: pip install 'swaptiers[parquet]', or use --series csv")


def write_results(result: ExperimentResult, folder: Path, series: SeriesFormat = "csv") -> None:
    """Write summary.json and a file of samples per variant, and per controller that it has.

    Each under another name first: nobody sees half of one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, variant in result.variants.items():
        _write_series(variant.series, folder / f"series-{name}.{series}", series)
        for number, controller in enumerate(variant.controllers):
            _write_series(controller.series, folder / f"controller-{name}-{number}.{series}", series)
    text = json.dumps(result.to_json(), indent=1) + "\n"
    _whole(folder / SUMMARY, lambda path: path.write_text(text, encoding="utf-8"))


def _write_series(series: Series, target: Path, form: SeriesFormat) -> None:
    _whole(target, lambda path: _write_csv(series, path) if form == "csv" else _write_parquet(series, path))


def _write_csv(series: Series, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(series.columns)
        writer.writerows(series.rows)


def _write_parquet(series: Series, path: Path) -> None:
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    parquet.write_table(arrow.table({name: series.column(name) for name in series.columns}), path)


def _whole(target: Path, write: Callable[[Path], Any]) -> None:
    partial = target.with_name(f".{target.name}.part")
    try:
        write(partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
