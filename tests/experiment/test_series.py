"""Samples over time: bounded in number, in order, and adding up to the totals."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from configs import SMALL, run_text

from swaptiers.experiment import series as series_module


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
