"""`swaptiers run` as a user sees it: what is printed, what is written, what the exit code is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pexpect
import pytest

import swaptiers as st
from swaptiers.cli import main
from swaptiers.experiment.baselines import with_baselines
from swaptiers.experiment.execute import Executor
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.series import Measure
from swaptiers.report.stored import read_results

ROOT = Path(__file__).parent.parent.parent
TINY = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 256K, latency: {read: 8us, write: 9us}}
  disk: {kind: file, capacity: 16M, latency: {read: 4ms, write: 4ms}}
cgroups:
  /web: {memory.max: 400K, memory.zswap.max: 300K}
workloads:
  - {cgroup: /web, kind: zipf, pages: 600, refs: 3000, contents: text}
variants:
  overflow: {edges: [], on_full: spill}
  demotion: {}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path / "tiny.yaml"


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-m", "swaptiers", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False, **options)


def test_controllers_are_in_the_table_and_their_steps_in_a_file(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How near each came to its target; of a variant without it, nothing."""
    steered = "controllers=[{kind: psi, source: zswap, target: 5%, every: 10ms}]"
    main(["run", str(config), "--variant", "demotion", "--set", steered, "--out", "out"])
    said = capsys.readouterr().out
    assert "controllers, of their targets" in said
    assert "psi / zswap" in said
    assert "moved by all" in said
    rows = controller_steps(Path("out"), "demotion")
    report = json.loads(Path("out/summary.json").read_text())["variants"]["demotion"]["controllers"][0]
    assert len(rows) == report["steps"] > 5
    assert rows[-1]["controller.0.measured"] == report["measured"]
    assert set(rows[-1]) == {f"controller.0.{name}" for name in ("measured", "target", "setting")}


def controller_steps(folder: Path, variant: str) -> list[dict[str, float]]:
    """What the samples say of the first controller's steps, in order."""
    curves = read_results(folder).curves[variant]
    columns = {measure.metric: curve.values.tolist() for measure, curve in curves.items() if "contr" in measure.metric}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def without_wall(summary: dict[str, Any]) -> dict[str, Any]:
    for variant in summary["variants"].values():
        del variant["time"]["wall_s"]
    return summary


def test_the_table(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every variant, every section, and that the pages were compared."""
    main(["run", str(config)])
    said = capsys.readouterr()
    assert said.err == ""
    for words in (
        "overflow",
        "demotion",
        "faults",
        "from zswap",
        "inverted pairs",
        "written to disk",
        "RAM, mean",
        "seed 42",
    ):
        assert words in said.out
    assert "compared byte for byte: 0 wrong or lost" in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 80


def test_json_and_out_are_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout is one JSON document and nothing else; the file holds it too, and the samples stand beside it."""
    main(["run", str(config), "--json", "--out", "a/b", "--no-report"])
    said = capsys.readouterr()
    printed = json.loads(said.out)
    written = json.loads(Path("a/b/summary.json").read_text())
    assert printed == written
    assert sorted(path.name for path in Path("a/b").iterdir()) == [
        "latencies.parquet", "samples.parquet", "summary.json"
    ]  # fmt: skip
    curves = read_results(Path("a/b")).curves["demotion"]
    assert curves[Measure(metric="refs")].values[-1] == printed["variants"]["demotion"]["refs"] == 3000
    entries = curves[Measure(metric="entries", tier="disk")]
    assert entries.values[-1] == printed["variants"]["demotion"]["tiers"]["disk"]["entries"]
    times = entries.times_ns.tolist()
    assert times == sorted(times)
    assert len(times) > 5


def test_a_second_run_replaces_the_results(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No half-written file stays behind."""
    for seed in ("1", "2"):
        main(["run", str(config), "--quiet", "--out", "out", "--seed", seed])
    assert json.loads(Path("out/summary.json").read_text())["seed"] == 2
    assert capsys.readouterr().out == ""


def test_quiet_says_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts."""
    main(["run", str(config), "--quiet"])
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_variant_set_and_seed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each option reaches the run."""
    main(["run", str(config), "--json", "--variant", "demotion", "--seed", "7", "--set", "workloads.0.refs=1000",
          "--set", "tiers.zswap.compressor=zstd"])  # fmt: skip
    summary = json.loads(capsys.readouterr().out)
    assert list(summary["variants"]) == list(summary["config"]) == ["demotion"]
    assert summary["seed"] == summary["variants"]["demotion"]["seed"] == 7
    assert summary["variants"]["demotion"]["refs"] == 1000
    assert summary["config"]["demotion"]["tiers"]["zswap"]["compressor"] == "zstd"


def test_the_same_from_python(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`st.run` is the same laboratory."""
    main(["run", str(config), "--json", "--jobs", "2"])
    printed = json.loads(capsys.readouterr().out)
    result = json.loads(json.dumps(st.run(config).to_json()))
    assert without_wall(printed) == without_wall(result)


def test_bounds(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A variant that knows the future has fewer loads from the disk, and nobody has fewer faults than Belady."""
    main(["run", str(config), "--json", "--bounds", "--set", "charge_zswap=false"])
    summary = json.loads(capsys.readouterr().out)
    variants = summary["variants"]
    assert list(variants) == ["overflow", "demotion", "oracle"]
    assert variants["oracle"]["tiers"]["disk"]["loads"] < variants["demotion"]["tiers"]["disk"]["loads"]
    assert 0 < summary["fewest_faults"]["/web"] < min(each["faults"] for each in variants.values())


def test_baselines(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config without variants is compared with no demotion and with zswap's own way; the README's variants are these."""
    config.write_text(TINY[: TINY.index("variants")])
    main(["run", str(config), "--json", "--baselines"])
    variants = json.loads(capsys.readouterr().out)["variants"]
    assert list(variants) == ["overflow", "kernel", "base"]
    assert variants["overflow"]["edges"] == {}
    assert set(variants["kernel"]["edges"]["zswap->disk"]["by_trigger"]) == {"limit"}
    written = load_experiment(ROOT / "tiers.yaml")
    only = attrs.evolve(written, variants={"demotion": written.base})
    assert with_baselines(only).variants == {
        name: written.variants[name] for name in ("overflow", "kernel", "demotion")
    }


def test_repeats(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Mean and spread in the table; all runs in the JSON; what is better in each of them is marked."""
    main(["run", str(config), "--set", "run.repeat=3"])
    table = capsys.readouterr().out
    assert "±" in table
    assert "* = better in each of 3 runs" in " ".join(table.split())
    main(["run", str(config), "--json", "--set", "run.repeat=3"])
    one = json.loads(capsys.readouterr().out)["variants"]["demotion"]
    assert len({one["seed"], *(each["seed"] for each in one["repeats"])}) == 3


def test_notes_are_on_stderr(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a config seldom means is said, beside the results, not in them."""
    main(
        ["run", str(config), "--json", "--set", "cgroups./web.memory.zswap.max=max", "--set", "tiers.zswap.max_pool=1M"]
    )
    said = capsys.readouterr()
    json.loads(said.out)
    assert "memory.zswap.max prevents that" in said.err


def test_broken_integrity_is_exit_code_3(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect that mixes pages up must not look like a result."""
    count = Executor._count_equal
    monkeypatch.setattr(Executor, "_count_equal", lambda self, *batch: max(0, count(self, *batch) - 1))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(config), "--json"])
    said = capsys.readouterr()
    assert ended.value.code == 3
    assert json.loads(said.out)["variants"]["demotion"]["integrity"]["mismatched"] > 0
    assert "came back wrong" in said.err


def test_debug_shows_the_traceback(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And only --debug does."""
    config.write_text("nonsense: 1\n")
    for arguments, shown in ((["--debug", "run"], True), (["run"], False)):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, str(config)])
        assert ended.value.code == 2
        assert ("Traceback" in capsys.readouterr().err) is shown


def test_progress_on_a_terminal_only(config: Path) -> None:
    """A bar per variant where somebody looks; nothing in a log."""
    child = pexpect.spawn(
        sys.executable, ["-m", "swaptiers", "run", str(config)], env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60
    )
    child.expect("overflow.*%")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    done = run("run", str(config))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_home_that_cannot_be_written(config: Path, tmp_path: Path) -> None:
    """The kernels are compiled, said so, and the run works; what was compiled goes to a private temporary folder."""
    home = tmp_path / "home"
    home.write_text("a file, where a folder would have to be made")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(scratch)}
    first = run("run", str(config), "--variant", "demotion", env=env)
    assert first.returncode == 0
    assert "compiling the kernels, once" in first.stderr
    assert "demotion" in first.stdout
    (made,) = scratch.iterdir()
    assert made.stat().st_mode & 0o077 == 0
    again = run("run", str(config), "--variant", "demotion", env=env)
    assert (again.returncode, again.stderr) == (0, "")


def test_a_pipe_that_is_closed(config: Path) -> None:
    """`swaptiers run ... | head -1` ends quietly."""
    command = f"{sys.executable} -m swaptiers run {config} --json | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )  # fmt: skip
    assert done.stdout == b"{"
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1, 141)
