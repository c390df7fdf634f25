"""`swaptiers trace info` and `convert`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import swaptiers as st
from swaptiers.cli import main
from swaptiers.workloads.trace import Survey

ROOT = Path(__file__).parent.parent.parent
SORT = str(ROOT / "examples/traces/sort.u32.zst")


def test_info(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The figures of the shipped trace, and a curve that falls to the first references."""
    main(["trace", "info", SORT, "--csv", str(tmp_path / "curve.csv")])
    said = capsys.readouterr().out
    for words in ("301,239", "1,447 (5.65M)", "16.7%", "100%"):
        assert words in said
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    ratios = [float(row["miss_ratio"]) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == 1
    assert ratios[-1] == pytest.approx(1447 / 301239, abs=1e-6)


@pytest.mark.parametrize("name", ["out.u32", "out.u32.zst"])
def test_convert(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """What is written reads the same; nothing is overwritten; a bad trace leaves no half of a file."""
    source = tmp_path / "in.csv"
    source.write_text("id,op\n" + "".join(f"{i % 50},{'w' if i % 3 == 0 else 'r'}\n" for i in range(1000)))
    target = tmp_path / name
    main(["trace", "convert", str(source), str(target), "--format", "csv"])
    assert "wrote 1,000 references" in capsys.readouterr().out
    assert Survey.make(target, "u32") == Survey(refs=1000, top_page=49, writes=334)
    with pytest.raises(SystemExit) as ended:
        main(["trace", "convert", str(source), str(target), "--format", "csv"])
    assert ended.value.code == 2
    assert "is there already" in capsys.readouterr().err
    source.write_text("id\n1\nx\n")
    with pytest.raises(SystemExit):
        main(["trace", "convert", str(source), str(tmp_path / "new"), "--format", "csv"])
    assert "line 3" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", name]


def test_a_converted_trace_runs(tmp_path: Path) -> None:
    """A trace in its own format and converted give the same run."""
    (tmp_path / "t.csv").write_text("id,size,op\n" + "".join(f"{(i * i) % 131},{i % 9000},r\n" for i in range(2000)))
    main(["trace", "convert", str(tmp_path / "t.csv"), str(tmp_path / "t.u32"), "--format", "csv"])
    hits = []
    for name, form in (("t.csv", "csv"), ("t.u32", "u32")):
        (tmp_path / "c.yaml").write_text(
            "version: 1\ntiers: {disk: {kind: file, capacity: 8M}}\ncgroups: {/a: {memory.max: 200K}}\n"
            f"workloads: [{{cgroup: /a, kind: trace, path: {name}, format: {form}}}]\nrun: {{payload: sizes}}\n"
        )
        hits.append(st.run(tmp_path / "c.yaml").variants["base"].hits)
    assert hits[0] == hits[1] > 0


def test_bad_traces(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file of the wrong kind is said to be one."""
    (tmp_path / "odd").write_bytes(b"12345")
    (tmp_path / "sparse").write_bytes(np.array([2**30 + 5], "<u4").tobytes())
    for name, words in (("odd", "truncated"), ("sparse", "dense page numbers"), ("nothing", "there is no trace")):
        with pytest.raises(SystemExit) as ended:
            main(["trace", "info", str(tmp_path / name)])
        assert ended.value.code == 2
        assert words in capsys.readouterr().err
