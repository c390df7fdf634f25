"""A sweep's folder, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import cattrs

from swaptiers.errors import ResultError
from swaptiers.sweep.dataset import FAILURES, POINTS, SCHEMA, SWEEP, Failure, read_row, row_files
from swaptiers.sweep.row import FIGURES, Row


@attrs.frozen(kw_only=True)
class StoredSweep:
    """What a folder holds. `rows`: of the runs that are finished, by variant, point and repetition; `runs`: how many there
    are to be in all; `configs`: of the first point, per variant, resolved."""

    folder: Path
    config: str
    grid: Mapping[str, tuple[str, ...]]
    sets: tuple[str, ...]
    variants: tuple[str, ...]
    repeat: int
    seed: int
    tiers: tuple[str, ...]
    runs: int
    questions: tuple[str, ...]
    versions: Mapping[str, str]
    configs: Mapping[str, Any]
    failures: tuple[Failure, ...]
    rows: tuple[Row, ...]


def is_sweep(folder: Path) -> bool:
    """True for the folder of a sweep."""
    return (folder / SWEEP).is_file()


def read_sweep(folder: Path) -> StoredSweep:
    """What `swaptiers sweep` wrote, finished or not. Raises ResultError where that is missing, broken or newer."""
    described = _json(folder / SWEEP)
    if not isinstance(described, dict) or described.get("schema") != SCHEMA:
        found = described.get("schema") if isinstance(described, dict) else None
        raise ResultError(f"{folder / SWEEP} has schema {found!r}, and this swaptiers reads {SCHEMA}")
    failures = _json(folder / FAILURES) if (folder / FAILURES).exists() else []
    rows = [read_row(path) for path in row_files(folder / POINTS)]
    try:
        stored = cattrs.structure({**described, "folder": str(folder), "failures": failures, "rows": ()}, StoredSweep)
    except (cattrs.BaseValidationError, TypeError, KeyError, ValueError) as error:
        raise ResultError(f"{folder / SWEEP} can't be read: {error}") from None
    places = {key: {value: n for n, value in enumerate(values)} for key, values in stored.grid.items()}
    variants = {name: n for n, name in enumerate(stored.variants)}

    def place(row: Row) -> tuple[int, ...]:
        return (variants[row["variant"]], *(places[key][row[key]] for key in places), row["repetition"])

    try:
        for row in rows:
            for name in FIGURES:
                row[name]
        return attrs.evolve(stored, rows=tuple(sorted(rows, key=place)))
    except KeyError as error:
        raise ResultError(
            f"{folder / POINTS} and {SWEEP} are not of the same sweep (what is {error.args[0]}?); run it again"
        ) from None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path} can't be read: {error}") from error
