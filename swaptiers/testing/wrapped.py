"""A tier around another: what all wrappers share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.tiers.base import Tier


class WrappedTier:
    """Passes everything on to `tier`. A wrapper overrides what it adds its one concern to."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.name = tier.name
        self.compressed = tier.compressed
        self.by_reference = tier.by_reference

    def encode(self, page: Buffer) -> Buffer:
        return self.tier.encode(page)

    def decode(self, payload: Buffer) -> Buffer:
        return self.tier.decode(payload)

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        self.tier.store(slots, payloads)

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        return self.tier.load(slots, lengths)

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        self.tier.free(slots)

    def close(self) -> None:
        self.tier.close()

    def __getattr__(self, name: str) -> Any:
        """What only the wrapped tier has."""
        if name == "tier":  # asked for before it is there: while a copy is made
            raise AttributeError(name)
        return getattr(self.tier, name)
