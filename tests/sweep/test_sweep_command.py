"""`swaptiers sweep` at work: disturbed in every way and resumed, with points that fail, seen by nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swaptiers.cli import main
from swaptiers.sweep.extra import MODULES
from tests.sweep.sweeps import SMALL, files, is_alive, rows_of, started, swept, wait_for_rows, workers_of

for module in MODULES:
    pytest.importorskip(module)
psutil = pytest.importorskip("psutil")

GRID = ["--grid", "tiers.zswap.max_pool=64K,128K,192K,256K", "--grid", "edges.0.policy=lru,second-chance"]
POLICY = """\
import os

class Picky:
    def __init__(self, then="suggest"):
        self.then = then

    def suggest(self, candidates):
        if self.then == "raise":
            raise RuntimeError("no idea")
        if self.then == "leave":
            os._exit(7)
        return range(min(len(candidates), candidates.wanted))
"""
OWN_POLICY = SMALL.replace("policy: lru", "policy: 'mine:Picky', options: {then: suggest}")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the config, and in `calm` a sweep of 16 runs that nobody disturbed."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "small.yaml").write_text(SMALL)
    code, out, errors = swept(["small.yaml", *GRID, "--repeat", "2", "--workers", "1", "--out", "calm", "--answer",
                 "tiers.zswap.max_pool where p99 < 1s"], folder)  # fmt: skip
    assert (code, errors) == (0, "8 points, 1 variant, 2 seeds: 16 runs; 1 at a time\n"), errors
    assert out.splitlines()[:1] == ["16 of 16 runs are finished, in calm"]
    assert out.splitlines()[1].startswith(
        "edges.0.policy=lru: the smallest tiers.zswap.max_pool with p99 < 1s is 64K (in each of 2 seeds: p99 at most "
    )
    return folder


def test_disturbed_and_resumed(undisturbed: Path) -> None:
    """A worker is lost, then the sweep is killed, then resumed: the same rows. A run that is lost or run twice, a half file, or
    a seed that depends on the worker would show. And while it works, nobody but this machine can reach it."""
    arguments = ["small.yaml", *GRID, "--repeat", "2", "--workers", "2", "--out", "rough"]
    rough = undisturbed / "rough"
    with started(arguments, undisturbed) as first:
        wait_for_rows(rough, 2, first)
        listening = [
            connection.laddr.ip
            for process in [psutil.Process(first.pid), *workers_of(first)]
            for connection in process.net_connections("tcp")
            if connection.status == "LISTEN"
        ]
        assert set(listening) == {"127.0.0.1"}
        workers_of(first)[0].kill()
        wait_for_rows(rough, 4, first)
        orphans = workers_of(first)
        first.kill()
        first.wait()
    kept = {path: path.stat().st_mtime_ns for path in files(rough)}
    assert 4 <= len(kept) < 16, "the sweep was over before it was killed"

    code, out, errors = swept([*arguments, "--workers", "1"], undisturbed)
    assert code == 0, errors
    assert f"16 runs, {len(kept)} of them finished earlier" in errors
    assert "16 of 16 runs are finished" in out
    assert rows_of(rough) == rows_of(undisturbed / "calm")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not any(is_alive(process) for process in orphans)


def test_a_finished_sweep_starts_nothing(undisturbed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It answers another question at once."""
    main([
        "sweep", str(undisturbed / "small.yaml"), *GRID, "--repeat", "2", "--out", str(undisturbed / "calm"),
        "--answer", "largest tiers.zswap.max_pool where ram < 1K",
    ])  # fmt: skip
    said = capsys.readouterr()
    assert said.err == "8 points, 1 variant, 2 seeds: 16 runs, 16 of them finished earlier\n"
    assert "edges.0.policy=lru: no tiers.zswap.max_pool of 256K, 192K, 128K, 64K has ram < 1K" in said.out


def test_a_point_that_fails(tmp_path: Path) -> None:
    """It is said with its error, the others are finished, and the same command tries it again."""
    (tmp_path / "mine.py").write_text(POLICY)
    (tmp_path / "own.yaml").write_text(OWN_POLICY)
    arguments = ["own.yaml", "--grid", "edges.0.options.then=suggest,raise", "--workers", "1", "--out", "out"]
    code, out, errors = swept(arguments, tmp_path)
    assert code == 1
    assert out == "1 of 2 runs are finished, in out\n"
    assert "1 runs failed" in errors
    assert "RuntimeError: no idea" in " ".join(errors.split())
    (row,) = rows_of(tmp_path / "out")
    assert row["edges.0.options.then"] == "suggest"
    (failure,) = json.loads((tmp_path / "out/failures.json").read_text())
    assert (failure["point"], failure["kind"]) == ({"edges.0.options.then": "raise"}, "PolicyError")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "0"], "--workers is at least 1"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "leave one of them out"),
        (["--answer", "ram where p99 < 1ms"], "no key 'ram' in the grid"),
        (["--set", "tiers.disk.path=here", "--workers", "2"], "can't share its file"),
        (["--repeat", "0"], "repeat"),
    ],
)
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    """Before a process is started or a folder made."""
    (tmp_path / "small.yaml").write_text(SMALL)
    with pytest.raises(SystemExit) as error:
        main(["sweep", str(tmp_path / "small.yaml"), *GRID, "--out", str(tmp_path / "out"), *arguments])
    assert error.value.code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
