"""The bytes of a replay: what the log says happens to real payloads in real tiers, and every page loaded is compared.

Within a segment nothing reads what the segment writes, so it runs as loads, then moves, then stores, each in batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.core.constants import PENDING_MAX
from swaptiers.experiment.lab import LOAD, MOVE
from swaptiers.experiment.lengths import contents_wanted, set_lengths
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import MAX_PAGES, NO_SUMS, addresses
from swaptiers.tiers.file import rows_of
from swaptiers.tiers.payloads import encoders
from swaptiers.tiers.single import bulk_of


class Events:
    """The columns of a log, in the order in which its events are carried out."""

    def __init__(self, log: Any, order: npt.NDArray[np.int64]) -> None:
        self.slots = log["slot"][order]
        self.to_slots = log["to_slot"][order]
        self.lengths = log["length"][order]
        self.contents: list[int] = log["content"][order].tolist()


AT_ONCE = 128
"""Events of a kind in one call: what is decompressed has to be in the processor's cache still when it is compared."""
TIERS = 64
"""One more than the highest rank, and room for -1."""


def _keys(log: Any) -> npt.NDArray[np.int64]:
    """Events with the same key are carried out together, in ascending order of keys."""
    keys: npt.NDArray[np.int64] = log["segment"].astype(np.int64)
    for name, base, offset in (("kind", 4, 0), ("tier", TIERS, 1), ("to_tier", TIERS, 1), ("keeps", 2, 0)):
        keys *= base
        keys += log[name]
        keys += offset
    return keys


def _parts(key: int) -> tuple[int, int, int, int]:
    """Kind, tier, to_tier and keeps of a key."""
    key, keeps = divmod(key, 2)
    key, to_tier = divmod(key, TIERS)
    key, tier = divmod(key, TIERS)
    return key % 4, tier - 1, to_tier - 1, keeps


class Executor:
    """Runs the log's events on real tiers. `contents`: the bytes of every content, by its number.

    `verified` pages came back as they went out; `mismatched` did not.
    """

    def __init__(self, tiers: Sequence[Tier], columns: Sequence[int], contents: Sequence[bytes]) -> None:
        self._tiers = tiers
        self._columns = columns
        self._contents = contents
        self._contents_at = addresses(contents)
        self._wanted = np.empty(PENDING_MAX, np.int64)
        self._codecs = encoders(tiers, columns)
        self._payloads: dict[int, dict[int, Buffer]] = {}
        """Per codec: content -> its payload, of what is to be stored when the log runs."""
        self._moving: dict[tuple[int, int], Buffer] = {}
        self.verified = 0
        self.mismatched = 0

    def columns_changed(self) -> None:
        """A tier has another compressor: `columns` says so. The log is empty."""
        self._codecs.update(encoders(self._tiers, self._columns))

    def forget_payloads(self, codec: int) -> None:
        """What the codec made is in its tiers; a new batch begins."""
        self._payloads.setdefault(codec, {}).clear()

    def compress_pending(self, codec: int, pending: Any) -> None:
        """Fill in the lengths of pending pages for one codec, by compressing; their payloads are kept for the log."""
        contents = self._wanted[: contents_wanted(pending, self._wanted)]
        chosen = contents.tolist()
        many = bulk_of(self._codecs[codec])
        made = many.encode_at(self._contents_at[contents]) if many is not None and len(chosen) <= MAX_PAGES else None
        if made is None:
            payloads = [self._codecs[codec].encode(self._contents[content]) for content in chosen]
            lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        else:
            payloads, lengths = made.payloads, made.lengths
        self._payloads.setdefault(codec, {}).update(zip(chosen, payloads, strict=True))
        set_lengths(pending, codec, lengths)

    def compress_plan(self, tier: int, plan: Any, contents: npt.NDArray[np.int64]) -> None:
        """Fill in the lengths that a plan's entries will have in the compressed tier that they move to."""
        encode = self._tiers[tier].encode
        for entry, content in zip(plan, contents.tolist(), strict=True):
            payload = encode(self._contents[content])
            entry["to_length"] = len(payload)
            self._moving[(tier, content)] = payload

    def run(self, log: Any) -> None:
        """Let the events happen."""
        if len(log) == 0:
            return
        keys = _keys(log)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        events = Events(log, order)
        cuts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        starts = [0, *cuts.tolist()]
        for start, end, key in zip(starts, [*starts[1:], len(log)], keys[starts].tolist(), strict=True):
            for first in range(start, end, AT_ONCE):
                self._carry_out(key, events, slice(first, min(first + AT_ONCE, end)))
        self._moving.clear()

    def _carry_out(self, key: int, events: Events, group: slice) -> None:
        kind, tier, to_tier, keeps = _parts(key)
        if kind == LOAD:
            self._load(tier, events, group)
        elif kind == MOVE:
            self._move(tier, to_tier, bool(keeps), events, group)
        else:
            self._store(to_tier, events, group)

    def _load(self, rank: int, events: Events, group: slice) -> None:
        wanted = events.contents[group]
        if rank < 0:
            good = self._equal(wanted, [bytes(len(self._contents[0]))] * len(wanted))
        else:
            good = self._count_equal(rank, wanted, self._take(rank, events.slots[group], events.lengths[group]))
        self.verified += good
        self.mismatched += len(wanted) - good

    def _count_equal(self, rank: int, wanted: list[int], payloads: list[Buffer]) -> int:
        """How many of the payloads are those of the contents that are wanted."""
        many = bulk_of(self._tiers[rank])
        if many is not None:
            good = many.count_decoded(payloads, self._contents_at[wanted])
            if good is not None:
                return good
        return self._equal(wanted, self._decode(rank, payloads))

    def _take(self, rank: int, slots: Any, lengths: Any) -> list[Buffer]:
        """The payloads in these slots, which are forgotten there."""
        tier = self._tiers[rank]
        payloads = tier.load(slots, lengths)
        tier.free(slots)
        return payloads

    def _decode(self, rank: int, payloads: list[Buffer]) -> list[Buffer]:
        """Their pages; a payload that can't be decoded gives an empty one, which equals no page."""
        decode, many = self._tiers[rank].decode, bulk_of(self._tiers[rank])
        if many is not None:
            out = np.empty((len(payloads), len(self._contents[0])), np.uint8)
            if many.decode_into(payloads, NO_SUMS, np.arange(len(payloads)), out):
                return rows_of(out)
        pages: list[Buffer] = []
        while len(pages) < len(payloads):
            try:
                pages += map(decode, payloads[len(pages) :])
            except ValueError:
                pages.append(b"")
        return pages

    def _equal(self, wanted: list[int], pages: list[Buffer]) -> int:
        """How many of the pages are the contents that are wanted."""
        contents = self._contents
        return [bytes(page) == contents[content] for content, page in zip(wanted, pages, strict=True)].count(True)

    def _move(self, source: int, target: int, keeps: bool, events: Events, group: slice) -> None:
        tier = self._tiers[target]
        payloads = self._take(source, events.slots[group], events.lengths[group])
        if not keeps:
            pages = self._decode(source, payloads)
            payloads = pages
            if tier.compressed:
                wanted = events.contents[group]
                payloads = [self._moving[(target, content)] for content in wanted]
                self.mismatched += len(wanted) - self._equal(wanted, pages)
        tier.store(events.to_slots[group], payloads)

    def _store(self, rank: int, events: Events, group: slice) -> None:
        tier = self._tiers[rank]
        if tier.compressed:
            made = self._payloads[self._columns[rank]]
            payloads = [made[content] for content in events.contents[group]]
        else:
            payloads = [self._contents[content] for content in events.contents[group]]
        tier.store(events.to_slots[group], payloads)

    def verify_held(self, records: Any, contents: npt.NDArray[np.int64]) -> int:
        """Read every entry that is still held and compare; the number that are as they went out."""
        held = 0
        for rank in np.unique(records["tier"]).tolist():
            here = records["tier"] == rank
            for part in np.array_split(np.flatnonzero(here), max(1, int(here.sum()) // 256)):
                slots, lengths = records["slot"][part], records["length"][part]
                payloads = self._tiers[rank].load(slots, lengths)
                wanted = contents[part].tolist()
                good = self._count_equal(rank, wanted, payloads)
                self.mismatched += len(wanted) - good
                held += good
        return held
