"""What small systems do in a day, and what comes of small runs, step by step and counter by counter, is what is written down.

Each counter has tests that say what it must be. This one finds the change that nobody meant: another place, another order,
a count that is one higher. Where a change is meant, ``python -m tests.accounts`` writes the file anew, and the difference shows
what the change does.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.accounts.labs import LABS, came_of
from tests.accounts.script import Day
from tests.accounts.systems import SYSTEMS

KNOWN = json.loads(Path(__file__).with_name("known.json").read_text(encoding="utf-8"))
SEED = 1


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_system(name: str) -> None:
    """Line by line, so that the first that differs is seen."""
    day = Day(SYSTEMS[name](), SEED)
    day.live()
    known = KNOWN[name]
    for number, (line, wanted) in enumerate(zip(day.said, known["said"], strict=True)):
        assert line == wanted, f"step {number}"
    assert json.loads(json.dumps(day.counters)) == known["counters"]


@pytest.mark.parametrize("name", sorted(LABS))
def test_a_run(name: str) -> None:
    """Bytes, latencies, inversion and all."""
    assert json.loads(json.dumps(came_of(name))) == KNOWN[f"run {name}"]
