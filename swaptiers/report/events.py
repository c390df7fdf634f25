"""events.parquet: every step of demotion of every run, written as the runs go on, whatever their length."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from swaptiers.experiment.results import ExperimentResult
from swaptiers.experiment.steps import Steps, StepSink
from swaptiers.report.files import RUN_KEY, arrow_table
from swaptiers.report.tables import Block, Names, runs_of

ROWS_AT_ONCE = 1 << 16


@attrs.frozen
class EventParts:
    """A file per run in a folder of its own, until all are put together. Goes to other processes as it is."""

    folder: Path

    def _part(self, variant: str, repetition: int) -> Path:
        return self.folder / f"{hashlib.sha256(variant.encode()).hexdigest()[:16]}-{repetition}.parquet"

    @contextmanager
    def __call__(self, variant: str, repetition: int) -> Iterator[StepSink]:
        """Takes the steps of one run."""
        parquet: Any = importlib.import_module("pyarrow.parquet")
        empty = arrow_table(_block(Steps(table=_NO_STEPS, tiers=[], triggers=[], cgroups={}), variant, repetition), "")
        with parquet.ParquetWriter(self._part(variant, repetition), empty.schema, compression="zstd") as writer:
            gathered = _Gathered(writer)
            yield lambda steps: gathered.add(arrow_table(_block(steps, variant, repetition), ""))
            gathered.flush()

    def join(self, result: ExperimentResult, run: str, path: Path) -> None:
        """All runs' steps in one file, in the order of the variants. Never more than a few in memory."""
        parquet: Any = importlib.import_module("pyarrow.parquet")
        parts = [self._part(variant, repetition) for variant, repetition, _ in runs_of(result)]
        schema = parquet.read_schema(parts[0])
        schema = schema.with_metadata({**schema.metadata, RUN_KEY: run.encode()})
        arrow: Any = importlib.import_module("pyarrow")
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for part in parts:
                with parquet.ParquetFile(part) as file:
                    for batch in file.iter_batches(ROWS_AT_ONCE):
                        writer.write_table(arrow.Table.from_batches([batch]).cast(schema))


class _Gathered:
    """Steps that come a few at a time, written as row groups worth having."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._tables: list[Any] = []
        self._rows = 0

    def add(self, table: Any) -> None:
        self._tables.append(table)
        self._rows += table.num_rows
        if self._rows >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._tables:
            arrow: Any = importlib.import_module("pyarrow")
            self._writer.write_table(arrow.concat_tables(self._tables).unify_dictionaries())
        self._tables, self._rows = [], 0


_NO_STEPS = np.zeros(
    0,
    [(name, "i4") for name in ("source", "target", "trigger", "cgroup")]
    + [(name, "i8") for name in ("time_ns", "entries", "freed_bytes", "written_bytes")],
)


def _block(steps: Steps, variant: str, repetition: int) -> Block:
    """variant, repetition, time_ns, edge, source, target, trigger, cgroup, entries, freed_bytes, written_bytes."""
    rows, tiers = steps.table, list(steps.tiers)
    pairs = [f"{source}->{target}" for source in tiers for target in tiers]
    paths = [steps.cgroups.get(index, "") for index in range(max(steps.cgroups, default=-1) + 1)]
    source, target = rows["source"].astype(np.int32), rows["target"].astype(np.int32)
    return Block(
        {
            "variant": Names.repeated([variant], [len(rows)]),
            "repetition": np.full(len(rows), repetition, np.int32),
            "time_ns": rows["time_ns"].astype(np.int64),
            "edge": Names((source * len(tiers) + target).astype(np.int32), pairs),
            "source": Names(source, tiers),
            "target": Names(target, tiers),
            "trigger": Names(rows["trigger"].astype(np.int32), list(steps.triggers)),
            "cgroup": Names(rows["cgroup"].astype(np.int32), paths),
            **{name: rows[name].astype(np.int64) for name in ("entries", "freed_bytes", "written_bytes")},
        }
    )
