"""A run's results on disk: whole files or none."""

from __future__ import annotations

import json
import os
from pathlib import Path

from swaptiers.errors import ConfigError
from swaptiers.experiment.results import ExperimentResult

SUMMARY = "summary.json"


def check_folder(folder: Path) -> None:
    """Raises ConfigError if results can't be written into the folder. Nothing is made: that is for when there are some."""
    above = folder
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise ConfigError(f"--out {folder}: {above} is not a folder; give another one")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {folder}: {above} can't be written; give another folder")


def write_results(result: ExperimentResult, folder: Path) -> None:
    """Write summary.json under another name, then rename it: a reader never sees half of it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / SUMMARY
    partial = folder / f".{SUMMARY}.part"
    partial.write_text(json.dumps(result.to_json(), indent=1) + "\n", encoding="utf-8")
    os.replace(partial, target)
