"""Folders of results that a stranger made, or a disk damaged: read as they are, or one sentence."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import swaptiers as st
from swaptiers.report.stored import read_results
from swaptiers.report.write import write_results

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

CONFIG = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 128K}
  disk: {kind: file, capacity: 16M, latency: {read: 1ms, write: 1ms}}
cgroups: {/a: {memory.max: 400K}}
workloads: [{cgroup: /a, kind: zipf, pages: 300, refs: 2000, contents: text}]
run: {payload: sizes, sample: 20ms}
"""
WORDS = (b"99999", b",", b"\n", b'"', b"null", b"nan", b"-", b"e999", b"[", b"{", b"\xff")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> st.ExperimentResult:
    path = tmp_path_factory.mktemp("hostile") / "small.yaml"
    path.write_text(CONFIG)
    return st.run(path)


@pytest.fixture(params=["parquet", "csv"])
def folder(
    request: pytest.FixtureRequest, result: st.ExperimentResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    if request.param == "csv":
        monkeypatch.setattr("swaptiers.report.write.has_parquet", lambda: False)
    write_results(result, tmp_path / "out")
    return tmp_path / "out"


def refused(folder: Path, words: str | None = None) -> None:
    """It is, in one line that names the folder."""
    with pytest.raises(st.ResultError, match=words) as caught:
        read_results(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def damaged(draw: random.Random, whole: bytes) -> bytes:
    """Bits turned, pieces cut out, doubled, drawn anew; more often near the end, where Parquet says what it has."""
    data = bytearray(whole)
    for _ in range(draw.choice((1, 1, 1, 2, 5, 20))):
        if not data:
            break
        at = draw.randrange(len(data)) if draw.random() < 0.6 else max(0, len(data) - 1 - draw.randrange(3000))
        size = draw.choice((1, 4, 100, 10_000))
        way = draw.randrange(5)
        if way == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif way == 1:
            del data[at : at + size]
        elif way == 2:
            data[at:at] = data[at : at + size]
        elif way == 3:
            data[at : at + 8] = draw.randbytes(8)
        else:
            data[at:at] = draw.choice(WORDS)
    return bytes(data)


def test_damaged_files(folder: Path, pytestconfig: pytest.Config) -> None:
    """Any file of them, damaged in any way: no traceback out of pyarrow, json or our own arithmetic."""
    draw, refusals = random.Random(str(pytestconfig.getoption("--hypothesis-seed"))), 0
    wholes = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    for _ in range(60):
        path = draw.choice(sorted(wholes))
        path.write_bytes(damaged(draw, wholes[path]))
        try:
            read_results(folder)
        except st.ResultError:
            refusals += 1
        path.write_bytes(wholes[path])
    assert refusals > 20
    read_results(folder)


@pytest.mark.parametrize("table", ["samples", "latencies"])
def test_numbers_that_are_missing(folder: Path, table: str) -> None:
    """An empty field where a number belongs would be compared with one, or added to it."""
    path = next(folder.glob(f"{table}.*"))
    whole = path.read_bytes()
    numbers = {"samples": ("repetition", "time_ns", "value"), "latencies": ("repetition", "from_ns", "to_ns", "faults")}
    for name in numbers[table]:
        if path.suffix == ".csv":
            lines = [line.split(",") for line in whole.decode().splitlines()]
            lines[1][lines[0].index(name)] = ""
            path.write_text("\n".join(map(",".join, lines)))
        else:
            path.write_bytes(whole)
            held = parquet.read_table(path)
            column = held.column(name).to_pylist()
            at = held.schema.get_field_index(name)
            column[0] = None
            held = held.set_column(at, name, arrow.array(column, held.schema.field(name).type))
            parquet.write_table(held.replace_schema_metadata(parquet.read_schema(path).metadata), path)
        refused(folder, f"a number is missing in the column {name}")


def test_a_table_that_says_it_has_more_rows_than_there_is_memory_for(
    result: st.ExperimentResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of kilobytes can unfold to any number of rows; nothing of it is read then."""
    write_results(result, tmp_path)
    monkeypatch.setattr("swaptiers.report.files.os.sysconf", lambda _: 64)
    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", lambda *_: pytest.fail("it was read"))
    refused(tmp_path, "more than this machine has the memory for")


@pytest.mark.parametrize(
    "summary",
    ["[" * 100_000, '{"schema": 1, "variants": ' + '{"a": ' * 100_000, "1" * 10_000, '{"schema": 1, "variants": [1]}',
     '{"schema": 1, "variants": {"a": 3}}', '{"schema": 1, "variants": {"a": {"repeats": 5}}}', "\ud800"],
)  # fmt: skip
def test_a_summary_of_another_shape(result: st.ExperimentResult, tmp_path: Path, summary: str) -> None:
    """Deep, long, or with a value where a mapping belongs."""
    write_results(result, tmp_path)
    (tmp_path / "summary.json").write_bytes(summary.encode(errors="surrogatepass"))
    refused(tmp_path)


@pytest.mark.parametrize("name", ["summary.json", "samples.parquet"])
def test_links_in_the_folder(result: st.ExperimentResult, tmp_path: Path, name: str) -> None:
    """Whoever may write into the folder must not let us write over a file elsewhere; and a device is no summary."""
    victim, folder = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    folder.mkdir()
    for link in (folder / name, folder / f".{name}.part"):
        link.symlink_to(victim)
    write_results(result, folder)
    assert victim.read_text() == "mine"
    assert not any(path.is_symlink() for path in folder.iterdir())
    read_results(folder)
    (folder / "summary.json").unlink()
    (folder / "summary.json").symlink_to("/dev/zero")
    refused(folder, "holds no results")
    shutil.rmtree(folder)
