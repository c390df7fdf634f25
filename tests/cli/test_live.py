"""What is to be seen while `swaptiers run` works: on a terminal, in a log, and nothing where quiet is wanted."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from rich.console import Console

from swaptiers.cli.live import Bars, Display, Lines, Rates
from swaptiers.experiment.glimpse import Glimpse, Moment
from tests.experiment.configs import SMALL, run_text

ROOT = Path(__file__).parent.parent.parent
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
EAGER = """\
import swaptiers.cli.live as live
live.FIRST_LINE_S = live.LONGEST_WAIT_S = 0.0
from swaptiers.cli import main
main()
"""
"""The command line, with a line for every look."""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path / "small.yaml"


def looks(folder: Path, *sets: str) -> list[tuple[Moment, Glimpse]]:
    """All of a run that can be had."""
    seen: list[tuple[Moment, Glimpse]] = []
    run_text(
        folder,
        SMALL,
        "run.payload=sizes",
        *sets,
        variants=["demotion"],
        watch=lambda moment: seen.append((moment, moment.glimpse())),
    )
    return seen


def drawn(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_on_a_terminal(small: Path) -> None:
    """A display that never appears, or that shows tiers but no edges; the table at the end has to come all the same."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "swaptiers", "run", str(small), "--set", "run.payload=sizes"],
        env=ENV,
        timeout=60,
        encoding="utf-8",
        dimensions=(40, 110),
    )
    child.expect(r"overflow .*%")
    child.expect(r"demotion: .* s virtual, [\d,]+ faults/s \(virtual\), 0\.\d+ of pairs inverted")
    child.expect(r"zswap .*[\d.]+[KM]")
    child.expect(r"entries/s \(virtual\)")
    child.expect(r"zswap->ssd +[\d,]+ +[\d,]+")
    child.expect("references")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_what_the_display_says(tmp_path: Path) -> None:
    """Numbers of another tier or edge, rates over the wrong time, a variant with one run of two done that is at 100 %."""
    seen = looks(tmp_path, "run.repeat=2")
    bars = Bars(Console(file=io.StringIO()), {"overflow": 2, "demotion": 2})
    display = Display(bars)
    first = [(moment, glimpse) for moment, glimpse in seen if moment.repetition == 0]
    (before, earlier), (now, later) = first[-20], first[-10]
    display.view(before, earlier)
    said = drawn(display.view(now, later))
    passed_s = (later.now_ns - earlier.now_ns) / 1e9
    for name, tier in later.system.counters.tiers.items():
        (row,) = re.findall(rf"^{name} .*$", said, re.MULTILINE)
        assert row.rstrip().endswith(f" {tier.entries:,}")
    for name, edge in later.system.counters.edges.items():
        rate = (edge.entries - earlier.system.counters.edges[name].entries) / passed_s
        assert re.search(rf"^{name} +{rate:,.0f} +{edge.entries:,} *$", said, re.MULTILINE), said
    assert f"{(later.faults - earlier.faults) / passed_s:,.0f} faults/s (virtual)" in said
    assert "demotion, run 1 of 2" in said
    shares = {task.description: task.percentage for task in bars.tasks}
    assert shares["demotion"] == pytest.approx(50 * later.refs / later.total)
    assert shares["overflow"] == 0
    display.view(*seen[-1])
    assert {task.description: task.percentage for task in bars.tasks}["demotion"] == 100


def test_rates_do_not_reach_over_runs(tmp_path: Path) -> None:
    """The first look at a run is held against its start, not against the run before: that would be less than nothing."""
    seen = looks(tmp_path)
    rates = Rates()
    end, begin = seen[-1][1], seen[0][1]
    rates.look(Moment("first", 0, True, lambda: end), end)
    rates.look(Moment("second", 0, False, lambda: begin), begin)
    assert rates.of(lambda look: look.refs) == pytest.approx(begin.refs / begin.now_ns * 1e9)


def test_lines_in_a_pipe(small: Path) -> None:
    """Escape sequences in a log; lines among the results, which are on stdout."""
    done = subprocess.run(
        [sys.executable, "-c", EAGER, "run", str(small), "--set", "run.payload=sizes"],
        env=ENV,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    pattern = (
        r"\d+ s: \w+: \d+% done, [\d.]+ s virtual, [\d,]+ faults/s \(virtual\), (no pairs|[\d.]+ of pairs inverted)"
    )
    assert lines
    assert all(re.fullmatch(pattern, line) for line in lines), lines
    assert {line.split(": ")[1] for line in lines} == {"overflow", "kernel", "demotion"}
    assert "virtual" not in done.stdout


def test_quiet_is_quiet(small: Path) -> None:
    """Not a line, also where there would be many."""
    done = subprocess.run(
        [sys.executable, "-c", EAGER, "run", str(small), "--set", "run.payload=sizes", "--quiet"],
        env=ENV,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_when_lines_come(tmp_path: Path) -> None:
    """A log of an hour with a line per look, or none in the first minute; a short run says nothing."""
    (moment, glimpse), now, said = looks(tmp_path)[5], [0.0], io.StringIO()
    lines = Lines(Console(file=said, width=200), {"demotion": 1}, clock=lambda: now[0])
    while now[0] < 300:
        lines.view(moment, glimpse)
        now[0] += 0.25
    assert [int(line.split(" s: ")[0]) for line in said.getvalue().splitlines()] == [10, 30, 70, 130, 190, 250]


def test_lines_about_runs_elsewhere() -> None:
    """With --jobs nothing is known but how many runs are done."""
    now, said = [0.0], io.StringIO()
    lines = Lines(Console(file=said, width=200), {"[demotion]": 4}, clock=lambda: now[0])
    lines.report("[demotion]", 1, 4)
    now[0] = 11
    lines.report("[demotion]", 3, 4)
    assert said.getvalue() == "11 s: [demotion]: 75% done\n"
