"""docs/results.md: its questions are asked of a run, and the answers compared with what the run counted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from folders import TWO_CGROUPS

from swaptiers.cli import main

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

DOC = (Path(__file__).parent.parent.parent / "docs/results.md").read_text()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[tuple[Any, ...]]], dict[str, Any]]:
    """The rows of each question, in order, and the summary's variants."""
    folder = tmp_path_factory.mktemp("doc")
    (folder / "two.yaml").write_text(TWO_CGROUPS)
    main(["run", str(folder / "two.yaml"), "--quiet", "--out", str(folder / "results"), "--events", "--no-report"])
    questions = re.findall(r"```sql\n(.*?)```", DOC, re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rows = [duckdb.sql(question).fetchall() for question in questions]
    return rows, json.loads((folder / "results/summary.json").read_text())["variants"]


def test_there_are_five(answers: tuple[list[Any], dict[str, Any]]) -> None:
    """A question that finds nothing would be no answer."""
    assert len(answers[0]) == 5
    assert all(answers[0])


def test_what_a_fault_costs(answers: tuple[list[Any], dict[str, Any]]) -> None:
    """A total taken before the end, or another cgroup's, would give another mean."""
    rows, variants = answers
    assert {(variant, cgroup) for variant, cgroup, _ in rows[0]} == {(v, c) for v in variants for c in ("/a", "/b")}
    for variant, cgroup, mean_us in rows[0]:
        latency = variants[variant]["fairness"]["by_cgroup"][cgroup]["fault_latency_ns"]
        assert mean_us * 1e3 == pytest.approx(latency["mean"])


def test_slow_faults(answers: tuple[list[Any], dict[str, Any]]) -> None:
    """The share slower than 1 ms is on the same side of 1 % as the 99th percentile is of 1 ms."""
    rows, variants = answers
    for variant, share in rows[1]:
        assert (share >= 0.01) == (variants[variant]["fault_latency_ns"]["p99"] >= 1_000_000)
        assert 0 < share < 1


def test_who_asked_for_the_bytes(answers: tuple[list[Any], dict[str, Any]]) -> None:
    """A step lost or counted twice would show in the sums by trigger."""
    rows, variants = answers
    assert {variant for variant, *_ in rows[2]} == {"demotion"}
    edges = variants["demotion"]["edges"].values()
    assert sum(entries for *_, entries, _ in rows[2]) == sum(edge["entries"] for edge in edges)
    assert sum(written for *_, written in rows[2]) == sum(edge["written_bytes"] for edge in edges)


def test_the_pool(answers: tuple[list[Any], dict[str, Any]]) -> None:
    """In MiB, below what it ever was, and near it: the pool is full most of the time."""
    rows, variants = answers
    for variant, mib in rows[3]:
        peak = variants[variant]["tiers"]["zswap"]["peak_pool_bytes"] / 2**20
        assert 0.8 * peak < mib <= peak


def test_the_colder_tier_is_colder(answers: tuple[list[Any], dict[str, Any]]) -> None:
    """With demotion by last use the tiers stand in order of age; ages of another tier's entries would not."""
    rows, _ = answers
    assert [tier for variant, tier, _ in rows[4] if variant == "demotion"] == ["zswap", "disk"]
