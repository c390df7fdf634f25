"""A small number of generated inputs each time; `python -m tests.fuzz` takes as many as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.drive import drive


@pytest.mark.parametrize(("kind", "count"), [("units", 3000), ("yaml", 60), ("traces", 150)])
def test_generated_inputs(tmp_path: Path, request: pytest.FixtureRequest, kind: str, count: int) -> None:
    """No other error than one sentence, none over 5 s: the seed is the one that the run prints."""
    done, longest = drive(kind, count, int(request.config.option.hypothesis_seed), tmp_path)
    assert done >= count // 2
    assert longest < 5
