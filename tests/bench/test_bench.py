"""The bench runs, verifies what it times, and writes what it found."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.limits import LOOPS
from bench.size_rows import measured

ROOT = Path(__file__).parent.parent.parent
CODEC_ROWS = ["swap_out_page_vs_codec", "swap_in_batch_vs_codec"]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False
    )


def test_rows_and_their_file(tmp_path: Path) -> None:
    """The keys that scripts read; the ratio lies within its own spread; a corpus of one's own is taken."""
    corpus = tmp_path / "pages"
    pages = np.random.default_rng(1).integers(0, 4, (200, 4096), np.uint8)
    pages[5] = 0
    pages.tofile(corpus)
    target = tmp_path / "bench.json"
    only = [word for key in CODEC_ROWS for word in ("--only", key)]
    done = bench(*only, "--pages", "128", "--rounds", "3", "--corpus", str(corpus), "--json", str(target))
    assert done.returncode == 0, done.stderr
    found = json.loads(target.read_text())
    assert list(found["rows"]) == CODEC_ROWS
    for row in found["rows"].values():
        assert row["min"] <= row["ratio"] <= row["max"]
        assert len(row["rounds"]) == 3
        assert all(each["ratio"] == each["ours_s"] / each["limit_s"] for each in row["rounds"])
        assert row["met"] is (row["ratio"] <= row["target"])
        assert row["units"] % 128 == 0
    assert found["size"]["corpus"] == str(corpus)
    assert {"numpy", "python", "cpus", "swaptiers"} <= set(found["machine"])
    assert "swap_out_page_vs_codec" in done.stdout


def test_replay_rows(tmp_path: Path) -> None:
    """The replay of real bytes against its moves; libCacheSim's row only where it is installed, and said so."""
    target = tmp_path / "bench.json"
    done = bench("--only", "replay_real_vs_moves", "--only", "replay_vs_libcachesim", "--references", "40000", "--rounds", "1",
                 "--json", str(target))  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    rows = json.loads(target.read_text())["rows"]
    assert rows["replay_real_vs_moves"]["unit"] == "move"
    assert rows["replay_real_vs_moves"]["units"] > 0
    if importlib.util.find_spec("libcachesim") is None:
        assert "not installed" in rows["replay_vs_libcachesim"]["skipped"]
    else:
        assert rows["replay_vs_libcachesim"]["units"] == 40000


@pytest.mark.parametrize("compressor", ["lz4", "zstd"])
def test_limits_do_the_work(compressor: str) -> None:
    """A limit that left out a page, or kept less than all of it, would be a limit that nobody can reach."""
    pages = [np.random.default_rng(seed).integers(0, 4, 4096, np.uint8).tobytes() for seed in range(5)]
    out, back = LOOPS[compressor]
    payloads = out(pages)
    assert all(len(payload) < 4096 for payload in payloads)
    assert back(payloads) == pages


BROKEN = """
import sys
from bench import __main__, codec_rows
from bench.rows import Row

def run(size):
    raise RuntimeError("pages came back changed")

__main__.ROWS["broken"] = Row(key="broken", what="", unit="page", target=1e9, run=run)
__main__.ROWS["slow"] = Row(key="slow", what="", unit="page", target=0.0, run=codec_rows.ROWS[0].run)
__main__.bench(["--pages", "64", "--rounds", "1", *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--only", "broken", "--only", "slow"], 1, "broken: error: RuntimeError: pages came back changed"),
        (["--only", "slow"], 0, "0.00 !"),
        (["--only", "slow", "--check"], 1, "0.00 !"),
    ],
)
def test_what_goes_wrong(arguments: list[str], code: int, words: str) -> None:
    """A row that fails is named and fails the run, after the others were timed; a missed target does only if asked."""
    command = [sys.executable, "-c", BROKEN, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    assert words in done.stdout
    assert "0.00 !" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "swap_out_bach_vs_codec"], "did you mean 'swap_out_batch_vs_codec'"),
        (["--corpus", "missing"], "missing"),
        (["--corpus", "LICENSE"], "--pages wants another number"),
        (["--json", "missing/bench.json"], "can't be written"),
        (["--pages", "0"], "--pages"),
    ],
)
def test_bad_options(arguments: list[str], words: str) -> None:
    """Said before anything is timed, exit code 2."""
    done = bench(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_values_and_rows_without_a_target(tmp_path: Path) -> None:
    """What is no ratio of two timings has a value; what has no target has none to miss; a picture is drawn of the others."""
    target, picture = tmp_path / "bench.json", tmp_path / "bench.svg"
    keys = ["store_job_vs_lmdb", "store_job_vs_sqlite3", "store_job_rss_vs_budget"]
    only = [word for key in keys for word in ("--only", key)]
    done = bench(*only, "--puts", "256", "--rounds", "1", "--json", str(target), "--picture", str(picture))
    assert done.returncode == 0, done.stderr + done.stdout
    rows = json.loads(target.read_text())["rows"]
    assert rows["store_job_vs_sqlite3"]["units"] == 512
    assert rows["store_job_vs_sqlite3"]["target"] == 1.0
    if importlib.util.find_spec("lmdb") is not None:
        assert "target" not in rows["store_job_vs_lmdb"]
        assert rows["store_job_vs_lmdb"]["ratio"] > 0
    value = rows["store_job_rss_vs_budget"]["value"]
    assert rows["store_job_rss_vs_budget"]["min"] <= value <= rows["store_job_rss_vs_budget"]["max"]
    assert 0 < value < 1
    assert "store_job_vs_sqlite3" in picture.read_text()


def test_growth_in_a_process_of_its_own() -> None:
    """The memory of an entry is counted: more than its record, less than a page; time is per page."""
    found = measured("sizes", 20_000)
    assert 48 < found["bytes_per_entry"] < 4096
    assert found["us"] > 0
    assert measured("real", 2_000)["us"] > 0
    assert measured("pause", 2_000)["ms"] > 0
    with pytest.raises(RuntimeError, match=r"bench\.growth nothing"):
        measured("nothing", 1)


def test_parts_are_each_timed() -> None:
    """A part that is renamed would be left out of the table in silence."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.parts", "--rounds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    for part in (
        "bulk.encode_rows",
        "api_pages.publish_pages",
        "LogTier.store",
        "FileTier.store_rows",
        "bulk.decode_objects",
    ):
        assert part in done.stdout
