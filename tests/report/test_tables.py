"""The tables of a run on disk: tidy, complete, in either form, of one run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from folders import TWO_CGROUPS

import swaptiers as st
from swaptiers.cli import main
from swaptiers.experiment.results import VariantResult
from swaptiers.experiment.series import Measure
from swaptiers.report.stored import read_results
from swaptiers.report.write import write_results

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> st.ExperimentResult:
    path = tmp_path_factory.mktemp("tables") / "two.yaml"
    steered = "demotion: {controllers: [{kind: psi, source: zswap, every: 50ms}]}"
    path.write_text(TWO_CGROUPS.replace("demotion: {}", steered))
    return st.run(path, sets=["run.repeat=2"])


def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swaptiers.report.write.has_parquet", lambda: False)


def rows_of(result: st.ExperimentResult, name: str) -> int:
    """How many values a variant's runs have."""
    runs: tuple[VariantResult, ...] = result.runs[name]
    series = [each for run in runs for each in (run.series, *(c.series for c in run.controllers))]
    return sum(value is not None for each in series for row in each.rows for value in row[1:])


def test_every_value_is_a_row(result: st.ExperimentResult, tmp_path: Path) -> None:
    """A measure left out, a value under another label, or a repetition lost would show here."""
    write_results(result, tmp_path)
    rows = parquet.read_table(tmp_path / "samples.parquet").to_pylist()
    assert list(rows[0]) == ["variant", "repetition", "time_ns", "tier", "cgroup", "edge", "metric", "value"]
    for name, runs in result.runs.items():
        mine = [row for row in rows if row["variant"] == name]
        assert len(mine) == rows_of(result, name)
        for repetition, run in enumerate(runs):
            ends = {
                (row["tier"], row["cgroup"], row["edge"], row["metric"]): row["value"]
                for row in mine
                if row["repetition"] == repetition
            }
            assert ends[(None, None, None, "faults")] == run.faults
            assert ends[("disk", None, None, "loads")] == run.tiers["disk"].loads
            assert ends[(None, "/b", None, "faults")] == run.cgroups["/b"].faults
            held = sum(ends[("zswap", path, None, "stored_bytes")] for path in ("/a", "/b"))
            assert held == ends[("zswap", None, None, "stored_bytes")] == run.tiers["zswap"].stored_bytes
            if name == "demotion":
                assert ends[("zswap", "/", None, "controller.0.measured")] == run.controllers[0].measured
                edge = run.edges["zswap->disk"]
                assert ends[(None, None, "zswap->disk", "written_bytes")] == edge.written_bytes
                assert ends[(None, None, "zswap->disk", "freed_bytes")] == edge.freed_bytes


def test_latencies_add_up_to_the_faults(result: st.ExperimentResult, tmp_path: Path) -> None:
    """A class lost, or another cgroup's, would change the sums; its bounds, the mean."""
    write_results(result, tmp_path)
    rows = parquet.read_table(tmp_path / "latencies.parquet").to_pylist()
    for name, runs in result.runs.items():
        for repetition, run in enumerate(runs):
            for path, cgroup in run.cgroups.items():
                mine = [r for r in rows if (r["variant"], r["repetition"], r["cgroup"]) == (name, repetition, path)]
                assert sum(row["faults"] for row in mine) == cgroup.faults
                mean = run.fairness.by_cgroup[path].fault_latency_ns.mean if mine else None
                if mean is not None:
                    assert sum(row["faults"] * row["from_ns"] for row in mine) <= mean * cgroup.faults
                    assert sum(row["faults"] * row["to_ns"] for row in mine) > mean * cgroup.faults


def test_csv_holds_the_same(result: st.ExperimentResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no pyarrow gets every value, and a report can be made of it elsewhere."""
    write_results(result, tmp_path / "parquet")
    without_pyarrow(monkeypatch)
    write_results(result, tmp_path / "csv")
    with (tmp_path / "csv/samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "parquet/samples.parquet").to_pylist()
    assert [row["variant"] + (row["tier"] or "") + row["metric"] for row in rows] == [
        row["variant"] + (row["tier"] or "") + row["metric"] for row in table
    ]
    assert [float(row["value"]) for row in rows] == [row["value"] for row in table]
    one, other = read_results(tmp_path / "csv"), read_results(tmp_path / "parquet")
    assert one.latencies == other.latencies
    assert {name: list(curves) for name, curves in one.curves.items()} == {
        name: list(curves) for name, curves in other.curves.items()
    }


def test_nothing_of_an_earlier_run_stays(
    result: st.ExperimentResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables in another form, events and a report of other numbers would lie beside the new ones."""
    write_results(result, tmp_path)
    for name in ("report.html", "events.parquet"):
        (tmp_path / name).touch()
    without_pyarrow(monkeypatch)
    write_results(result, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latencies.csv", "samples.csv", "summary.json"]


def test_what_is_read_is_what_was_written(result: st.ExperimentResult, tmp_path: Path) -> None:
    """A figure that changes on its way through the file would make the report differ from the table."""
    write_results(result, tmp_path)
    stored = read_results(tmp_path)
    assert json.dumps(stored.result.to_json()) == json.dumps(result.to_json())
    run = result.variants["demotion"]
    curve = stored.curves["demotion"][Measure(metric="loads", tier="disk")]
    assert curve.values.tolist() == run.series.column("tier.disk.loads")
    assert curve.times_ns.tolist() == run.series.column("time_ns")
    assert stored.latencies["demotion"] == run.latencies


def edited(folder: Path, *path: str, value: Any) -> None:
    """Another value in summary.json."""
    summary = json.loads((folder / "summary.json").read_text())
    where = summary
    for key in path[:-1]:
        where = where[key]
    where[path[-1]] = value
    (folder / "summary.json").write_text(json.dumps(summary))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), 2, "schema 2, and this swaptiers reads 1"),
        (("schema",), None, "schema None"),
        (("variants",), {}, "the key variants is missing or empty"),
        (("variants", "overflow", "hits"), 1, "don't add up to refs"),
        (("variants", "overflow", "tiers", "disk", "loads"), 3, "pages were loaded"),
        (("variants", "overflow", "hits"), "many", "variants.overflow.hits: 'many' is not a whole number"),
        (("variants", "overflow", "hits"), None, "None is not a whole number"),
        (("variants", "overflow", "ram_bytes"), {}, "ram_bytes.mean: this version of swaptiers counts that"),
        (("variants", "overflow", "tiers"), 7, "overflow"),
        (("variants", "overflow"), [], "can't be read"),
        (("variants", "overflow", "time", "stall_s"), 1.5, "does not belong to the summary.json"),
        (("seed",), 43, "does not belong to the summary.json"),
    ],
)
def test_a_summary_that_lies(
    result: st.ExperimentResult, tmp_path: Path, path: tuple[str, ...], value: Any, words: str
) -> None:
    """Numbers that are not the run's must not become a report; what is wrong, and where, is said."""
    write_results(result, tmp_path)
    edited(tmp_path, *path, value=value)
    with pytest.raises(st.ResultError) as error:
        read_results(tmp_path)
    assert words in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_tables_that_lie(result: st.ExperimentResult, tmp_path: Path) -> None:
    """Missing, cut off, of a newer version, or of another table: said in one sentence, never a traceback of pyarrow."""
    write_results(result, tmp_path)
    samples = tmp_path / "samples.parquet"
    whole = samples.read_bytes()
    newer = parquet.read_table(samples)
    newer = newer.replace_schema_metadata({**newer.schema.metadata, b"swaptiers.schema": b"9"})
    for make, words in (
        (lambda: samples.write_bytes(whole[:-100]), "can't be read"),
        (lambda: samples.write_bytes(b""), "can't be read"),
        (lambda: parquet.write_table(newer, samples), "schema 9"),
        (lambda: samples.write_bytes((tmp_path / "latencies.parquet").read_bytes()), "column"),
        (samples.unlink, "no samples.parquet"),
        (lambda: (tmp_path / "summary.json").write_text("{"), "can't be read"),
        ((tmp_path / "summary.json").unlink, "holds no results"),
    ):
        make()
        with pytest.raises(st.ResultError, match=words) as error:
            read_results(tmp_path)
        assert "\n" not in str(error.value)


def test_a_csv_of_another_run(result: st.ExperimentResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV says nowhere which run it is of; its totals do."""
    without_pyarrow(monkeypatch)
    write_results(result, tmp_path)
    text = (tmp_path / "samples.csv").read_text()
    refs = result.variants["overflow"].refs
    (tmp_path / "samples.csv").write_text(text.replace(f",refs,{refs}\n", f",refs,{refs + 1}\n"))
    with pytest.raises(st.ResultError, match="not of the same run"):
        read_results(tmp_path)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str) -> None:
    """Every step of every run, its sums the edges' counters; from other processes too; no part is left behind."""
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO_CGROUPS)
    main(
        [
            "run",
            "two.yaml",
            "--quiet",
            "--out",
            "out",
            "--events",
            "--no-report",
            "--jobs",
            jobs,
            "--set",
            "run.repeat=2",
        ]
    )
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "events.parquet", "latencies.parquet", "samples.parquet", "summary.json"
    ]  # fmt: skip
    table = parquet.read_table("out/events.parquet")
    assert table.schema.metadata[b"swaptiers.schema"] == b"1"
    rows = table.to_pylist()
    variant = json.loads(Path("out/summary.json").read_text())["variants"]["demotion"]
    assert {row["variant"] for row in rows} == {"demotion"}
    for repetition, run in enumerate([variant, *variant["repeats"]]):
        mine = [row for row in rows if row["repetition"] == repetition]
        edge = run["edges"]["zswap->disk"]
        for column in ("entries", "freed_bytes", "written_bytes"):
            assert sum(row[column] for row in mine) == edge[column]
        by_trigger: dict[str, int] = {}
        for row in mine:
            by_trigger[row["trigger"]] = by_trigger.get(row["trigger"], 0) + row["entries"]
        assert by_trigger == edge["by_trigger"]
        assert {row["cgroup"] for row in mine} == {"/a", "/b"}
        assert {(row["edge"], row["source"], row["target"]) for row in mine} == {("zswap->disk", "zswap", "disk")}
        times = [row["time_ns"] for row in mine]
        assert times == sorted(times)
        assert times[-1] <= run["time"]["virtual_s"] * 1e9
        assert max(row["entries"] for row in mine) <= 64


def test_events_do_not_depend_on_when_they_are_taken_out(tmp_path: Path) -> None:
    """More steps than the table has room for: the replay stops for them, and nothing else changes."""
    (tmp_path / "two.yaml").write_text(TWO_CGROUPS)
    main(["run", str(tmp_path / "two.yaml"), "--quiet", "--out", str(tmp_path / "a"), "--no-report"])
    options = ["--set", "edges=[{from: zswap, to: disk, when: {pressure: true}, batch: 1}]", "--variant", "demotion"]
    longer = [*options, "--set", "workloads.0.refs=60000", "--no-report"]
    main(["run", str(tmp_path / "two.yaml"), "--quiet", "--out", str(tmp_path / "b"), "--events", *longer])
    main(["run", str(tmp_path / "two.yaml"), "--quiet", "--out", str(tmp_path / "c"), *longer])
    one, two = (json.loads((tmp_path / name / "summary.json").read_text())["variants"] for name in "bc")
    for variant in (one["demotion"], two["demotion"]):
        del variant["time"]["wall_s"]
    assert one == two
    rows = parquet.read_table(tmp_path / "b/events.parquet")
    assert rows.num_rows == one["demotion"]["edges"]["zswap->disk"]["entries"] > 8192
    assert parquet.ParquetFile(tmp_path / "b/events.parquet").num_row_groups == 1


def test_ages_of_entries(result: st.ExperimentResult) -> None:
    """The longest ago is no younger than the least, nothing is older than the run, and an empty tier has none."""
    series = result.variants["demotion"].series
    times = series.column("time_ns")
    for tier in ("zswap", "disk"):
        shares = [series.column(f"tier.{tier}.age_{share}_ns") for share in ("p10", "p50", "p90")]
        entries = series.column(f"tier.{tier}.entries")
        for young, median, old, held, now in zip(*shares, entries, times, strict=True):
            if not held:
                assert young is median is old is None
            else:
                assert 0 <= young <= median <= old <= now  # type: ignore[operator]
    assert series.column("tier.disk.age_p50_ns")[-1] > series.column("tier.zswap.age_p50_ns")[-1]  # type: ignore[operator]
