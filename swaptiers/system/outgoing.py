"""Swapping out: pages are compressed, find their places, are written there, and are published.

The core decides place by place and stops where room has to be made first or a length is missing; what was placed until
then is published before room is made, so that a large batch can push its own first pages down.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import CHECKSUM_MASK, Buffer, checksum, checksums, digest
from swaptiers.core import api_pages, api_plans
from swaptiers.core.constants import DONE, NEED_LENGTHS, NEED_ROOM, PENDING_MAX, PLACED, REASON_NAMES, REFUSED
from swaptiers.core.layout import PENDING, TAKE
from swaptiers.demotion.request import Plan, latest_plan, raise_failure
from swaptiers.errors import TierIOError
from swaptiers.system.arguments import Pages
from swaptiers.system.batches import Here, Homes, homes_in
from swaptiers.system.parts import Parts
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import Encoded
from swaptiers.tiers.file import rows_of

FASTEST = 0
"""The rank of the tier that a store asks first."""
Payloads = dict[int, Encoded]
"""Per codec column what the pages of the batch became."""
Reasons = dict[str, int]
Batch = Pages | list[bytes]
"""Rows of an array, or bytes objects, each a page."""


class Outgoing:
    """Stores pages into one system's tiers. Safe from several threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._scratch = threading.local()
        words = parts.core.words
        self._words, self._one_entry, self._one_slot = words.words, words.at("one_entry"), words.at("one_slot")

    def store(
        self, pages: Batch, cgroup: int, uses: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], reasons: Reasons
    ) -> None:
        """Store at most PENDING_MAX pages: their ids go into `ids`, refusals are counted in `reasons`.

        Raises TierIOError if a tier fails; exactly the pages whose ids stand in `ids` by then are in, whatever is raised.
        """
        pending = self._take_table()
        try:
            self._store(pages, cgroup, uses, ids, reasons, pending)
        finally:
            self._scratch.table = pending

    def _store(
        self,
        pages: Batch,
        cgroup: int,
        uses: npt.NDArray[np.int64],
        ids: npt.NDArray[np.int64],
        reasons: Reasons,
        pending: Any,
    ) -> None:
        parts, n = self._parts, len(pages)
        payloads: Payloads = {}
        first = parts.first_codec
        if first >= 0:
            payloads[first] = made = self._encode(first, pages)
            zero = made.zero
        else:
            zero = self._zeros(pages)
        with parts.held():
            api_pages.ask_places(parts.state, pending, n, cgroup, uses, zero)
        if first >= 0:
            api_pages.give_lengths(pending, n, first, made.lengths)
        self._place(pending, n, pages, payloads, ids)
        if np.count_nonzero(ids) < n:
            _count_refusals(pending[:n], reasons)

    def store_clean(
        self, pages: Pages, clean: npt.NDArray[np.int64], uses: npt.NDArray[np.int64], ids: npt.NDArray[np.int64]
    ) -> None:
        """Put pages back into the slots that they kept, where they are what those hold: their ids go into `ids`."""
        parts, n = self._parts, len(pages)
        kept, sums = np.zeros(n, np.bool_), np.zeros(n, np.int64)
        with parts.held():
            api_pages.find_kept(parts.state, clean, sums, kept)
        same = np.zeros(n, np.bool_)
        for i in np.flatnonzero(kept).tolist():
            same[i] = checksum(pages[i].data) == sums[i]
        with parts.held():
            api_pages.store_kept(parts.state, clean, uses, same, ids)

    def store_page(self, page: Buffer, cgroup: int, used: int, reasons: Reasons, ids: list[Any]) -> None:
        """Store one page: `ids[0]` becomes its id, or an array of it, 0 if it is refused. One compiled call where its first
        tier takes it."""
        parts = self._parts
        if not parts.first_is_quick or page == parts.zero_page:
            self._store_slowly(page, None, 0, cgroup, used, reasons, ids)
            return
        tier, words, one_entry = parts.tiers[FASTEST], self._words, self._one_entry
        payload = tier.encode(page)
        length, total = len(payload), digest(payload) & CHECKSUM_MASK
        with parts.quick_lock:
            if parts.closed:
                parts.alive()
            codec = parts.first_codec  # of the payload, or another meanwhile: a payload in zswap says which
            if parts.needs_now:
                parts.core.st.now = parts.clock()
            words[one_entry] = 0
            try:
                entry: int = api_pages.store_page(parts.state, cgroup, used, FASTEST, length, total)
                if entry:
                    parts.singles[FASTEST].store_one(words[self._one_slot], payload)
                    if parts.failures.runs:
                        parts.engine.worked(tier, "store")
                    ids[0] = entry
            except BaseException as error:
                ids[0] = 0
                self._drop(words[one_entry], tier)
                if isinstance(error, OSError):
                    failure = self._io_error(tier, error)
                    parts.engine.quarantine_suspects()
                    raise failure from error
                raise
        if not entry:
            self._store_slowly(page, payload, codec, cgroup, used, reasons, ids)

    def _store_slowly(
        self,
        page: Buffer,
        payload: Buffer | None,
        codec: int,
        cgroup: int,
        used: int,
        reasons: Reasons,
        ids: list[Any],
    ) -> None:
        """One page on the road of many; `payload`: what `codec` made of it, if one did."""
        parts, numbers = self._parts, np.zeros(1, np.int64)
        ids[0] = numbers  # before anything is stored: the caller finds there what an interrupt leaves in
        array = np.frombuffer(page, np.uint8).reshape(1, parts.page_size)
        if payload is None:
            self.store(array, cgroup, np.full(1, used, np.int64), numbers, reasons)
            return
        pending = self._take_table()
        made = Encoded([payload], np.array([len(payload)]), checksums([payload], 1), np.zeros(1, np.bool_))
        try:
            with parts.held():
                api_pages.ask_places(parts.state, pending, 1, cgroup, np.full(1, used, np.int64), made.zero)
            pending["lengths"][0, codec] = len(payload)
            self._place(pending, 1, array, {codec: made}, numbers)
            _count_refusals(pending[:1], reasons)
        finally:
            self._scratch.table = pending

    def _drop(self, entry: int, tier: Tier) -> None:
        """A single page that could not be stored is published already, if there is one: it goes again. The caller holds
        the lock, so nobody has seen it."""
        if not entry:
            return
        takes = np.zeros(1, TAKE)
        api_pages.begin_takes(self._parts.state, np.array([entry]), takes)
        api_pages.finish_takes(self._parts.state, takes, 1, False)
        self._parts.engine.free(tier, takes["slot"])

    def _io_error(self, tier: Tier, cause: OSError) -> TierIOError:
        self._parts.failures.note(tier.name, "store")
        return TierIOError(tier.name, "swap-out", cause, "none of this call's pages are stored; they are still yours")

    def _take_table(self) -> Any:
        """This thread's table of pages that wait for a place, or another while it is in use: a signal's handler and a
        finalizer may store pages too."""
        table, self._scratch.table = getattr(self._scratch, "table", None), None
        return np.zeros(PENDING_MAX, PENDING) if table is None else table

    def _encode(self, codec: int, pages: Batch) -> Encoded:
        """Compress the batch with one codec."""
        many, n = self._parts.codec_bulks[codec], len(pages)
        if many is not None:
            made = many.encode_objects(pages) if isinstance(pages, list) else many.encode_rows(pages)
            if made is not None:
                return made
        encode, zero = self._parts.codec_tiers[codec].encode, self._zeros(pages)
        payloads: list[Buffer] = [
            b"" if empty else encode(page) for page, empty in zip(_each(pages), zero.tolist(), strict=True)
        ]
        return Encoded(payloads, np.fromiter(map(len, payloads), np.int64, n), checksums(payloads, n), zero)

    def _zeros(self, pages: Batch) -> npt.NDArray[np.bool_]:
        """Which of the pages are zero-filled."""
        zero = np.empty(len(pages), np.bool_)
        if isinstance(pages, list):
            zero[:] = list(map(self._parts.zero_page.__eq__, pages))
        else:
            api_pages.zero_rows(pages.view(np.int64), zero)
        return zero

    def _place(
        self,
        pending: Any,
        n: int,
        pages: Batch,
        payloads: Payloads,
        ids: npt.NDArray[np.int64],
    ) -> None:
        """Place pending[:n], write and publish it. Whatever is raised: what is not published is nowhere."""
        flight = object()
        try:
            self._place_in_turn(pending, n, pages, payloads, ids, flight)
        except BaseException:
            self._withdraw(pending, n, ids, flight)
            raise

    def _place_in_turn(
        self,
        pending: Any,
        n: int,
        pages: Batch,
        payloads: Payloads,
        ids: npt.NDArray[np.int64],
        flight: object,
    ) -> None:
        parts = self._parts
        placed = published = 0
        while True:
            with parts.held():
                if parts.needs_now:
                    parts.core.st.now = parts.clock()
                try:
                    result: int = api_pages.place_pages(parts.state, pending, published, placed, n)
                    placed, status = (n, DONE) if result == n else (-result // 4 - 1, -result % 4)
                    plan = latest_plan(parts.core) if status == NEED_ROOM else None
                    homes = homes_in(parts.core, pending["tier"][published:placed], published)
                    all_in_memory = self._put_in_memory(pending, homes, payloads)
                    if all_in_memory:
                        api_pages.publish_pages(parts.state, pending, published, placed, ids)
                    else:
                        parts.core.take_off(flight)
                except BaseException:
                    api_plans.cancel_untaken(parts.state)
                    parts.core.take_off(flight)  # until what is placed gave its place back
                    raise
                need_codec = parts.core.words["need_codec"] if status == NEED_LENGTHS else -1
            if not all_in_memory:
                self._write_slots(pending, published, placed, homes, pages, payloads, ids, flight)
            raise_failure(parts.core)
            fresh, published = placed > published, placed
            if status == DONE:
                return
            if status == NEED_LENGTHS:
                payloads[need_codec] = made = self._encode(need_codec, pages)
                pending["lengths"][placed:n, need_codec] = made.lengths[placed:]
            elif plan is not None or not fresh:
                self._make_room(pending, placed, plan)

    def _make_room(self, pending: Any, index: int, plan: Plan | None) -> None:
        """Carry out the plan that the page at `index` waits for; without one, what it waits for is in others' hands.

        A plan that came to nothing counts against the page's tries, and so does waiting.
        """
        engine = self._parts.engine
        if plan is None:
            engine.wait_for_others()
        if plan is None or not engine.move(plan).is_progress:
            pending[index]["fruitless"] += 1

    def _put_in_memory(self, pending: Any, homes: Homes, payloads: Payloads) -> bool:
        """Put the payloads of pages that went to a tier in memory into it, which can be done under the lock.
        False if some page went into slots instead, whose writing has to wait until the lock is free."""
        all_in_memory = True
        for rank, here in homes:
            tier = self._parts.tiers[rank]
            if tier.by_reference:
                made = payloads.get(self._parts.columns[rank])
                if made is None:  # a single page, placed before the tier's compressor was changed
                    (made,) = payloads.values()
                self._store_encoded(tier, pending, here, made)
            else:
                all_in_memory = False
        return all_in_memory

    def _write_slots(
        self,
        pending: Any,
        start: int,
        end: int,
        homes: Homes,
        pages: Batch,
        payloads: Payloads,
        ids: npt.NDArray[np.int64],
        flight: object,
    ) -> None:
        """Write the pages that went to slots and logs, then publish the whole range."""
        parts = self._parts
        for rank, here in homes:
            tier = parts.tiers[rank]
            if tier.by_reference:
                continue
            if tier.compressed:
                self._store_encoded(tier, pending, here, payloads[parts.columns[rank]])
            else:
                rows = _chosen(_each(pages), here)
                self._store_in(tier, pending, here, rows, checksums(rows, len(rows)))
        with parts.lock:
            parts.alive()
            api_pages.publish_pages(parts.state, pending, start, end, ids)
            parts.engine.land(flight)

    def _store_encoded(self, tier: Tier, pending: Any, here: Here, made: Encoded) -> None:
        """Store the payloads of pending[here] where they were placed."""
        self._store_in(tier, pending, here, _chosen(made.payloads, here), made.checksums[here])

    def _store_in(
        self, tier: Tier, pending: Any, here: Here, chosen: list[Buffer], sums: npt.NDArray[np.int64]
    ) -> None:
        """Store these payloads, with these checksums, where pending[here] were placed."""
        pending["checksum"][here] = sums
        try:
            tier.store(pending["slot"][here], chosen)
        except OSError as cause:
            raise self._io_error(tier, cause) from cause
        self._parts.engine.worked(tier, "store")

    def _withdraw(self, pending: Any, n: int, ids: npt.NDArray[np.int64], flight: object) -> None:
        """The call is off: what is placed of pending[:n] and has no id yet gives its place back."""
        parts, part = self._parts, pending[:n]
        taken = (part["state"] == PLACED) & (ids == 0)
        with parts.lock:
            if parts.closed and flight not in parts.core.flights:
                return  # the end waits for flights only: there may be no state any more
            for rank in np.unique(part["tier"][taken]).tolist():
                parts.engine.free(parts.tiers[rank], part["slot"][taken & (part["tier"] == rank)])
            api_pages.withdraw_pages(parts.state, pending, n, ids)
            parts.engine.quarantine_suspects()
            parts.engine.land(flight)


def _each(pages: Batch) -> list[Buffer]:
    """A buffer per page."""
    return list(pages) if isinstance(pages, list) else rows_of(pages)


def _chosen(buffers: list[Buffer], here: Here) -> list[Buffer]:
    """Those that stand there."""
    if not isinstance(here, slice):
        return [buffers[i] for i in here.tolist()]
    return buffers if here.stop - here.start == len(buffers) else buffers[here]


def _count_refusals(pending: Any, reasons: Reasons) -> None:
    if not len(pending) or pending["state"].max() < REFUSED:
        return
    for reason in pending["reason"][pending["state"] == REFUSED].tolist():
        name = REASON_NAMES[reason]
        reasons[name] = reasons.get(name, 0) + 1
