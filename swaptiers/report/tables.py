"""The tidy tables of a run, one value per row: samples over time, latencies of faults (docs/results.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.experiment.results import ExperimentResult, VariantResult
from swaptiers.experiment.series import Measure, Series

DATA_SCHEMA = 1
"""Of the tables; it is in the metadata of each Parquet file, as `swaptiers.schema`."""
TIME = "time_ns"


@attrs.frozen
class Names:
    """A column of few different words: `words[codes[i]]` in row i, nothing where that is -1."""

    codes: npt.NDArray[np.int32]
    words: Sequence[str]

    @classmethod
    def repeated(cls, values: Sequence[str | None], times: Sequence[int]) -> Names:
        """`values[i]` in `times[i]` rows, one after the other."""
        words = list(dict.fromkeys(value for value in values if value is not None))
        at = {word: code for code, word in enumerate(words)}
        codes = np.array([-1 if value is None else at[value] for value in values], np.int32)
        return cls(np.repeat(codes, times), words)

    def __iter__(self) -> Iterator[str | None]:
        return (self.words[code] if code >= 0 else None for code in self.codes.tolist())


Column = Names | npt.NDArray[Any]


@attrs.frozen
class Block:
    """Rows of a table, by column: those of one run."""

    columns: dict[str, Column]

    @property
    def rows(self) -> int:
        """How many there are."""
        first = next(iter(self.columns.values()))
        return len(first.codes if isinstance(first, Names) else first)


def sample_blocks(result: ExperimentResult) -> Iterator[Block]:
    """samples: variant, repetition, time_ns, tier, cgroup, edge, metric, value; without rows where nothing was measured."""
    for variant, repetition, run in runs_of(result):
        measured = list(_measured(run))
        rows = [len(values) for _, _, values in measured]
        yield Block(
            {
                **_run_columns(variant, repetition, sum(rows)),
                TIME: np.concatenate([times for _, times, _ in measured]),
                "tier": Names.repeated([measure.tier for measure, _, _ in measured], rows),
                "cgroup": Names.repeated([measure.cgroup for measure, _, _ in measured], rows),
                "edge": Names.repeated([measure.edge for measure, _, _ in measured], rows),
                "metric": Names.repeated([measure.metric for measure, _, _ in measured], rows),
                "value": np.concatenate([values for _, _, values in measured]),
            }
        )


def latency_blocks(result: ExperimentResult) -> Iterator[Block]:
    """latencies: variant, repetition, cgroup, from_ns, to_ns, faults."""
    for variant, repetition, run in runs_of(result):
        histograms = list(run.latencies.values())
        rows = [len(each.faults) for each in histograms]

        def joined(parts: list[tuple[int, ...]]) -> npt.NDArray[np.int64]:
            return np.array([value for part in parts for value in part], np.int64)

        yield Block(
            {
                **_run_columns(variant, repetition, sum(rows)),
                "cgroup": Names.repeated(list(run.latencies), rows),
                "from_ns": joined([each.from_ns for each in histograms]),
                "to_ns": joined([each.to_ns for each in histograms]),
                "faults": joined([each.faults for each in histograms]),
            }
        )


def runs_of(result: ExperimentResult) -> Iterator[tuple[str, int, VariantResult]]:
    """Each run with its variant's name and which repetition of it it is."""
    for name, runs in result.runs.items():
        for repetition, run in enumerate(runs):
            yield name, repetition, run


def _run_columns(variant: str, repetition: int, rows: int) -> dict[str, Column]:
    return {"variant": Names.repeated([variant], [rows]), "repetition": np.full(rows, repetition, np.int32)}


Measured = tuple[Measure, npt.NDArray[np.int64], npt.NDArray[np.float64]]


def _measured(run: VariantResult) -> Iterator[Measured]:
    """Each measure of a run with the times at which there was a value, and the values."""
    yield from _of_series(run.series, lambda measure: measure)
    for number, controller in enumerate(run.controllers):

        def label(measure: Measure, number: int = number, whose: Any = controller) -> Measure:
            return Measure(metric=f"controller.{number}.{measure.metric}", tier=whose.source, cgroup=whose.cgroup)

        yield from _of_series(controller.series, label)


def _of_series(series: Series, label: Any) -> Iterator[Measured]:
    if not series.rows:
        return
    columns = list(zip(*series.rows, strict=True))
    times = np.array(columns[series.columns.index(TIME)], np.int64)
    for measure, column in zip(series.measures, columns, strict=True):
        if measure.name != TIME:
            values = np.array(column, np.float64)  # None becomes nan
            known = ~np.isnan(values)
            yield label(measure), times[known], values[known]
