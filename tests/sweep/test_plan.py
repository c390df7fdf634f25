"""The runs of a sweep: what makes two of them the same, and which points are refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from swaptiers.errors import ConfigError
from swaptiers.sweep.grid import Grid
from swaptiers.sweep.plan import Plan, make_plan
from tests.sweep.sweeps import SMALL

POOLS = "tiers.zswap.max_pool=128K,256K"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def plan_of(config: Path, *grids: str, repeat: int | None = 2, sets: tuple[str, ...] = ()) -> Plan:
    return make_plan(config, Grid.parse(grids), repeat=repeat, sets=sets)


def names(plan: Plan) -> set[str]:
    return {task.name for task in plan.tasks}


def test_runs_keep_their_names_where_they_mean_the_same(config: Path) -> None:
    """If more seeds, a larger grid or a setting written otherwise changed the names, all would be run again."""
    few = names(plan_of(config, POOLS))
    assert len(few) == 4
    assert few < names(plan_of(config, POOLS, repeat=3))
    assert few < names(plan_of(config, "tiers.zswap.max_pool=64K,131072,256K"))
    assert few < names(plan_of(config, POOLS, "edges.0.policy=second-chance,lru"))
    assert few == names(plan_of(config, POOLS, sets=("run.payload=sizes",)))
    seeds = [task.seed for task in plan_of(config, POOLS, repeat=3).tasks]
    assert seeds[0] == 42
    assert seeds[:3] == seeds[3:]
    assert len(set(seeds)) == 3


def test_runs_have_other_names_where_they_mean_something_else(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another key, another order of tiers, another version of a codec: old rows would be taken for new ones."""
    first = names(plan_of(config))
    assert not first & names(plan_of(config, sets=("cgroups./a.memory.max=401K",)))
    lines = SMALL.splitlines(keepends=True)
    config.write_text("".join([*lines[:3], lines[4], lines[3], *lines[6:]]))
    swapped = names(plan_of(config))
    config.write_text("".join([*lines[:5], *lines[6:]]))
    assert not swapped & names(plan_of(config))
    config.write_text(SMALL)
    monkeypatch.setattr("swaptiers.sweep.plan.versions", lambda: dict.fromkeys(
        ("swaptiers", "numpy", "numba", "lz4", "zstandard", "xxhash", "networkx", "cpu"), "1"))  # fmt: skip
    assert not first & names(plan_of(config))


def test_files_that_a_config_names_count(config: Path, tmp_path: Path) -> None:
    """A trace that was recorded again under the same name is another experiment."""
    config.write_text(
        SMALL.replace("kind: zipf, pages: 600, refs: 6000, contents: text, writes: 20%",
                      "kind: trace, path: t.u32, format: u32, contents: {files: 'd*.bin'}")
    )  # fmt: skip
    trace, data = tmp_path / "t.u32", tmp_path / "data.bin"
    trace.write_bytes(bytes(4 * 100))
    data.write_bytes(b"x" * 10_000)
    first = names(plan_of(config))
    assert first == names(plan_of(config))
    trace.write_bytes(bytes([1, 0, 0, 0]) * 100)
    second = names(plan_of(config))
    data.write_bytes(b"y" * 10_000)
    assert len(first | second | names(plan_of(config))) == 6


@pytest.mark.parametrize(
    ("grids", "words"),
    [
        (["tiers.zzwap.max_pool=1M"], r"^--grid tiers.zzwap.max_pool=1M: there is no key 'zzwap'.*'zswap'"),
        (["tiers.zswap.max_pol=1M"], r"max_pol.*max_pool"),
        ([POOLS, "edges.1.policy=lru"], r"^--grid edges.1.policy=lru: '1' is no place in this list of 1"),
        (["tiers.zswap.max_pool=128K,much"], r"^--grid tiers.zswap.max_pool=much: "),
        (["cgroups./a.memory.max=400K,1K"], r"one batch of reclaim.*"),
        (["tiers.zswap.max_pool=1M,1024K"], "are the same experiment"),
    ],
)
def test_a_point_that_can_not_be(config: Path, grids: list[str], words: str) -> None:
    """Every point is looked at before the first one runs, and the error is about --grid."""
    with pytest.raises(ConfigError, match=words):
        plan_of(config, *grids)


def test_a_variant_that_can_not_be(config: Path) -> None:
    """The usual case: an edge is swept, and one variant has none. Which one, and what to do, has to be said."""
    config.write_text(SMALL + "variants:\n  overflow: {edges: [], on_full: spill}\n  demotion: {}\n")
    with pytest.raises(
        ConfigError, match=r"variant overflow: if it is not to be swept, name the others with --variant"
    ):
        plan_of(config, "edges.0.policy=lru,fifo")
    plan = make_plan(config, Grid.parse(["edges.0.policy=lru,fifo"]), variants=["demotion"])
    assert [task.variant for task in plan.tasks] == ["demotion"] * 2
