"""The terms of each kind of tier, as a config or a program writes them."""

from __future__ import annotations

from typing import Literal

import attrs

from swaptiers.tiers.base import TierSpec
from swaptiers.units import Amount, Bytes, Fraction, to_amount, to_bytes, to_fraction

CLUSTER_SLOTS = 256
"""Slots are handed out in clusters of this many, so that a batch is a few large writes (the kernel's is 512)."""


@attrs.frozen(kw_only=True)
class ZswapSpec(TierSpec):
    """A compressed pool in memory.

    `max_pool`: bytes, or a percentage of the system's `ram`: what the pool may take as zsmalloc would hold it.
    `accept_threshold`: once a store was refused for it, stores are refused until the pool is below this share of it.
    `raw`: `keep` a page that does not get smaller at page_size, so that the order of writeback stays right, or `refuse`.
    """

    kind: Literal["zswap"] = "zswap"
    compressor: Literal["lz4", "zstd"] = "lz4"
    level: int | None = None
    max_pool: Amount = attrs.field(default=Amount(fraction=Fraction(0.2)), converter=to_amount)
    accept_threshold: Fraction = attrs.field(default=Fraction(0.9), converter=to_fraction)
    raw: Literal["keep", "refuse"] = "keep"

    @property
    def is_compressed(self) -> bool:
        return True


@attrs.frozen(kw_only=True)
class MemorySpec(TierSpec):
    """Plain pages in one preallocated array in memory: CXL or far memory. `capacity`: bytes, at least one cluster."""

    kind: Literal["memory"] = "memory"
    capacity: Bytes = attrs.field(converter=to_bytes)


@attrs.frozen(kw_only=True)
class FileSpec(TierSpec):
    """Page-sized slots in one real file.

    `capacity`: bytes, at least one cluster. `path`: where; None = an unnamed temporary file, which nothing can leave
    behind. `direct`: O_DIRECT where the system has it.
    """

    kind: Literal["file"] = "file"
    capacity: Bytes = attrs.field(converter=to_bytes)
    path: str | None = None
    direct: bool = False


AnyTierSpec = ZswapSpec | MemorySpec | FileSpec
