"""Swapping in, peeking and discarding: entries are claimed, their payloads read and checked, and then they are gone."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import CHECKSUM_MASK, Buffer, checksums, digest
from swaptiers.core import api_pages
from swaptiers.core.constants import NONE, STORED, ZERO
from swaptiers.core.entries import ROW_BITS
from swaptiers.core.layout import RECORD, RECORD_BYTES, TAKE
from swaptiers.core.rings import STAMP_BITS
from swaptiers.errors import CorruptEntryError, TierIOError
from swaptiers.system.arguments import Pages, no_entry
from swaptiers.system.batches import Here, Homes, homes_in
from swaptiers.system.parts import Parts
from swaptiers.tiers.base import Tier
from swaptiers.tiers.failures import Failure

Int64s = npt.NDArray[np.int64]
ROW_MASK = (1 << ROW_BITS) - 1


def _reader_of(names: Sequence[str]) -> Callable[[memoryview, int], tuple[int, ...]]:
    """Fields of a RECORD, in the order of the record, for who looks at one with every page."""
    codes, text, at = {8: "q", 4: "i", 1: "b"}, "=", 0
    for name in names:
        kind, place, *_ = RECORD.fields[name]  # type: ignore[index]
        text += f"{place - at}x{codes[kind.itemsize]}"
        at = place + kind.itemsize
    return struct.Struct(text).unpack_from


record_at = _reader_of(("slot", "stamp", "length", "tier", "backing"))


class Incoming:
    """Loads pages from one system's tiers. Safe from several threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        words = parts.core.words
        self._words, self._epoch = words.words, words.at("epoch")
        self._one_tier, self._one_slot = words.at("one_tier"), words.at("one_slot")
        self._records, self._sums = parts.core.records.data.cast("B"), parts.core.checksums.data

    def take(self, ids: Int64s, out: Pages | None, *, keep_clean: bool = False) -> Pages:
        """The pages, in `out` if given, whose entries are let go: all, or (if anything is raised) none.

        Their slots may be kept.
        """
        parts = self._parts
        takes = np.zeros(len(ids), TAKE)
        try:
            with parts.held():
                homes = self._claim(ids, takes)
            pages = self._load(ids, takes, homes, out)
            with parts.held():
                if keep_clean:
                    homes = self._kept_or_gone(takes)
                else:
                    api_pages.finish_takes(parts.state, takes, len(takes), True)
                self._free_slots(takes, homes)
        except BaseException as error:
            self._note(error)
            with parts.held():
                api_pages.restore_takes(parts.state, takes, len(takes))
                parts.engine.quarantine_suspects()
            raise
        return pages

    def _kept_or_gone(self, takes: Any) -> Homes:
        """Finish the takes; where those stand that did not keep their slots."""
        api_pages.finish_clean(self._parts.state, takes, len(takes))
        gone = [rank for rank in np.unique(takes["tier"]).tolist() if rank >= 0]
        return [(rank, np.flatnonzero(takes["tier"] == rank)) for rank in gone]

    def take_page(self, entry: int) -> bytes:
        """One page, in one compiled call. Where anything comes between, as `take` does it."""
        parts = self._parts
        seen = self._look_at(entry)
        if seen is not None:
            page, placement, rank, slot = seen
            with parts.quick_lock:
                if parts.closed:
                    parts.alive()
                is_taken = api_pages.take_seen(parts.state, entry, placement, rank, slot)
                if is_taken and rank >= 0:
                    self._free_one(rank, slot)
            if is_taken:
                return page if type(page) is bytes else bytes(page)
        return self.take(np.array([entry]), None).tobytes()

    def peek_page(self, entry: int) -> bytes:
        """One page, whose entry stays, in one compiled call. Where anything comes between, as `peek` does it."""
        parts = self._parts
        seen = self._look_at(entry)
        if seen is not None:
            page, placement, rank, slot = seen
            with parts.quick_lock:
                if parts.closed:
                    parts.alive()
                is_there = api_pages.peek_seen(parts.state, entry, placement, rank, slot, parts.clock())
            if is_there:
                return page if type(page) is bytes else bytes(page)
        pages = np.empty((1, parts.page_size), np.uint8)
        self.peek(np.array([entry]), pages)
        return pages.tobytes()

    def _look_at(self, entry: int) -> tuple[Buffer, int, int, int] | None:
        """A page that was there a moment ago: the page, and the placement, tier and slot that it is to have still when it is
        asked for with the lock, which nobody holds here. None where there is more to it."""
        parts = self._parts
        try:
            placement = self._words[self._epoch] << STAMP_BITS  # first: an older one than the stamp's fits nothing
            row = entry & ROW_MASK
            slot, stamp, length, rank, backing = record_at(self._records, row * RECORD_BYTES)
            if backing != STORED:
                return (parts.zero_page, placement | stamp, NONE, 0) if backing == ZERO else None
            single, tier = parts.quick_reads[rank], parts.tiers[rank]
            if single is None:
                return None
            payload = single.load_one(slot, length)
            if digest(payload) & CHECKSUM_MASK != self._sums[row]:
                return None
            page = tier.decode(payload)
            if parts.failures.runs:
                parts.engine.worked(tier, "load")
            return page, placement | stamp, rank, slot
        except Exception:  # of what is in nobody's hands by now anything may be wrong: who has the lock finds out
            return None

    def discard(self, ids: Int64s) -> None:
        """Let the entries go unread: all, or (if an id names none) none."""
        parts = self._parts
        takes = np.zeros(len(ids), TAKE)
        with parts.held():
            try:
                homes = self._claim(ids, takes)
                api_pages.finish_takes(parts.state, takes, len(takes), False)
                self._free_slots(takes, homes)
            except BaseException:
                api_pages.restore_takes(parts.state, takes, len(takes))
                raise

    def discard_page(self, entry: int) -> None:
        """Let one entry go unread, in one compiled call."""
        parts = self._parts
        with parts.quick_lock:
            if parts.closed:
                parts.alive()
            row: int = api_pages.drop_page(parts.state, entry)
            if row < 0:
                raise no_entry(entry, row)
            rank = self._words[self._one_tier]
            if rank >= 0:
                self._free_one(rank, self._words[self._one_slot])

    def _free_one(self, rank: int, slot: int) -> None:
        """Tell the tier; the caller holds the lock. What it raises must not undo what is done already."""
        try:
            self._parts.singles[rank].free_one(slot)
        except Exception:
            self._parts.failures.note(self._parts.tiers[rank].name, "free")

    def forget_clean(self, ids: Int64s) -> int:
        """Free the slots that are still kept of these ids; how many there were."""
        parts, n = self._parts, len(ids)
        kept = np.zeros(n, np.bool_)
        with parts.held():
            api_pages.find_kept(parts.state, ids, np.zeros(n, np.int64), kept)
            api_pages.store_kept(parts.state, ids, np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.int64))
        return int(kept.sum())

    def peek(self, ids: Int64s, pages: Pages) -> None:
        """Fill `pages` and leave the entries. One that is moved or taken while it is read is read again."""
        parts = self._parts
        left = np.arange(len(ids))
        while len(left):
            takes = np.zeros(len(left), TAKE)
            with parts.held():
                bad = api_pages.begin_peeks(parts.state, ids[left], takes)
                if bad >= 0:
                    raise no_entry(int(ids[left][bad]), int(takes["row"][bad]))
                homes = homes_in(self._parts.core, takes["tier"])
            failure: Exception | None = None
            got: Pages = pages[:0]
            try:
                got = self._load(ids[left], takes, homes, None)
            except (CorruptEntryError, TierIOError) as error:
                failure = error
            unmoved = np.zeros(len(left), np.bool_)
            with parts.held():
                if failure is None:
                    api_pages.finish_peeks(parts.state, takes, len(takes), parts.clock(), unmoved)
                elif api_pages.are_unmoved(parts.state, takes):
                    self._note(failure)
                    self._parts.engine.quarantine_suspects()
                    raise failure
            if failure is None:
                pages[left[unmoved]] = got[unmoved]
            left = left[~unmoved]

    def _claim(self, ids: Int64s, takes: Any) -> Homes:
        """Claim all entries or none; where they are. The caller holds the lock."""
        bad = api_pages.begin_takes(self._parts.state, ids, takes)
        if bad >= 0:
            raise no_entry(int(ids[bad]), int(takes["row"][bad]))
        return homes_in(self._parts.core, takes["tier"])

    def _load(self, ids: Int64s, takes: Any, homes: Homes, out: Pages | None) -> Pages:
        """What the takes name, in `out` if given; every payload is checked."""
        n, size = len(takes), self._parts.page_size
        pages = np.empty((n, size), np.uint8) if out is None else out
        if len(homes) != 1 or not isinstance(homes[0][1], slice):
            pages[takes["tier"] < 0] = 0
        flat = memoryview(pages.data).cast("B") if n else memoryview(b"")
        for rank, here in homes:
            tier, many = self._parts.tiers[rank], self._parts.bulks[rank]
            payloads = _read(tier, takes["slot"][here], takes["length"][here], n)
            places = np.arange(n) if isinstance(here, slice) else here
            if many is not None and many.decode_into(payloads, takes["checksum"][here], places, pages):
                self._parts.engine.worked(tier, "load")
                continue
            self._check(ids, takes, tier, here, payloads)
            try:
                for i, page in zip(places.tolist(), map(tier.decode, payloads), strict=True):
                    flat[i * size : (i + 1) * size] = page
            except ValueError as error:
                raise _corrupt(ids[here], tier, takes[here], _first_bad(tier, payloads)) from error
        return pages

    def _check(self, ids: Int64s, takes: Any, tier: Tier, here: Here, payloads: list[Buffer]) -> None:
        """Raises CorruptEntryError if a payload of takes[here] is not what was stored."""
        wrong = checksums(payloads, len(payloads)) != takes["checksum"][here]
        if wrong.any():
            raise _corrupt(ids[here], tier, takes[here], int(wrong.argmax()))
        self._parts.engine.worked(tier, "load")

    def _free_slots(self, takes: Any, homes: Homes) -> None:
        for rank, here in homes:
            self._parts.engine.free(self._parts.tiers[rank], takes["slot"][here])

    def _note(self, error: BaseException) -> None:
        """Count what a tier did to an entry that is ours alone, or still where it was."""
        if isinstance(error, TierIOError | CorruptEntryError):
            failure: Failure = "load" if isinstance(error, TierIOError) else "corrupt"
            self._parts.failures.note(error.tier, failure, slot=error.slot)


def _read(tier: Tier, slots: Any, lengths: Any, entries: int) -> list[Buffer]:
    try:
        return tier.load(slots, lengths)
    except OSError as cause:
        raise _unread(tier, cause, entries, int(slots[0])) from cause


def _unread(tier: Tier, cause: OSError, entries: int, slot: int) -> TierIOError:
    where = f"all {entries} entries of the call are still where they were"
    if entries == 1:
        where = f"the entry is still in {tier.name!r}"
    return TierIOError(tier.name, "swap-in", cause, where, slot)


def _corrupt(ids: Int64s, tier: Tier, takes: Any, index: int) -> CorruptEntryError:
    return CorruptEntryError(int(ids[index]), tier.name, int(takes["slot"][index]))


def _first_bad(tier: Tier, payloads: list[Buffer]) -> int:
    """Which payload is none of the tier's; the last if it was the pages' length that was wrong."""
    for index, payload in enumerate(payloads):
        try:
            tier.decode(payload)
        except ValueError:
            return index
    return len(payloads) - 1
