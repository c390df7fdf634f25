"""Ctrl-C at each instant of each call, in turn."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "store"))

from instants import AVAILABLE
from test_interrupts import CALLS, interrupt_at_each

from swaptiers.testing import nothing_left


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="where Python looks for signals is known for 3.11 only")
@pytest.mark.parametrize("name", CALLS)
def test_each_instant(tmp_path: Path, name: str) -> None:
    """As `tests/store/test_interrupts.py`, which takes some."""
    with nothing_left(tmp_path):
        assert interrupt_at_each(tmp_path, name, 0, 1) > 10
