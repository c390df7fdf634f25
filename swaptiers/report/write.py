"""A run's results on disk: whole files or none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from swaptiers.errors import ConfigError
from swaptiers.experiment.results import ExperimentResult
from swaptiers.report.events import EventParts
from swaptiers.report.files import has_parquet, write_csv, write_parquet
from swaptiers.report.tables import Block, latency_blocks, sample_blocks

SUMMARY, EVENTS, REPORT = "summary.json", "events.parquet", "report.html"
SAMPLES, LATENCIES = "samples", "latencies"
TABLES = {SAMPLES: sample_blocks, LATENCIES: latency_blocks}


def check_folder(folder: Path) -> None:
    """Raises ConfigError if results can't be written into the folder. Nothing is made: that is for when there are some."""
    above = folder
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise ConfigError(f"--out {folder}: {above} is not a folder; give another one")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {folder}: {above} can't be written; give another folder")


def write_results(result: ExperimentResult, folder: Path, events: EventParts | None = None) -> None:
    """Write the tables and summary.json; as CSV where pyarrow is missing. What an earlier run left there goes.

    Each under another name first: nobody sees half of one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = result.to_json()
    run = run_of(summary)
    (folder / REPORT).unlink(missing_ok=True)
    for name, blocks in TABLES.items():
        _write_table(blocks(result), folder / name, run)
    if events is None:
        (folder / EVENTS).unlink(missing_ok=True)
    else:
        whole(folder / EVENTS, lambda path: events.join(result, run, path))
    text = json.dumps(summary, indent=1) + "\n"
    whole(folder / SUMMARY, lambda path: path.write_text(text, encoding="utf-8"))


def run_of(summary: Mapping[str, Any]) -> str:
    """What tells this summary from every other: a hash over what it says, however it is laid out."""
    text = json.dumps(summary, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _write_table(blocks: Iterator[Block], stem: Path, run: str) -> None:
    """In one form; the other one, of an earlier run, goes."""
    parquet, plain = stem.with_suffix(".parquet"), stem.with_suffix(".csv")
    if has_parquet():
        whole(parquet, lambda path: write_parquet(blocks, path, run))
        plain.unlink(missing_ok=True)
    else:
        whole(plain, lambda path: write_csv(blocks, path))
        parquet.unlink(missing_ok=True)


def whole(target: Path, write: Callable[[Path], Any]) -> None:
    """Let a file be written under another name and take its place when it is complete."""
    partial = target.with_name(f".{target.name}.part")
    partial.unlink(missing_ok=True)  # it may be a link, and what that leads to is not ours
    try:
        write(partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
