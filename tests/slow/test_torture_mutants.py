"""The package broken in several places, one at a time: a torture session finds each, and makes it small."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "testing"))
from mutants import MUTANTS

from swaptiers.testing.torture.session import Session

EPISODES = 120


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A check that never fires would let this defect pass."""
    monkeypatch.chdir(tmp_path)
    break_it, kinds = MUTANTS[name]
    break_it(monkeypatch)
    session = Session(3)
    for number in (n for n in range(EPISODES) if n % 4 != 3):
        if session.one(number).failure is not None:
            break
    found = session.report().found
    assert found is not None
    assert found.failure.kind in kinds
    assert found.steps < found.steps_before
