"""Neighbouring slots, which are read and written together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.core import neighbours

MAX_VECTOR = 512
"""Payloads in one system call at most (IOV_MAX is 1024)."""


def start_of_run(slots: npt.NDArray[np.int64]) -> int:
    """The first of the slots if each is one more than the one before; -1 if not, or if there are none."""
    return int(neighbours.start_of_run(np.ascontiguousarray(slots)))


def runs(slots: npt.NDArray[np.int64]) -> tuple[list[tuple[int, int]], npt.NDArray[np.int64]]:
    """Where neighbouring slots start and end in the sorted array, at most MAX_VECTOR at a time; and where those stand that
    have no neighbour."""
    alone, first, last = np.empty((3, len(slots)), np.int64)
    n_alone, n_runs = neighbours.split_runs(slots, MAX_VECTOR, alone, first, last)
    return list(zip(first[:n_runs].tolist(), last[:n_runs].tolist(), strict=True)), alone[:n_alone]
