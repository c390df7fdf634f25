"""Where the pages of a batch are, tier by tier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.core.core import Core

Here = slice | npt.NDArray[np.int64]
Homes = list[tuple[int, Here]]
"""Per tier that has pages of a batch: its rank, and where they stand in the batch. All of them in one is a slice."""


def homes_in(core: Core, tiers: npt.NDArray[np.int64], start: int = 0) -> Homes:
    """The homes of the core's latest batch, whose pages' tiers these are, from place `start` on.

    The caller has held the lock since the core described the batch.
    """
    bits, others = core.words["batch_tiers"], core.words["batch_others"]
    if bits & (bits - 1) == 0 and not others:
        return [(bits.bit_length() - 1, slice(start, start + len(tiers)))] if bits else []
    ranks = [rank for rank in range(bits.bit_length()) if bits >> rank & 1]
    return [(rank, np.flatnonzero(tiers == rank) + start) for rank in ranks]
