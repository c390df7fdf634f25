"""What was read of a plan is made into what the target keeps, and written there.

Nothing here holds the lock over a codec or I/O. What found no room after all has `copied` 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.codecs import Buffer, checksums
from swaptiers.core import api_plans
from swaptiers.core.core import Core
from swaptiers.demotion.copies import Copies
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import MAX_PAGES
from swaptiers.tiers.file import FileTier, rows_of
from swaptiers.tiers.single import WHOLE_PAGES, bulk_of


class Writer:
    """Writes what one system's engine moves. Safe from several threads: the lock is held for bookkeeping only."""

    def __init__(self, core: Core, lock: Any) -> None:
        self._core = core
        self._lock = lock

    def write(self, edge: int, target: Tier, entries: Any, copies: Copies, *, is_encoded: bool) -> None:
        """Write the pages, or payloads that are taken as they are, where the plan's entries go. Raises OSError."""
        pages, payloads = copies.pages, copies.payloads
        if pages is not None and type(target) in WHOLE_PAGES:
            entries["to_checksum"] = copies.sums
        elif not is_encoded:
            pages, payloads = None, self._encode(target, entries, copies)
        if target.compressed:
            with self._lock:
                homeless = api_plans.place_plan(self._core.state, edge, entries, len(entries))
            copies.is_whole = copies.is_whole and homeless == 0
        slots = entries["to_slot"].copy()
        if not copies.is_whole:
            keep = np.flatnonzero(entries["copied"])
            slots = slots[keep]
            if pages is not None:
                pages = pages[keep]
            else:
                payloads = [payloads[i] for i in keep.tolist()]
        if pages is not None and type(target) is FileTier:
            target.store_rows(slots, pages)
        else:
            target.store(slots, payloads if pages is None else rows_of(pages))

    def _encode(self, target: Tier, entries: Any, copies: Copies) -> list[Buffer]:
        """What the target's compressor makes of the pages; their lengths and checksums go into the plan."""
        n, many = len(entries), bulk_of(target)
        if many is not None and copies.pages is not None and n <= MAX_PAGES:
            made = many.encode_rows(copies.pages)
            if not made.zero.any():
                entries["to_length"], entries["to_checksum"] = made.lengths, made.checksums
                return made.payloads
        pages = copies.payloads if copies.pages is None else rows_of(copies.pages)
        payloads = list(map(target.encode, pages))
        entries["to_length"] = list(map(len, payloads))
        entries["to_checksum"] = checksums(payloads, n)
        return payloads
