"""The terms of each kind of tier, as a config or a program writes them."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from swaptiers.tiers.base import TierSpec
from swaptiers.tiers.custom import CustomTierSpec
from swaptiers.units import Amount, Bytes, Fraction, format_bytes, to_amount, to_bytes, to_fraction

CLUSTER_SLOTS = 256
"""Slots are handed out in clusters of this many, so that a batch is a few large writes (the kernel's is 512)."""


@attrs.frozen(kw_only=True)
class ZswapSpec(TierSpec):
    """A compressed pool in memory.

    `compressor`: `lz4`, `zstd`, or one that an installed package adds (`swaptiers.codecs`); `level`: None = its default.
    `max_pool`: bytes, or a percentage of the system's `ram`: what the pool may take as zsmalloc would hold it.
    `accept_threshold`: once a store was refused for it, stores are refused until the pool is below this share of it.
    `raw`: `keep` a page that does not get smaller at page_size, so that the order of writeback stays right, or `refuse`.
    """

    kind: Literal["zswap"] = "zswap"
    compressor: str = "lz4"
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


SPARED_SEGMENTS = 4
"""Two that only cleaning may take, and the two that are being appended to."""
LOG_DEFAULTS: dict[str, Any] = {
    "compressor": "lz4",
    "segment": Bytes(256 << 10),
    "cleaning": "copy",
}
MAX_LIVE = 0.8
WASTE = 1 / 16
"""Of a segment that its end may waste: a page, where segments are as small as can be."""


@attrs.frozen(kw_only=True)
class FileSpec(TierSpec):
    """One real file, of page-sized slots or a log of compressed payloads.

    `capacity`: bytes, at least one cluster. `path`: where; None = an unnamed temporary file, which nothing can leave
    behind. `direct`: O_DIRECT where the system has it (slots only).

    `keep_clean` (slots only): a page that is read back keeps its slot until it is written, so that evicting it again
    writes nothing. `keep_below` (slots only): none is kept while more than this share of the capacity is in use (the
    kernel's vm_swap_full() says half).

    `layout`: `slots` of one page each, or a `log`: payloads are appended to segments; when segments run out, the emptiest
    is cleaned. `compressor` (log only): makes payloads of what does not come compressed (None = lz4). `level` (log only):
    None = the compressor's default. `segment` (log only): bytes, None = 256K. `max_live` (log only): the share of the
    capacity that payloads may take which are somebody's (None = 80 %, less for few segments). `cleaning` (log only): what is
    alive in a segment is copied (`copy`, None) or demoted along the tier's edges (`demote`).
    """

    kind: Literal["file"] = "file"
    capacity: Bytes = attrs.field(converter=to_bytes)
    path: str | None = None
    direct: bool = False
    keep_clean: bool = False
    keep_below: Fraction = attrs.field(default=Fraction(0.5), converter=to_fraction)
    layout: Literal["slots", "log"] = "slots"
    compressor: str | None = None
    level: int | None = None
    segment: Bytes | None = attrs.field(default=None, converter=attrs.converters.optional(to_bytes))
    max_live: Fraction | None = attrs.field(default=None, converter=attrs.converters.optional(to_fraction))
    cleaning: Literal["copy", "demote"] | None = None

    def __attrs_post_init__(self) -> None:
        if self.layout == "log":
            self._complete_log()
            return
        for key in (*LOG_DEFAULTS, "level", "max_live"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} belongs to layout: log")

    def _complete_log(self) -> None:
        """Fill in what a log has by default, and check that it can be cleaned."""
        for key, default in LOG_DEFAULTS.items():
            if getattr(self, key) is None:
                object.__setattr__(self, key, default)
        if self.direct or self.keep_clean:
            raise ValueError(f"{'direct' if self.direct else 'keep_clean'} is for layout: slots")
        assert self.segment is not None
        if not 64 << 10 <= self.segment <= 1 << 30 or self.capacity < 2 * SPARED_SEGMENTS * self.segment:
            raise ValueError(
                f"segment is 64K to 1G, and capacity at least {2 * SPARED_SEGMENTS} of them, not "
                f"{format_bytes(self.segment)} and {format_bytes(self.capacity)}"
            )
        segments = int(self.capacity) // int(self.segment)
        most = (segments - SPARED_SEGMENTS) * (1 - WASTE) / segments
        if self.max_live is None:
            object.__setattr__(self, "max_live", Fraction(min(MAX_LIVE, most)))
        elif not 0 < self.max_live <= most:
            raise ValueError(
                f"max_live is at most {most:.0%} here: {SPARED_SEGMENTS} of {segments} segments are for cleaning"
            )

    @property
    def is_compressed(self) -> bool:
        return self.layout == "log"


AnyTierSpec = ZswapSpec | MemorySpec | FileSpec | CustomTierSpec
SlottedSpec = MemorySpec | FileSpec | CustomTierSpec
"""Tiers with a capacity."""
