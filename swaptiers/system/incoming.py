"""Swapping in, peeking and discarding: entries are claimed, their payloads read and checked, and then they are gone."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer, checksum
from swaptiers.core import api
from swaptiers.core.state import TAKE
from swaptiers.errors import CorruptEntryError, TierIOError
from swaptiers.system.arguments import Pages, no_entry
from swaptiers.system.parts import Parts
from swaptiers.tiers.base import Tier

Int64s = npt.NDArray[np.int64]


class Incoming:
    """Loads pages from one system's tiers. Safe from several threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._scratch = threading.local()

    def take(self, ids: Int64s, pages: Pages, *, keep_clean: bool = False) -> None:
        """Fill `pages` and let the entries go: all, or (if anything is raised) none. Their slots may be kept."""
        parts = self._parts
        takes = self._begin(ids)
        try:
            self._load(ids, takes, pages)
        except BaseException as error:
            self._note(error)
            with parts.held():
                api.restore_takes(parts.state, takes, len(takes))
            raise
        with parts.held():
            if keep_clean:
                api.finish_clean(parts.state, takes, len(takes))
            else:
                api.finish_takes(parts.state, takes, len(takes), True)
            self._free_slots(takes)

    def take_page(self, entry: int) -> bytes:
        """One page, in two compiled calls."""
        parts = self._parts
        takes = self._take_table()
        with parts.lock:
            parts.alive()
            row: int = api.take_page(parts.state, entry, takes)
        if row < 0:
            raise no_entry(entry, row)
        _, _, rank, slot, _, total, _ = takes[0].item()
        tier = parts.tiers[rank] if rank >= 0 else None
        page: Buffer = parts.zero_page
        if tier is not None:
            try:
                payload = _read(tier, takes["slot"], takes["length"], 1)[0]
                page = _checked(entry, tier, slot, payload, total)
            except BaseException as error:
                self._note(error)
                with parts.held():
                    api.restore_takes(parts.state, takes, 1)
                raise
        with parts.lock:
            parts.alive()
            api.finish_page(parts.state, row)
            if tier is not None:
                parts.engine.free(tier, takes["slot"])
        return page if isinstance(page, bytes) else bytes(page)

    def discard(self, ids: Int64s) -> None:
        """Let the entries go unread: all, or (if an id names none) none."""
        parts = self._parts
        takes = np.zeros(len(ids), TAKE)
        with parts.held():
            self._claim(ids, takes)
            api.finish_takes(parts.state, takes, len(takes), False)
            self._free_slots(takes)

    def forget_clean(self, ids: Int64s) -> int:
        """Free the slots that are still kept of these ids; how many there were."""
        parts, n = self._parts, len(ids)
        kept = np.zeros(n, np.bool_)
        with parts.held():
            api.find_kept(parts.state, ids, np.zeros(n, np.int64), kept)
            api.store_kept(parts.state, ids, np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.bool_))
        return int(kept.sum())

    def peek(self, ids: Int64s, pages: Pages) -> None:
        """Fill `pages` and leave the entries. One that is moved or taken while it is read is read again."""
        parts = self._parts
        left = np.arange(len(ids))
        while len(left):
            takes = np.zeros(len(left), TAKE)
            with parts.held():
                bad = api.begin_peeks(parts.state, ids[left], takes)
                if bad >= 0:
                    raise no_entry(int(ids[left][bad]), int(takes["row"][bad]))
            got = np.empty((len(left), parts.page_size), np.uint8)
            failure: Exception | None = None
            try:
                self._load(ids[left], takes, got)
            except (CorruptEntryError, TierIOError) as error:
                failure = error
            unmoved = np.zeros(len(left), np.bool_)
            with parts.held():
                if failure is None:
                    api.finish_peeks(parts.state, takes, len(takes), parts.clock(), unmoved)
                elif api.are_unmoved(parts.state, takes):
                    self._note(failure)
                    raise failure
            pages[left[unmoved]] = got[unmoved]
            left = left[~unmoved]

    def _begin(self, ids: Int64s) -> Any:
        takes = np.zeros(len(ids), TAKE)
        with self._parts.held():
            self._claim(ids, takes)
        return takes

    def _claim(self, ids: Int64s, takes: Any) -> None:
        """Claim all entries or none. The caller holds the lock."""
        bad = api.begin_takes(self._parts.state, ids, takes)
        if bad >= 0:
            raise no_entry(int(ids[bad]), int(takes["row"][bad]))

    def _take_table(self) -> Any:
        takes = getattr(self._scratch, "takes", None)
        if takes is None:
            takes = self._scratch.takes = np.zeros(1, TAKE)
        return takes

    def _load(self, ids: Int64s, takes: Any, pages: Pages) -> None:
        """Fill `pages` with what the takes name; every payload is checked."""
        ranks = takes["tier"]
        flat = memoryview(pages.data).cast("B") if len(pages) else memoryview(b"")
        size = self._parts.page_size
        for rank in np.unique(ranks).tolist():
            here = np.flatnonzero(ranks == rank)
            if rank < 0:
                pages[here] = 0
                continue
            tier = self._parts.tiers[rank]
            slots = takes["slot"][here]
            payloads = _read(tier, slots, takes["length"][here], len(ids))
            sums = takes["checksum"][here].tolist()
            for i, slot, payload, total in zip(here.tolist(), slots.tolist(), payloads, sums, strict=True):
                flat[i * size : (i + 1) * size] = _checked(int(ids[i]), tier, slot, payload, total)

    def _free_slots(self, takes: Any) -> None:
        for rank in np.unique(takes["tier"]).tolist():
            if rank >= 0:
                self._parts.engine.free(self._parts.tiers[rank], takes["slot"][takes["tier"] == rank])

    def _note(self, error: BaseException) -> None:
        """Count what a tier did to an entry that is ours alone, or still where it was."""
        if isinstance(error, TierIOError | CorruptEntryError):
            self._parts.failures.note(error.tier, "load" if isinstance(error, TierIOError) else "corrupt")


def _read(tier: Tier, slots: Any, lengths: Any, entries: int) -> list[Buffer]:
    try:
        return tier.load(slots, lengths)
    except OSError as cause:
        where = f"all {entries} entries of the call are still where they were"
        if entries == 1:
            where = f"the entry is still in {tier.name!r}"
        raise TierIOError(tier.name, "swap-in", cause, where) from cause


def _checked(entry: int, tier: Tier, slot: int, payload: Buffer, total: int) -> Buffer:
    """The page of a payload. Raises CorruptEntryError if it is not what was stored."""
    if checksum(payload) != total:
        raise CorruptEntryError(entry, tier.name, slot)
    try:
        return tier.decode(payload)
    except ValueError as error:
        raise CorruptEntryError(entry, tier.name, slot) from error
