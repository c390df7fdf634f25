"""docs/metrics.md lists the families that there are, with their types and labels, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path

from swaptiers.experiment.metrics import run_families
from swaptiers.metrics.system import system_families

DOC = (Path(__file__).parent.parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(swaptiers_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)


def test_every_family_is_listed() -> None:
    """A family that was added, renamed or given a label, or says another thing in HELP than in the page."""
    listed = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)), about) for name, kind, labels, about in ROW.findall(DOC)
    }
    there = {family.name: (family.kind, family.labels, family.help) for family in run_families()}
    assert listed == there
    assert {family.name for family in system_families()} < set(listed)


def test_its_python_runs() -> None:
    """What it shows works as it stands there."""
    blocks = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/metrics.md", "exec"), {})
