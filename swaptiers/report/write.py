"""A run's results on disk: whole files or none."""

from __future__ import annotations

import json
import os
from pathlib import Path

from swaptiers.errors import ConfigError
from swaptiers.experiment.results import ExperimentResult

SUMMARY = "summary.json"


def check_folder(folder: Path) -> None:
    """Make the folder for results if it is absent. Raises ConfigError if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise ConfigError(f"--out {folder}: can't be written ({error.strerror}); give another folder") from error


def write_results(result: ExperimentResult, folder: Path) -> None:
    """Write summary.json under another name, then rename it: a reader never sees half of it."""
    target = folder / SUMMARY
    partial = folder / f".{SUMMARY}.part"
    partial.write_text(json.dumps(result.to_json(), indent=1) + "\n", encoding="utf-8")
    os.replace(partial, target)
