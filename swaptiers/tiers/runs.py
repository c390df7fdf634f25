"""Neighbouring slots, which are read and written together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.core.neighbours import split_runs

MAX_VECTOR = 512
"""Payloads in one system call at most (IOV_MAX is 1024)."""


def are_neighbours(numbers: list[int]) -> bool:
    """True if each is one more than the one before; False if there are none."""
    if not numbers or numbers[-1] - numbers[0] != len(numbers) - 1:
        return False
    return numbers == list(range(numbers[0], numbers[-1] + 1))


def is_sorted(numbers: list[int]) -> bool:
    """True if none is less than the one before."""
    return numbers == sorted(numbers)


def runs(slots: npt.NDArray[np.int64]) -> tuple[list[tuple[int, int]], npt.NDArray[np.int64]]:
    """Where neighbouring slots start and end in the sorted array, at most MAX_VECTOR at a time; and where those stand that
    have no neighbour."""
    alone, first, last = np.empty((3, len(slots)), np.int64)
    n_alone, n_runs = split_runs(slots, MAX_VECTOR, alone, first, last)
    return list(zip(first[:n_runs].tolist(), last[:n_runs].tolist(), strict=True)), alone[:n_alone]
