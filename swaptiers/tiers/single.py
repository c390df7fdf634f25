"""What only tiers of ours have: calls for one slot, which need no arrays, and a codec for many pages at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from swaptiers.codecs import Buffer
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import Bulk
from swaptiers.tiers.file import FileTier
from swaptiers.tiers.log import LogTier
from swaptiers.tiers.memory import MemoryTier
from swaptiers.tiers.zswap import ZswapTier

COMPRESSING = (ZswapTier, LogTier)
WHOLE_PAGES = (FileTier, MemoryTier)
"""Those that store pages as they are."""
OURS = (*COMPRESSING, *WHOLE_PAGES)
"""None of these keeps a page's memory once it has stored the page; others may."""


class SinglePages(Protocol):
    """A tier's calls for one slot. They raise as those for many do."""

    def store_one(self, slot: int, payload: Buffer) -> None: ...

    def load_one(self, slot: int, length: int) -> Buffer: ...

    def free_one(self, slot: int) -> None: ...


class OneByOne:
    """Any tier, asked for one slot."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier

    def store_one(self, slot: int, payload: Buffer) -> None:
        self._tier.store(np.array([slot]), [payload])

    def load_one(self, slot: int, length: int) -> Buffer:
        return self._tier.load(np.array([slot]), np.array([length], np.int32))[0]

    def free_one(self, slot: int) -> None:
        self._tier.free(np.array([slot]))


def single_pages(tier: Tier) -> SinglePages:
    """The tier's own calls for one slot if it is ours; whatever is around it or derived from it is asked as all others."""
    return tier if type(tier) in COMPRESSING else OneByOne(tier)  # type: ignore[return-value]


def quick_read(tier: Tier) -> SinglePages | None:
    """The calls of a tier that may be read without asking who has the slot by now: it gives some bytes, or raises. None for
    those that are not ours: they need not expect it, and whatever is around a tier sees what is meant."""
    return single_pages(tier) if type(tier) in OURS else None


def bulk_of(tier: Tier) -> Bulk | None:
    """The tier's codec for many pages at a time, under the same condition: whatever is around a tier sees every page."""
    return tier.bulk if type(tier) in COMPRESSING else None  # type: ignore[attr-defined]
