"""Whose reference is next: an order over all workloads that depends on the seed and their rates alone.

The k-th reference of workload w is due at start + (k + phase) / rate, the phase between 0 and 1 from the seed. Phases
have 21 bits, so k + phase is exact below 2^32 references, and one division is rounded once: the same order on every machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.core.compile import kernel
from swaptiers.workloads.source import PHASE, Int64s, RawIntegers

Float64s = npt.NDArray[np.float64]

PHASE_BITS = 20


def phases(seed: int, workloads: int) -> Float64s:
    """Each workload's phase: above 0, below 1, in odd multiples of 2^-21."""
    raw = [int(RawIntegers(seed, index, PHASE).take(1)[0]) >> (63 - PHASE_BITS) for index in range(workloads)]
    return np.array([(each + 0.5) / (1 << PHASE_BITS) for each in raw], np.float64)


@kernel
def merge(
    order: Int64s, taken: Int64s, totals: Int64s, start: Float64s, phase: Float64s, rate: Float64s, due: Float64s
) -> None:
    """Fill `order` with workloads: the smallest due time first, ties by index. `taken` and `due` are carried on."""
    workloads = totals.size
    for i in range(order.size):
        first = -1
        for w in range(workloads):
            if taken[w] < totals[w] and (first < 0 or due[w] < due[first]):
                first = w
        order[i] = first
        taken[first] += 1
        due[first] = start[first] + (taken[first] + phase[first]) / rate[first]


@kernel
def place(order: Int64s, drawn: Int64s, at: Int64s, base: Int64s, out: Int64s) -> None:
    """Each workload's own references, which start at `at` in `drawn`, into their places, with `base` added."""
    for i in range(order.size):
        w = order[i]
        out[i] = drawn[at[w]] + base[w]
        at[w] += 1
