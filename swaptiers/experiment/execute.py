"""The bytes of a replay: what the log says happens to real payloads in real tiers, and every page loaded is compared.

Within a segment nothing reads what the segment writes, so it runs as loads, then moves, then stores, each in batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.experiment.lab import LOAD, MOVE, STORE
from swaptiers.tiers.base import Tier


class Executor:
    """Runs the log's events on real tiers. `contents`: the bytes of every content, by its number.

    `verified` pages came back as they went out; `mismatched` did not.
    """

    def __init__(self, tiers: Sequence[Tier], columns: Sequence[int], contents: Sequence[bytes]) -> None:
        self._tiers = tiers
        self._columns = columns
        self._contents = contents
        self._codecs: dict[int, Tier] = {}
        for tier, column in zip(tiers, columns, strict=True):
            if tier.compressed:
                self._codecs.setdefault(column, tier)
        self._payloads: dict[int, list[Buffer]] = {}
        self._moving: dict[tuple[int, int], Buffer] = {}
        self.verified = 0
        self.mismatched = 0

    def compress_pending(self, codec: int, pending: Any, start: int) -> None:
        """Fill in the lengths of pending[start:] for one codec, by compressing; their payloads are kept for the log."""
        contents = self._contents
        encode = self._codecs[codec].encode
        chosen = pending["content"][start:].tolist()
        zero = pending["zero"][start:].tolist()
        made: list[Buffer] = [b"" if empty else encode(contents[c]) for c, empty in zip(chosen, zero, strict=True)]
        self._payloads[codec] = [b""] * start + made
        pending["lengths"][start:, codec] = [len(payload) for payload in made]

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
        segments = log["segment"]
        breaks = np.flatnonzero(np.diff(segments)) + 1
        for part in np.split(log, breaks) if len(breaks) else [log]:
            kinds = part["kind"]
            self._load(part[kinds == LOAD])
            self._move(part[kinds == MOVE])
            self._store(part[kinds == STORE])
        self._moving.clear()

    def _load(self, events: Any) -> None:
        for rank in np.unique(events["tier"]).tolist():
            here = events[events["tier"] == rank] if rank >= 0 else events[events["tier"] < 0]
            wanted = here["content"].tolist()
            if rank < 0:
                self._compare(wanted, [bytes(len(self._contents[0]))] * len(wanted))
                continue
            self._compare(wanted, self._read(rank, here["slot"], here["length"]))

    def _read(self, rank: int, slots: Any, lengths: Any) -> list[Buffer]:
        """The pages in these slots; a payload that can't be decoded gives an empty one, which equals no page."""
        tier = self._tiers[rank]
        pages: list[Buffer] = []
        for payload in self._take(rank, slots, lengths):
            try:
                pages.append(tier.decode(payload))
            except ValueError:
                pages.append(b"")
        return pages

    def _take(self, rank: int, slots: Any, lengths: Any) -> list[Buffer]:
        """The payloads in these slots, which are forgotten there."""
        tier = self._tiers[rank]
        payloads = tier.load(slots, lengths)
        tier.free(slots)
        return payloads

    def _compare(self, wanted: list[int], pages: list[Buffer]) -> None:
        contents = self._contents
        for content, page in zip(wanted, pages, strict=True):
            if bytes(page) == contents[content]:
                self.verified += 1
            else:
                self.mismatched += 1

    def _move(self, events: Any) -> None:
        pairs = events["tier"].astype(np.int64) * 64 + events["to_tier"]
        for pair in np.unique(pairs).tolist():
            source, target = divmod(pair, 64)
            here = events[pairs == pair]
            tier = self._tiers[target]
            slots = here["to_slot"]
            if here["keeps"][0]:
                tier.store(slots, self._take(source, here["slot"], here["length"]))
                continue
            pages = self._read(source, here["slot"], here["length"])
            if tier.compressed:
                payloads = [self._moving[(target, content)] for content in here["content"].tolist()]
                for content, page in zip(here["content"].tolist(), pages, strict=True):
                    self.mismatched += bytes(page) != self._contents[content]
            else:
                payloads = pages
            tier.store(slots, payloads)

    def _store(self, events: Any) -> None:
        for rank in np.unique(events["to_tier"]).tolist():
            here = events[events["to_tier"] == rank]
            tier = self._tiers[rank]
            if tier.compressed:
                made = self._payloads[self._columns[rank]]
                tier.store(here["to_slot"], [made[i] for i in here["payload"].tolist()])
            else:
                tier.store(here["to_slot"], [self._contents[c] for c in here["content"].tolist()])

    def verify_held(self, records: Any, contents: npt.NDArray[np.int64]) -> int:
        """Read every entry that is still held and compare; the number that are as they went out."""
        before = self.verified
        for rank in np.unique(records["tier"]).tolist():
            here = records["tier"] == rank
            for part in np.array_split(np.flatnonzero(here), max(1, int(here.sum()) // 256)):
                slots, lengths = records["slot"][part], records["length"][part]
                payloads = self._tiers[rank].load(slots, lengths)
                self._compare(contents[part].tolist(), [self._decode(rank, payload) for payload in payloads])
        held = self.verified - before
        self.verified = before
        return held

    def _decode(self, rank: int, payload: Buffer) -> Buffer:
        try:
            return self._tiers[rank].decode(payload)
        except ValueError:
            return b""
