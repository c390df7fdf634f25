"""Same config and seed, same numbers: twice, with and without bytes, in other processes; and what may differ, does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from configs import SMALL, numbers, run_text


def all_numbers(folder: Path, *sets: str, **options: Any) -> dict[str, dict[str, Any]]:
    return {name: numbers(result) for name, result in run_text(folder, SMALL, *sets, **options).variants.items()}


def test_two_runs_are_identical(tmp_path: Path) -> None:
    """A counter that depends on hash seeds, addresses or the time of day would differ."""
    assert all_numbers(tmp_path) == all_numbers(tmp_path)


@pytest.mark.parametrize("interleave", ["references", "time"])
def test_real_bytes_and_sizes_alone_agree(tmp_path: Path, interleave: str) -> None:
    """`payload: sizes` is trusted for large experiments: every counter, latency and sample must be that of real bytes."""
    real = all_numbers(tmp_path, f"run.interleave={interleave}")
    sizes = all_numbers(tmp_path, f"run.interleave={interleave}", "run.payload=sizes")
    for name in real:
        assert real[name].pop("integrity")["verified"] > 5000
        assert sizes[name].pop("integrity")["verified"] == 0
        assert real[name] == sizes[name], name


def test_processes_change_nothing(tmp_path: Path) -> None:
    """Runs share nothing: side by side they give what they give one after the other."""
    sets = ("run.payload=sizes", "run.repeat=2", "workloads.0.refs=6000")
    alone = run_text(tmp_path, SMALL, *sets)
    together = run_text(tmp_path, SMALL, *sets, jobs=2)
    for name, runs in alone.runs.items():
        assert [numbers(run) for run in runs] == [numbers(run) for run in together.runs[name]]
        assert runs[0].seed == 42 != runs[1].seed
        assert numbers(runs[0]) != numbers(runs[1])


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    """A seed that is not used everywhere would leave something the same."""
    one = all_numbers(tmp_path, "run.payload=sizes", variants=["demotion"])["demotion"]
    other = all_numbers(tmp_path, "run.payload=sizes", variants=["demotion"], seed=43)["demotion"]
    assert one["hits"] != other["hits"]
    assert one["tiers"]["zswap"]["stored_bytes"] != other["tiers"]["zswap"]["stored_bytes"]


def test_without_the_zswap_charge_hits_do_not_depend_on_the_variant(tmp_path: Path) -> None:
    """The resident LRU is the same machine in every variant; only zswap's charge lets the tiers reach into it."""
    variants = all_numbers(tmp_path, "run.payload=sizes", "charge_zswap=false")
    seen = [
        {path: (c["refs"], c["hits"], c["faults"], c["first_touches"]) for path, c in one["cgroups"].items()}
        for one in variants.values()
    ]
    assert seen[0] == seen[1] == seen[2]
    charged = all_numbers(tmp_path, "run.payload=sizes")
    assert len({one["hits"] for one in charged.values()}) > 1
