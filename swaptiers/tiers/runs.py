"""Neighbouring slots, which are read and written together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
    edges = np.concatenate(([0], np.flatnonzero(slots[1:] - slots[:-1] != 1) + 1, [len(slots)]))
    lengths = edges[1:] - edges[:-1]
    together = np.flatnonzero(lengths > 1)
    found = [
        (start, min(start + MAX_VECTOR, last))
        for first, last in zip(edges[together].tolist(), edges[together + 1].tolist(), strict=True)
        for start in range(first, last, MAX_VECTOR)
    ]
    return found, edges[:-1][lengths == 1]
