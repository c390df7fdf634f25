"""docs/tutorial.md as a stranger follows it: in a copy of the repository, with an environment of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"(?:^<!-- ([^\n]*?) -->\n)?^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "_build", "dist", "build", "out")


@pytest.mark.slow
def test_every_command_as_written(tmp_path: Path) -> None:
    """One that needs what only a developer's environment has would end a reader's first quarter of an hour."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=NOT_COPIED)
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    said = ""
    for mark, language, text in FENCE.findall((clone / "docs/tutorial.md").read_text(encoding="utf-8")):
        if language == "yaml":
            (clone / text.splitlines()[0].removeprefix("# ")).write_text(text)
        elif language == "text":
            assert text.rstrip() in said
        elif language == "sh":
            done = subprocess.run(["sh", "-eu", "-c", text], cwd=clone, env=env, capture_output=True, text=True)
            said = done.stdout + done.stderr
            assert done.returncode == int(mark.removeprefix("exits with ") or 0), said
    assert (clone / "results/report.html").is_file()
    assert (clone / "occupancy.svg").is_file()
