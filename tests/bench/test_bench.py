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

ROOT = Path(__file__).parent.parent.parent


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
    done = bench(
        "--only", "swap_out_page_vs_codec", "--only", "swap_in_batch_vs_codec", "--pages", "128", "--rounds", "3",
        "--corpus", str(corpus), "--json", str(target),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(target.read_text())
    assert list(found["rows"]) == ["swap_out_page_vs_codec", "swap_in_batch_vs_codec"]
    for row in found["rows"].values():
        assert row["min"] <= row["ratio"] <= row["max"]
        assert len(row["rounds"]) == 3
        assert row["met"] is (row["ratio"] <= row["target"])
    assert found["size"]["corpus"] == str(corpus)
    assert "numpy" in found["machine"]
    assert "swap_out_page_vs_codec" in done.stdout


def test_replay_rows(tmp_path: Path) -> None:
    """The replay of real bytes against its moves; libCacheSim's row only where it is installed, and said so."""
    target = tmp_path / "bench.json"
    done = bench("--only", "replay_real_vs_moves", "--only", "replay_vs_libcachesim", "--references", "40000", "--rounds", "1",
                 "--json", str(target))  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(target.read_text())["rows"]
    assert rows["replay_real_vs_moves"]["ratio"] > 1
    if importlib.util.find_spec("libcachesim") is None:
        assert "not installed" in rows["replay_vs_libcachesim"]["skipped"]
    else:
        assert rows["replay_vs_libcachesim"]["ratio"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "swap_out_bach_vs_codec"], "did you mean 'swap_out_batch_vs_codec'"),
        (["--corpus", "missing"], "missing"),
    ],
)
def test_bad_options(arguments: list[str], words: str) -> None:
    """One line, exit code 2."""
    done = bench(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
