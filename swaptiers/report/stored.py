"""A folder of results, read back: the summary, the samples by what they are of, and the latencies."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.errors import ResultError
from swaptiers.experiment.latency import Histogram
from swaptiers.experiment.results import ExperimentResult
from swaptiers.experiment.series import Measure
from swaptiers.report.files import find_table, read_table
from swaptiers.report.summary import result_of
from swaptiers.report.write import LATENCIES, SAMPLES, SUMMARY, run_of

SAMPLE_TYPES = {
    "variant": "string",
    "repetition": "int32",
    "time_ns": "int64",
    "tier": "string",
    "cgroup": "string",
    "edge": "string",
    "metric": "string",
    "value": "float64",
}
LATENCY_TYPES = {
    "variant": "string",
    "repetition": "int32",
    "cgroup": "string",
    "from_ns": "int64",
    "to_ns": "int64",
    "faults": "int64",
}


@attrs.frozen
class Curve:
    """One measure of one run over virtual time."""

    times_ns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


Curves = dict[Measure, Curve]


@attrs.frozen(kw_only=True)
class StoredRun:
    """What a folder holds. `curves`: per variant, its first run's samples; `latencies`: per variant and cgroup, likewise."""

    folder: Path
    result: ExperimentResult
    curves: dict[str, Curves]
    latencies: dict[str, dict[str, Histogram]]


def read_results(folder: Path) -> StoredRun:
    """What `swaptiers run --out` wrote. Raises ResultError where that is missing, broken, newer, or not of one run."""
    path = folder / SUMMARY
    if not path.is_file():
        raise ResultError(
            f"{folder} holds no results: there is no {SUMMARY}; make some: swaptiers run CONFIG --out {folder}"
        )
    try:
        summary = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise ResultError(f"{path} can't be read: {error}") from error
    try:
        result = result_of(summary)
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    run = run_of(summary)
    stored = StoredRun(
        folder=folder,
        result=result,
        curves=_read_samples(_table(folder, SAMPLES), run),
        latencies=_read_latencies(_table(folder, LATENCIES), run),
    )
    _check_same(stored)
    return stored


def _table(folder: Path, name: str) -> Path:
    path = find_table(folder, name)
    if path is None:
        raise ResultError(f"{folder} holds no {name}.parquet and no {name}.csv; run the experiment again")
    return path


def _check_same(stored: StoredRun) -> None:
    """The tables end where the summary does."""
    for name, variant in stored.result.variants.items():
        refs = stored.curves.get(name, {}).get(Measure(metric="refs"))
        faults = sum(sum(each.faults) for each in stored.latencies.get(name, {}).values())
        if refs is None or refs.values[-1] != variant.refs or faults != variant.faults:
            raise ResultError(f"{stored.folder}: its tables and its {SUMMARY} are not of the same run; run it again")


def _read_samples(path: Path, run: str) -> dict[str, Curves]:
    parts: dict[str, dict[Measure, list[Curve]]] = {}
    for piece in read_table(path, run, SAMPLE_TYPES):
        first = np.asarray(piece["repetition"]) == 0
        times, values = np.asarray(piece["time_ns"])[first], np.asarray(piece["value"])[first]
        words = {name: _coded(piece[name], first) for name in ("variant", "tier", "cgroup", "edge", "metric")}
        for rows in _same_rows([codes for codes, _ in words.values()]):
            found = {name: known[codes[rows.start]] for name, (codes, known) in words.items()}
            variant = parts.setdefault(found.pop("variant") or "", {})
            variant.setdefault(Measure(**found), []).append(Curve(times[rows], values[rows]))
    return {
        variant: {measure: _joined(curves) for measure, curves in measures.items()}
        for variant, measures in parts.items()
    }


def _coded(column: Any, chosen: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """A number per row, and what the numbers stand for; the last is None."""
    encoded = column.combine_chunks().dictionary_encode()
    words = [*encoded.dictionary.to_pylist(), None]
    codes = encoded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    return codes[chosen].astype(np.int64), words


def _same_rows(columns: list[npt.NDArray[np.int64]]) -> list[slice]:
    """Runs of rows in which no column changes."""
    if not len(columns[0]):
        return []
    changes = np.zeros(len(columns[0]) - 1, bool)
    for codes in columns:
        changes |= codes[1:] != codes[:-1]
    cuts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(columns[0])]
    return [slice(start, end) for start, end in itertools.pairwise(cuts)]


def _joined(curves: list[Curve]) -> Curve:
    times = np.concatenate([curve.times_ns for curve in curves])
    order = np.argsort(times, kind="stable")
    return Curve(times[order], np.concatenate([curve.values for curve in curves])[order])


def _read_latencies(path: Path, run: str) -> dict[str, dict[str, Histogram]]:
    classes: dict[str, dict[str, list[tuple[int, int, int]]]] = {}
    for piece in read_table(path, run, LATENCY_TYPES):
        rows = zip(*(piece[name].to_pylist() for name in LATENCY_TYPES), strict=True)
        for variant, repetition, cgroup, from_ns, to_ns, faults in rows:
            if repetition == 0:
                classes.setdefault(variant, {}).setdefault(cgroup, []).append((from_ns, to_ns, faults))
    return {
        variant: {cgroup: _histogram(sorted(rows)) for cgroup, rows in cgroups.items()}
        for variant, cgroups in classes.items()
    }


def _histogram(rows: list[tuple[int, int, int]]) -> Histogram:
    from_ns, to_ns, faults = zip(*rows, strict=True)
    return Histogram(from_ns=from_ns, to_ns=to_ns, faults=faults)
