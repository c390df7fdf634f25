"""Neighbouring slots in an array of slots."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import kernel
from swaptiers.core.constants import NONE


@kernel
def split_runs(slots: Any, most: int, alone: Any, first: Any, last: Any) -> tuple[int, int]:
    """Where slots stand that have no neighbour (`alone`), and where runs of neighbours begin and end (`first`, `last`), at
    most `most` slots a run. How many of each."""
    n_alone = n_runs = start = 0
    for i in range(1, len(slots) + 1):
        if i < len(slots) and slots[i] == slots[i - 1] + 1 and i - start < most:
            continue
        if i - start == 1:
            alone[n_alone] = start
            n_alone += 1
        else:
            first[n_runs] = start
            last[n_runs] = i
            n_runs += 1
        start = i
    return n_alone, n_runs


@kernel
def start_of_run(slots: Any) -> int:
    """The first of the slots if each is one more than the one before; NONE if not, or if there are none."""
    for i in range(1, len(slots)):
        if slots[i] != slots[0] + i:
            return NONE
    return int(slots[0]) if len(slots) > 0 else NONE
