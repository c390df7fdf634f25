"""docs/sweeps.md: its command is one that can be run, its question can be asked, and its tables name all there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from swaptiers.cli.sweep import sweep
from swaptiers.sweep.answer import SHORT, Question
from swaptiers.sweep.grid import Grid
from swaptiers.sweep.plan import make_plan
from swaptiers.sweep.row import columns_of

ROOT = Path(__file__).parent.parent.parent
DOC = (ROOT / "docs/sweeps.md").read_text(encoding="utf-8")


def test_the_command() -> None:
    """Every option is there, every point passes, and there are as many runs as it says."""
    command = re.search(r"\nswaptiers sweep ((?:.*\\\n)*.*)", DOC)
    assert command is not None
    words = shlex.split(command[1].replace("\\\n", ""))
    given = sweep.make_context("sweep", words).params
    grid = Grid.parse(given["grids"])
    plan = make_plan(ROOT / given["config"], grid, repeat=given["repeat"], variants=given["variants"])
    said = re.search(r"This is (\d+) x (\d+) points, one variant and (\d+) seeds: (\d+) runs", DOC)
    assert said is not None
    counts = [len(values) for values in grid.values.values()]
    assert [*counts, plan.repeat, len(plan.tasks)] == [int(number) for number in said.groups()]
    for question in given["questions"]:
        Question.parse(question, list(grid.values), plan.tiers)


def test_the_columns() -> None:
    """None is missing and none is made up."""
    table = DOC[DOC.index("| column |") : DOC.index("## The right size")]
    named = {
        name
        for line in table.splitlines()
        for name in re.findall(r"`([\w.]+)`", line.split("|")[1] if "|" in line else "")
    }
    assert named == {"variant", *columns_of([], ["TIER"])}
    for name in SHORT:
        assert f"`{name}`" in DOC
