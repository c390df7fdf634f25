"""A sweep's folder over the days: grids that grow and shrink, files that are damaged, two commands at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swaptiers.errors import ConfigError, ResultError
from tests.sweep.sweeps import SMALL, files, rows_of

pytest.importorskip("pyarrow")

from swaptiers.sweep.dataset import DataSet, Failure
from swaptiers.sweep.grid import Grid
from swaptiers.sweep.plan import Plan, make_plan
from swaptiers.sweep.row import FIGURES, WALL
from swaptiers.sweep.stored import read_sweep

POOLS = "tiers.zswap.max_pool=128K,256K"


def plan_of(folder: Path, *grids: str, repeat: int = 1) -> Plan:
    (folder / "small.yaml").write_text(SMALL)
    return make_plan(folder / "small.yaml", Grid.parse(grids), repeat=repeat)


def figures(number: int) -> dict[str, Any]:
    """A row's figures, each run's its own."""
    return {**dict.fromkeys(FIGURES, number), "faults.zswap": 2, "faults.disk": 3, WALL: 0.5}


def run(out: Path, plan: Plan) -> int:
    """What a sweep does to its folder, without running anything: how many runs were left to do."""
    data = DataSet(out, plan)
    with data.held():
        finished = data.begin([])
        todo = [task for task in plan.tasks if task.name not in finished]
        for task in todo:
            data.add(task, figures(int(task.name[:8], 16)))
    return len(todo)


def test_nothing_is_run_twice(tmp_path: Path) -> None:
    """Not when the grid grows by values, seeds or a key, nor when it shrinks and grows again; and the data set is always
    what was asked last, with its columns: rows of another grid among them would be counted as seeds."""
    out = tmp_path / "out"
    small, seeds = plan_of(tmp_path, POOLS), plan_of(tmp_path, POOLS, repeat=3)
    wide = plan_of(tmp_path, POOLS, "edges.0.policy=lru,second-chance")
    assert [run(out, plan) for plan in (small, small, seeds, wide)] == [2, 0, 4, 2]
    assert len(rows_of(out)) == 4
    assert {row["edges.0.policy"] for row in rows_of(out)} == {"lru", "second-chance"}
    assert run(out, seeds) == 0
    found = rows_of(out)
    assert len(found) == 6
    assert "edges.0.policy" not in found[0]
    assert [row["faults"] for row in found] == [int(task.name[:8], 16) for task in seeds.tasks]
    other = tmp_path / "other"
    run(other, seeds)
    assert rows_of(other) == found


def test_plain_tools_read_it(tmp_path: Path) -> None:
    """As one table, with the variant from the folders' names: what the documentation promises."""
    duckdb = pytest.importorskip("duckdb")
    out = tmp_path / "out"
    run(out, plan_of(tmp_path, POOLS, repeat=2))
    asked = f"""select variant, "tiers.zswap.max_pool", count(*), sum("faults.disk")::int
                from '{out}/points/*/*.parquet' group by all order by all"""
    assert duckdb.sql(asked).fetchall() == [("base", "128K", 2, 6), ("base", "256K", 2, 6)]


def test_what_is_damaged_is_run_again(tmp_path: Path) -> None:
    """Half a file, another run's row under its name, what a kill left behind."""
    out = tmp_path / "out"
    plan = plan_of(tmp_path, POOLS, repeat=2)
    run(out, plan)
    before = rows_of(out)
    half, wrong, source, _ = files(out)
    half.write_bytes(half.read_bytes()[:100])
    wrong.write_bytes(source.read_bytes())
    (half.parent / f".{half.name}.part").write_bytes(b"half")
    with pytest.raises(ResultError, match="can't be read"):
        read_sweep(out)
    assert run(out, plan) == 2
    assert rows_of(out) == before
    assert not list(half.parent.glob(".*"))


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """Two would run everything twice, and set each other's rows aside."""
    data = DataSet(tmp_path / "out", plan_of(tmp_path, POOLS))
    with data.held(), pytest.raises(ConfigError, match="another sweep is at work there"), data.held():
        pass
    with data.held():
        pass


def test_failures_are_kept_until_there_are_none(tmp_path: Path) -> None:
    """A report of a sweep that was not finished has to say so."""
    out = tmp_path / "out"
    plan = plan_of(tmp_path, POOLS)
    run(out, plan)
    failure = Failure(variant="base", point=plan.tasks[0].point, repetition=0, seed=42, kind="OSError", error="no")
    DataSet(out, plan).fail([failure])
    assert read_sweep(out).failures == (failure,)
    DataSet(out, plan).fail([])
    assert read_sweep(out).failures == ()
    (out / "sweep.json").write_text('{"schema": 2}')
    with pytest.raises(ResultError, match="has schema 2, and this swaptiers reads 1"):
        read_sweep(out)
