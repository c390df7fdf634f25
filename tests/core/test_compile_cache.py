"""The folder of compiled kernels: an edit to anything that they are made of starts a new one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ASK = "from swaptiers.core.compile import _key; print(_key())"


def key_in(copy: Path) -> str:
    done = subprocess.run([sys.executable, "-c", ASK], cwd=copy, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "swaptiers", folder / "swaptiers", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("core/zsmalloc.py", True),
        ("core/state.py", True),
        ("experiment/lab.py", True),
        ("workloads/source.py", True),
        ("experiment/results.py", False),
        ("workloads/formats.py", False),
        ("cli/run.py", False),
    ],
)
def test_an_edit_that_kernels_see_changes_the_key(copy: Path, file: str, changes: bool) -> None:
    """Numba alone does not notice an edit in a callee's file: stale code would run. Other edits should cost nothing."""
    before = key_in(copy)
    path = copy / "swaptiers" / file
    text = path.read_text()
    path.write_text(text + "\n# edited\n")
    after = key_in(copy)
    path.write_text(text)
    assert (after != before) is changes
    assert key_in(copy) == before
