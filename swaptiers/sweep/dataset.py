"""A sweep's folder: one small Parquet file per finished run, whole or not there, and what the sweep is about.

`sweep.json`: what was asked. `points/variant=NAME/RUN.parquet`: a row each; RUN is a hash over all that decides the run's
numbers. `set-aside/`: finished runs of what was asked earlier, taken back when they are asked for again.
`failures.json`: what the last command could not finish.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from swaptiers.errors import ConfigError, ResultError
from swaptiers.sweep.plan import Plan, SweepTask
from swaptiers.sweep.row import FIGURES, Row, columns_of, row_of

SCHEMA = 1
SCHEMA_KEY = b"swaptiers.sweep"
SWEEP, FAILURES, POINTS, ASIDE, LOCK = "sweep.json", "failures.json", "points", "set-aside", ".lock"
PARTITION = "variant="
SUFFIX = ".parquet"


@attrs.frozen(kw_only=True)
class Failure:
    """A run that ended in an error. `kind`: the error's class."""

    variant: str
    point: Mapping[str, str]
    repetition: int
    seed: int
    kind: str
    error: str


@attrs.frozen
class DataSet:
    """The folder of one plan, held by one command at a time."""

    folder: Path
    plan: Plan

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within, no other command works here. Raises ConfigError if one does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"--out {self.folder}: another sweep is at work there; wait for it, or give another folder"
                ) from None
            yield

    def begin(self, questions: Sequence[str]) -> set[str]:
        """Make the folder this plan's: what is finished of it stays, the rest is set aside. Returns who is finished."""
        wanted = {task.name: task for task in self.plan.tasks}
        finished: set[str] = set()
        for root in (POINTS, ASIDE):
            for path in row_files(self.folder / root):
                task = wanted.get(path.stem)
                if task is None:
                    self._set_aside(path)
                elif self._take(path, task):
                    finished.add(task.name)
        for part in (self.folder / POINTS).glob(f"*/.*{SUFFIX}.part"):
            part.unlink()
        _write_json(self.folder / SWEEP, _described(self.plan, questions))
        return finished

    def _set_aside(self, path: Path) -> None:
        target = self.folder / ASIDE / path.parent.name / path.name
        if path != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)

    def _take(self, path: Path, task: SweepTask) -> bool:
        """True if the file is a whole one; it is written again where its columns or its place are another plan's."""
        try:
            row = read_row(path)
        except ResultError:  # somebody else's doing: ours are whole. It is run again
            return False
        if row.get("run") != task.name or any(name not in row for name in FIGURES):
            return False
        now = row_of(task, self.plan, row)
        target = self._path(task)
        if path != target or list(row) != list(now) or row != now:
            self._write(target, now)
            if path != target:
                path.unlink()
        return True

    def add(self, task: SweepTask, figures: Row) -> None:
        """Keep a finished run's row. When this returns, not even a power cut loses it."""
        self._write(self._path(task), row_of(task, self.plan, figures))

    def finished(self) -> int:
        """How many runs of the plan are."""
        return len(row_files(self.folder / POINTS))

    def _path(self, task: SweepTask) -> Path:
        return self.folder / POINTS / f"{PARTITION}{task.variant}" / f"{task.name}{SUFFIX}"

    def _write(self, target: Path, row: Row) -> None:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
        columns = columns_of(list(self.plan.grid.values), self.plan.tiers)
        schema = arrow.schema(
            [(name, arrow.type_for_alias(kind)) for name, kind in columns.items()],
            metadata={SCHEMA_KEY: str(SCHEMA).encode()},
        )
        table = arrow.Table.from_pylist([{name: row[name] for name in columns}], schema=schema)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.part")
        with partial.open("wb") as file:
            parquet.write_table(table, file)
            file.flush()
            os.fsync(file.fileno())
        _replace(partial, target)

    def fail(self, failures: Sequence[Failure]) -> None:
        """Keep what could not be finished; none: nothing is left of earlier ones."""
        path = self.folder / FAILURES
        if failures:
            _write_json(path, [attrs.asdict(failure) for failure in failures])
        else:
            path.unlink(missing_ok=True)


def read_row(path: Path) -> Row:
    """One file's row, with its variant. Raises ResultError for what is no such file."""
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            schema = (file.schema_arrow.metadata or {}).get(SCHEMA_KEY, b"none").decode(errors="replace")
            rows = file.read().to_pylist() if schema == str(SCHEMA) else []
    except (arrow.ArrowException, OSError) as error:
        raise ResultError(f"{path} can't be read: {error}") from error
    if len(rows) != 1 or not path.parent.name.startswith(PARTITION):
        raise ResultError(f"{path} is no row of a sweep that this swaptiers reads; remove it and run the sweep again")
    return {"variant": path.parent.name[len(PARTITION) :], **rows[0]}


def row_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{PARTITION}*/*{SUFFIX}"))


def _described(plan: Plan, questions: Sequence[str]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "config": plan.path.name,
        "grid": {key: list(values) for key, values in plan.grid.values.items()},
        "sets": list(plan.sets),
        "variants": list(plan.variants),
        "repeat": plan.repeat,
        "seed": plan.seed,
        "tiers": list(plan.tiers),
        "runs": len(plan.tasks),
        "questions": list(questions),
        "versions": {**plan.packages, **plan.machine},
        "configs": dict(plan.configs),
    }


def _write_json(target: Path, value: Any) -> None:
    partial = target.with_name(f".{target.name}.part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(json.dumps(value, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    _replace(partial, target)


def _replace(partial: Path, target: Path) -> None:
    os.replace(partial, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
