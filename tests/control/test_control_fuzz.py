"""Random writes into every control file: only errnos that are documented, never another error, all accounts balanced."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as any_

from tests.control.control_fuzz import WRITES_PER_EXAMPLE, Fuzz, steps


@settings(max_examples=12)
@given(any_.lists(steps, min_size=30, max_size=WRITES_PER_EXAMPLE))
def test_only_documented_errnos(written: list[Any]) -> None:
    """A traceback, an errno that no page names, a refused write that changed something, a lost page, a wrong account."""
    fuzz = Fuzz()
    try:
        for step in written:
            fuzz.step(*step)
        fuzz.check()
    finally:
        fuzz.close()
