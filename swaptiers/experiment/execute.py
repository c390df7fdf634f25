"""The bytes of a replay: what the log says happens to real payloads in real tiers, and every page loaded is compared.

Within a segment nothing reads what the segment writes, so it runs as loads, then moves, then stores, each in batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.core.bulk import count_equal
from swaptiers.core.compile import interpreted
from swaptiers.core.constants import PENDING_MAX
from swaptiers.core.state import State
from swaptiers.experiment.lab import LOAD, MOVE
from swaptiers.experiment.lengths import contents_wanted, set_lengths
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import BYTES_AT, MAX_PAGES, NO_SUMS, Int64s, addresses
from swaptiers.tiers.file import FileTier
from swaptiers.tiers.payloads import encoders
from swaptiers.tiers.single import bulk_of


class Events:
    """The columns of a log, in the order in which its events are carried out."""

    def __init__(self, log: Any, order: npt.NDArray[np.int64]) -> None:
        self.slots = log["slot"][order]
        self.to_slots = log["to_slot"][order]
        self.lengths = log["length"][order]
        self.numbers = log["content"][order]
        self.contents: list[int] = self.numbers.tolist()


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
        self._bytes_at = self._contents_at + BYTES_AT
        zero = bytes(len(contents[0]))
        self._are_zero = np.array([content == zero for content in contents])
        self._wanted = np.empty(PENDING_MAX, np.int64)
        self._rows = np.empty((AT_ONCE, len(contents[0])), np.uint8)
        self._are_rows = [type(tier) is FileTier and not interpreted() for tier in tiers]
        """Tiers that are read into rows side by side; whatever is around a tier sees every page."""
        self._places = np.arange(AT_ONCE)
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

    def compress_pending(self, codec: int, state: State) -> None:
        """Fill in the lengths of the core's pending pages for one codec, by compressing; their payloads are kept for the
        log."""
        contents = self._wanted[: contents_wanted(state, self._wanted)]
        chosen = contents.tolist()
        many = bulk_of(self._codecs[codec])
        made = many.encode_at(self._contents_at[contents]) if many is not None and len(chosen) <= MAX_PAGES else None
        if made is None:
            payloads = [self._codecs[codec].encode(self._contents[content]) for content in chosen]
            lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        else:
            payloads, lengths = made.payloads, made.lengths
        self._payloads.setdefault(codec, {}).update(zip(chosen, payloads, strict=True))
        set_lengths(state, codec, lengths)

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
        wanted = events.numbers[group]
        if rank < 0:
            good = int(self._are_zero[wanted].sum())
        else:
            good = self._count_equal(rank, wanted, events.slots[group], events.lengths[group])
            self._tiers[rank].free(events.slots[group])
        self.verified += good
        self.mismatched += len(wanted) - good

    def _count_equal(self, rank: int, wanted: Int64s, slots: Any, lengths: Any) -> int:
        """How many of the payloads in these slots are those of the contents that are wanted."""
        if self._are_rows[rank]:
            return self._count_equal_rows(wanted, self._read(rank, slots))
        payloads = self._tiers[rank].load(slots, lengths)
        many = bulk_of(self._tiers[rank])
        if many is not None:
            good = many.count_decoded(payloads, self._contents_at[wanted])
            if good is not None:
                return good
        return self._equal(wanted, self._decode(rank, payloads))

    def _count_equal_rows(self, wanted: Int64s, rows: npt.NDArray[np.uint8]) -> int:
        return count_equal(rows, self._bytes_at[wanted])

    def _read(self, rank: int, slots: Any) -> npt.NDArray[np.uint8]:
        """Pages of a file, in memory that the next read overwrites."""
        rows = self._rows[: len(slots)]
        self._tiers[rank].load_rows(slots, rows)  # type: ignore[attr-defined]
        return rows

    def _take(self, rank: int, slots: Any, lengths: Any) -> list[Buffer]:
        """The payloads in these slots, which are forgotten there."""
        tier = self._tiers[rank]
        payloads = tier.load(slots, lengths)
        tier.free(slots)
        return payloads

    def _decode_rows(self, rank: int, payloads: list[Buffer]) -> npt.NDArray[np.uint8] | None:
        """Their pages, in memory that the next read overwrites; None if there is no other way than one by one."""
        many, rows = bulk_of(self._tiers[rank]), self._rows[: len(payloads)]
        if many is not None and many.decode_into(payloads, NO_SUMS, self._places[: len(payloads)], rows):
            return rows
        return None

    def _decode(self, rank: int, payloads: list[Buffer]) -> list[Buffer]:
        """Their pages; a payload that can't be decoded gives an empty one, which equals no page."""
        decode = self._tiers[rank].decode
        if (rows := self._decode_rows(rank, payloads)) is not None:
            return [bytes(row) for row in rows]
        pages: list[Buffer] = []
        while len(pages) < len(payloads):
            try:
                pages += map(decode, payloads[len(pages) :])
            except ValueError:
                pages.append(b"")
        return pages

    def _equal(self, wanted: Int64s, pages: list[Buffer]) -> int:
        """How many of the pages are the contents that are wanted."""
        contents = self._contents
        return [bytes(page) == contents[number] for number, page in zip(wanted.tolist(), pages, strict=True)].count(
            True
        )

    def _move(self, source: int, target: int, keeps: bool, events: Events, group: slice) -> None:
        tier = self._tiers[target]
        slots = events.slots[group]
        if type(tier) is FileTier and self._are_rows[source]:
            tier.store_rows(events.to_slots[group], self._read(source, slots))
            return
        payloads = self._take(source, slots, events.lengths[group])
        if type(tier) is FileTier and (rows := self._decode_rows(source, payloads)) is not None:
            tier.store_rows(events.to_slots[group], rows)
            return
        if not keeps:
            pages = self._decode(source, payloads)
            payloads = pages
            if tier.compressed:
                wanted = events.contents[group]
                payloads = [self._moving[(target, content)] for content in wanted]
                self.mismatched += len(wanted) - self._equal(events.numbers[group], pages)
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
            for part in np.array_split(np.flatnonzero(here), -(-int(here.sum()) // AT_ONCE)):
                wanted = contents[part]
                good = self._count_equal(rank, wanted, records["slot"][part], records["length"][part])
                self.mismatched += len(wanted) - good
                held += good
        return held
