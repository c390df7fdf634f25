"""How soon something is to be seen: the command's help, and the first progress of a run. In processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.rounds import Timing, interleaved
from bench.rows import Row, Size, Values

ROOT = Path(__file__).parent.parent
FIRST = """
import sys, time, os
from pathlib import Path
from swaptiers.experiment.run import run

def progress(*_):
    sys.stdout.write(f"{time.time()}\\n")
    sys.stdout.flush()
    os._exit(0)

run(Path(sys.argv[1]), progress=progress)
"""


def _seconds(arguments: Sequence[str]) -> float:
    command = [sys.executable, *arguments]
    start = time.perf_counter()  # whatever clock the others have: the work is another process's
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - start


def cli_help(size: Size) -> tuple[Timing, int]:
    ours = lambda: _seconds(["-m", "swaptiers", "--help"])  # noqa: E731
    python = lambda: _seconds(["-c", "pass"])  # noqa: E731
    return interleaved(ours, python, max(5, size.children)), 1


def first_progress(size: Size) -> tuple[Values, int]:
    """From the start of the process to the first references that are reported, caches warm."""
    command = ["-c", FIRST, str(ROOT / "tiers.yaml")]
    _seconds(command)  # compiles what is not compiled yet
    return Values(tuple(_seconds(command) for _ in range(max(3, size.children)))), 1


ROWS = [
    Row(
        key="cli_help_vs_python",
        what="swaptiers --help, over python -c pass",
        unit="start",
        target=12,
        run=cli_help,
    ),
    Row(
        key="first_progress_s",
        what="seconds from the start of swaptiers run tiers.yaml to its first progress, caches warm",
        unit="start",
        target=3,
        run=first_progress,
    ),
]
