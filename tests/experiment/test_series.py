"""Samples over time: bounded in number, in order, and adding up to the totals."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
from configs import SMALL, run_text

import swaptiers as st
from swaptiers.errors import ConfigError
from swaptiers.experiment import series as series_module
from swaptiers.report.write import check_series_format, write_results


def test_the_last_row_is_the_end(tmp_path: Path) -> None:
    """Totals that lag behind, or a column in the wrong place, would show here."""
    result = run_text(tmp_path, SMALL, variants=["demotion"]).variants["demotion"]
    series = result.series
    last = {name: series.column(name)[-1] for name in series.columns}
    assert last["time_ns"] == round(result.time.virtual_s * 1e9)
    assert last["refs"] == result.refs
    assert last["faults"] == result.faults
    for name, tier in result.tiers.items():
        assert last[f"tier.{name}.entries"] == tier.entries
        assert last[f"tier.{name}.demoted_out"] == tier.demoted_out
        assert last[f"tier.{name}.written_bytes"] == tier.written_bytes
    for name, edge in result.edges.items():
        assert last[f"edge.{name}.entries"] == edge.entries
    for path, cgroup in result.cgroups.items():
        if cgroup.refs:
            assert last[f"cgroup.{path}.faults"] == cgroup.faults
            assert last[f"cgroup.{path}.resident_bytes"] == cgroup.resident_bytes
    times = series.column("time_ns")
    assert times == sorted(times)  # type: ignore[type-var]
    assert len(times) > 50
    with pytest.raises(KeyError, match="no column 'refz'"):
        series.column("refz")


def test_however_long_the_run_the_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second row goes when there are too many; those that stay are evenly spaced."""
    whole = run_text(tmp_path, SMALL, "run.sample=1ms", variants=["demotion"]).variants["demotion"].series
    assert len(whole.rows) > 200
    monkeypatch.setattr(series_module.Recorder.__init__, "__defaults__", (16,))
    few = run_text(tmp_path, SMALL, "run.sample=1ms", variants=["demotion"]).variants["demotion"].series
    assert 16 <= len(few.rows) <= 33
    kept = [whole.rows.index(row) for row in few.rows[:-1]]
    steps = {b - a for a, b in itertools.pairwise(kept)}
    assert len(steps) == 1
    assert few.rows[-1] == whole.rows[-1]


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    """Whole files only, under the variant's name; Parquet with its types and nulls."""
    result = run_text(tmp_path, SMALL, "workloads.0.refs=5000", variants=["demotion"])
    write_results(result, tmp_path / "csv", "csv")
    with (tmp_path / "csv/series-demotion.csv").open() as file:
        rows = list(csv.reader(file))
    series = result.variants["demotion"].series
    assert tuple(rows[0]) == series.columns
    assert [row[1] for row in rows[1:]] == [str(refs) for refs in series.column("refs")]
    parquet = pytest.importorskip("pyarrow.parquet")
    write_results(result, tmp_path / "parquet", "parquet")
    table = parquet.read_table(tmp_path / "parquet/series-demotion.parquet")
    assert tuple(table.column_names) == series.columns
    for name in series.columns:
        assert table[name].to_pylist() == series.column(name)


def test_parquet_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before the run, with what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'swaptiers\[parquet\]'"):
        check_series_format("parquet")
    check_series_format("csv")
    assert issubclass(st.ConfigError, ValueError)
