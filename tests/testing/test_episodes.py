"""Some episodes of `swaptiers torture`, always the same: whole systems under faults, every page and account compared.

Small ones, which do not take long interpreted either: mutants of the program have to face them (`tests/mutation`).
"""

from __future__ import annotations

import pytest

from swaptiers.testing.torture.episode import draw_episode
from swaptiers.testing.torture.session import run

SEED = 7


@pytest.mark.parametrize("number", [n for n in range(30) if n % 4 != 3])
def test_an_episode(number: int) -> None:
    """Nothing lost, nothing wrong, every account in balance after each step."""
    outcome = run(draw_episode(SEED, number))
    assert outcome.failure is None
    assert sum(outcome.counts.values()) > 0
