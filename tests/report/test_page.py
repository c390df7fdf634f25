"""Reports and plots from the command line: of one run and of several, and what is said where one can't be made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import TWO_CGROUPS

import swaptiers as st
from swaptiers.cli import main
from swaptiers.cli.plot import WHAT
from swaptiers.experiment.series import Measure
from swaptiers.report.write import write_results

for module in ("altair", "vl_convert", "jinja2", "pyarrow"):
    pytest.importorskip(module)

from swaptiers.report.page.curves import STRIPS, Grid  # noqa: E402
from swaptiers.report.page.pictures import PICTURES, pictures_of  # noqa: E402
from swaptiers.report.page.sides import Comparison  # noqa: E402
from swaptiers.report.stored import read_results  # noqa: E402


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `one` and `two`: two runs of a config, the second one repeated, with another seed and a controller."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "two.yaml").write_text(TWO_CGROUPS)
    write_results(st.run(folder / "two.yaml"), folder / "one")
    steered = "demotion: {controllers: [{kind: psi, source: zswap, every: 50ms}]}"
    (folder / "steered.yaml").write_text(TWO_CGROUPS.replace("demotion: {}", steered))
    write_results(st.run(folder / "steered.yaml", sets=["run.repeat=2"], seed=7), folder / "two")
    return folder


def data_of(path: Path) -> dict[str, Any]:
    """What a page's charts are drawn from."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


def test_a_report_of_one_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes into the run's folder, and has every picture that there is something for."""
    main(["report", str(runs / "one")])
    assert capsys.readouterr().out == f"wrote {runs / 'one' / 'report.html'}\n"
    data = data_of(runs / "one/report.html")
    assert list(data) == [name for name in WHAT if name != "controllers"]
    text = (runs / "one/report.html").read_text()
    for words in ("What was asked", "The verdict", "seed", "numpy ", "every default filled in", "max_pool: 256K"):
        assert words in text
    assert "http://" not in re.sub(r"http://www.w3.org/[\w/]*", "", text[: text.index("<script>")])


def test_a_report_of_several_runs(runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each variant under its run's name, in the table and in every picture; the spread of what was repeated."""
    monkeypatch.chdir(tmp_path)
    main(["report", str(runs / "one"), str(runs / "two")])
    text = Path("report.html").read_text()
    names = ["one: overflow", "one: demotion", "two: overflow", "two: demotion"]
    heads = re.findall(r'<th scope="col">([^<]*)</th>', text[text.index('id="verdict-table"') :])[:4]
    assert heads == names
    assert " ±" in text
    data = data_of(Path("report.html"))
    assert [panel["title"] for panel in data["tiers"]] == names
    assert [data["faults"][0]["titles"][f"s{n}"] for n in range(4)] == names
    assert [panel["title"] for panel in data["controllers"]] == ["two: demotion: psi / zswap"]


def test_curves_say_what_was_counted(runs: Path) -> None:
    """Strips that lose or double events, or belong to another cgroup, would not add up to the totals."""
    comparison = Comparison.of([read_results(runs / "one")])
    grid = Grid.of(comparison)
    for side in comparison.sides:
        for path, cgroup in side.result.cgroups.items():
            if cgroup.refs:
                grown = grid.growth(side, Measure(metric="faults", cgroup=path))
                assert np.nansum(grown) == pytest.approx(cgroup.faults)
        level = grid.level(side, Measure(metric="entries", tier="disk"))
        samples = side.curves[Measure(metric="entries", tier="disk")].values
        assert np.nanmax(level) <= samples.max()
        assert level[-1] == pytest.approx(samples[-1], rel=0.05)
        assert len(level) == STRIPS


def test_the_distribution_has_the_percentiles(runs: Path) -> None:
    """The line falls below 1 % where the table's 99th percentile is, up to the width of a class."""
    comparison = Comparison.of([read_results(runs / "one")])
    panel = PICTURES["distribution"](comparison).panels[0]
    assert panel.title == "all cgroups"
    for number, side in enumerate(comparison.sides):
        p99 = side.result.fault_latency_ns.p99
        assert p99 is not None
        starts, share = panel.columns["x0"], panel.columns[f"s{number}"]
        slower = [ns for ns, part in zip(starts, share, strict=True) if part is not None and part >= 0.01]
        assert max(slower) <= p99 <= max(slower) * 1.3


def test_flows_and_writes_are_the_counters(runs: Path) -> None:
    """An arrow along the wrong edge, or bytes of demotion counted as stores."""
    comparison = Comparison.of([read_results(runs / "one")])
    overflow, demotion = (side.result for side in comparison.sides)
    columns = PICTURES["tiers"](comparison).panels[1].columns
    flows = {(a, b): n for a, b, n in zip(columns["from"], columns["to"], columns["pages"], strict=True)}
    assert flows == {
        ("memory", "zswap"): demotion.tiers["zswap"].stores,
        ("zswap", "memory"): demotion.tiers["zswap"].loads,
        ("memory", "disk"): demotion.tiers["disk"].stores,
        ("disk", "memory"): demotion.tiers["disk"].loads,
        ("zswap", "disk"): demotion.edges["zswap->disk"].entries,
    }
    columns = PICTURES["writes"](comparison).panels[1].columns
    written = {(n, k): v for n, k, v in zip(columns["name"], columns["key"], columns["value"], strict=True)}
    assert written[("overflow", "stores")] == overflow.tiers["disk"].written_bytes
    assert written[("demotion", "demotion")] == demotion.edges["zswap->disk"].written_bytes
    parts = [value for (name, _), value in written.items() if name == "demotion"]
    assert sum(parts) == demotion.tiers["disk"].written_bytes


@pytest.mark.parametrize("text", ["interleave: time", "inversion: off"])
def test_other_runs(tmp_path: Path, text: str) -> None:
    """Where latency orders the references the axis is time; what was not measured has no picture."""
    (tmp_path / "two.yaml").write_text(TWO_CGROUPS.replace("run: {", f"run: {{{text}, "))
    main(["run", str(tmp_path / "two.yaml"), "--quiet", "--out", str(tmp_path / "out")])
    data = data_of(tmp_path / "out/report.html")
    across = "virtual time" if "time" in text else "references"
    assert data["occupancy"][0]["titles"]["x0"] == across
    assert ("inversion" in data) == ("time" in text)


def test_a_run_without_faults(tmp_path: Path) -> None:
    """All fits: no division by nothing, no logarithm of nothing, no picture of nothing."""
    (tmp_path / "two.yaml").write_text(re.sub(r"memory.max: \d+K", "memory.max: 64M", TWO_CGROUPS))
    main(["run", str(tmp_path / "two.yaml"), "--quiet", "--out", str(tmp_path / "out")])
    assert set(data_of(tmp_path / "out/report.html")) == {"tiers", "occupancy", "faults"}
    with pytest.raises(SystemExit) as error:
        main(["plot", str(tmp_path / "out"), "--what", "latency", "-o", str(tmp_path / "x.svg")])
    assert error.value.code == 2


@pytest.mark.parametrize("what", WHAT)
def test_every_picture_as_a_file(runs: Path, tmp_path: Path, what: str) -> None:
    """Each can be drawn, with the names of what is in it."""
    target = tmp_path / "figure.svg"
    main(["plot", str(runs / "two"), "--what", what, "-o", str(target)])
    text = target.read_text()
    assert text.startswith("<svg")
    assert "<path" in text
    assert {"tiers": "demoted", "writes": "stores"}.get(
        what, "demotion" if what != "controllers" else "measured"
    ) in text


def test_forms_of_a_picture(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As its name ends; another ending is refused before anything is written."""
    for name, start in (("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("t.png", b"\x89PNG"), ("t.pdf", b"%PDF")):
        what = "tiers" if name.startswith("t") else "inversion"
        main(["plot", str(runs / "one"), "--what", what, "-o", str(tmp_path / name)])
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(SystemExit) as error:
        main(["plot", str(runs / "one"), "--what", "tiers", "-o", str(tmp_path / "a.jpeg")])
    assert error.value.code == 2
    assert ".svg, .png, .pdf" in capsys.readouterr().err
    assert not (tmp_path / "a.jpeg").exists()


def test_what_can_be_plotted_is_what_there_is() -> None:
    """The command line knows the pictures without importing them; the two lists must not part."""
    assert tuple(PICTURES) == WHAT


def test_many_cgroups(tmp_path: Path) -> None:
    """Panels are bounded; the page says how many cgroups it leaves out."""
    groups = "".join(f"  /g{n}: {{memory.max: 40K, memory.zswap.max: 20K}}\n" for n in range(11))
    loads = "".join(f"  - {{cgroup: /g{n}, kind: uniform, pages: 30, refs: 200, contents: text}}\n" for n in range(11))
    head = TWO_CGROUPS[: TWO_CGROUPS.index("cgroups:")]
    (tmp_path / "many.yaml").write_text(
        f"{head}cgroups:\n{groups}workloads:\n{loads}run: {{payload: sizes, sample: 5ms, reclaim_batch: 4}}\n"
    )
    main(["run", str(tmp_path / "many.yaml"), "--quiet", "--out", str(tmp_path / "out"), "--no-report"])
    pictures = {p.name: p for p in pictures_of(Comparison.of([read_results(tmp_path / "out")]))}
    assert len(pictures["faults"].panels) == 8
    assert "3 others are in the samples" in pictures["faults"].note
    assert len(pictures["distribution"].panels) == 9


def test_folders_that_are_no_results(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in one sentence, with the folder."""
    for arguments, words in (
        (["report", str(tmp_path)], "holds no results"),
        (["report", str(runs / "one"), str(runs / "one")], "given twice"),
        (["plot", str(tmp_path / "none"), "--what", "tiers", "-o", "x.svg"], "holds no results"),
        (["report", str(runs / "one"), "-o", str(tmp_path / "no/such/folder.html")], "can't be written"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before the run, not after it: --report demands it, --out goes on without."""
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name in ("altair", "pyarrow") else find(name, *rest)
    )
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO_CGROUPS)
    ran: list[str] = []
    monkeypatch.setattr("swaptiers.experiment.run.run_variant", lambda *_: ran.append("it") or 1 / 0)
    for options, words in (
        (["run", "two.yaml", "--out", "out", "--report"], "missing: altair, pyarrow"),
        (["run", "two.yaml", "--out", "out", "--events"], "--events needs pyarrow"),
        (["run", "two.yaml", "--report"], "add --out FOLDER"),
        (["report", "out"], "needs the extra `report`"),
        (["plot", "out", "--what", "tiers", "-o", "x.svg"], "needs the extra `report`"),
    ):
        with pytest.raises(SystemExit) as error:
            main(options)
        assert error.value.code == 2
        assert words in capsys.readouterr().err
    assert not ran
    monkeypatch.undo()


def test_out_without_the_extra_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain installation writes what it can, and says in one line what it would take for the report."""
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == "pyarrow" else find(name, *rest)
    )
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO_CGROUPS)
    main(["run", "two.yaml", "--out", "out"])
    said = capsys.readouterr()
    assert said.err.count("pip install 'swaptiers[report]'") == 1
    assert sorted(path.name for path in Path("out").iterdir()) == ["latencies.csv", "samples.csv", "summary.json"]


def test_the_extra_is_imported_only_when_it_is_used(tmp_path: Path) -> None:
    """A run without --out must work, and start as fast, where none of it is installed."""
    (tmp_path / "two.yaml").write_text(TWO_CGROUPS)
    program = (
        "import sys; from swaptiers.cli import main; main(sys.argv[1:]);"
        "print([m for m in ('altair', 'jinja2', 'pyarrow', 'vl_convert') if m in sys.modules])"
    )
    command = [sys.executable, "-c", program, "run", str(tmp_path / "two.yaml"), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout == "[]\n"
