"""Reading a plan's entries out of their source: all at once, and one by one where that fails.

A device with a bad sector fails the whole of a batch, and says so of all of it. Then each entry is read by itself, so that
those that can be read get out; which can't is noted. A device that reads nothing at all any more is something else: there
nothing is set aside, and its error is raised.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer, checksum, checksums
from swaptiers.core.constants import BUSY, COPYING, PLANNED, STORED, UNREADABLE
from swaptiers.core.core import Core
from swaptiers.demotion.copies import Copies, Scratch
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import MAX_PAGES, Int64s
from swaptiers.tiers.failures import Failures
from swaptiers.tiers.single import OURS, bulk_of

ENOUGH = 8
"""So many reads that fail one after the other, and none that worked: then reads elsewhere decide what it is."""


class Reader:
    """Reads what one system's engine moves. Safe from several threads: the lock is held for bookkeeping only."""

    def __init__(self, core: Core, lock: Any, failures: Failures) -> None:
        self._core = core
        self._lock = lock
        self._failures = failures
        self._scratch = Scratch(int(core.st.page_size))

    def read(self, source: Tier, target: Tier, rank: int, entries: Any, *, is_decoded: bool) -> Copies:
        """The pages of a plan's entries, or their payloads as they are, and which of them can't be had.

        `rank`: of the source. Raises OSError where nothing can be read. A payload that fails its checksum is only believed
        corrupt if the entry is still there: otherwise its slot may have been reused, and the entry is somebody else's now.
        """
        payloads, lost = self._load(source, rank, entries)
        good = self._all_good(source, target, entries["checksum"], payloads, is_decoded=is_decoded)
        if good is not None:
            self.worked(source)
            return good
        lost = np.zeros(len(entries), np.bool_) if lost is None else lost
        pages: list[Buffer] = []
        corrupt = np.zeros(len(entries), np.bool_)
        for index, payload in enumerate(payloads):
            page: Buffer | None = None
            if not lost[index] and checksum(payload) == entries["checksum"][index]:
                with contextlib.suppress(ValueError):
                    page = source.decode(payload) if is_decoded else payload
            if page is None:
                entries["copied"][index] = 0
                corrupt[index] = not lost[index] and self._is_current(entries[index])
                page = bytes(self._scratch.page_size)
            pages.append(page)
        if corrupt.any():
            self._failures.note(source.name, "corrupt", int(corrupt.sum()), int(entries["slot"][corrupt][0]))
        else:
            self.worked(source)
        unreadable = lost | corrupt
        whole = bool(entries["copied"].all())
        return Copies(pages, unreadable=unreadable if unreadable.any() else None, is_whole=whole)

    def give_back(self, copies: Copies) -> None:
        """What was read is written, or never will be."""
        self._scratch.give_back(copies)

    def worked(self, source: Tier) -> None:
        """A tier could be read."""
        if self._failures.runs:
            self._failures.worked(source.name, "load")

    def _load(self, source: Tier, rank: int, entries: Any) -> tuple[list[Buffer], npt.NDArray[np.bool_] | None]:
        """The payloads of the plan's entries, empty for one that is not there any more, or can't be read; which these are,
        None if all could be read at once.

        An error is only believed while all entries are there: a tier may say that a slot which was freed holds nothing.
        """
        try:
            return source.load(entries["slot"].copy(), entries["length"].copy()), None
        except OSError as error:
            failure = error
        unreadable = np.zeros(len(entries), np.bool_)
        payloads: list[Buffer] = [b""] * len(entries)
        wanted = list(range(len(entries)))
        while wanted:
            current = [index for index in wanted if self._is_current(entries[index])]
            if len(current) == len(wanted):
                unreadable[self._load_each(source, rank, entries, wanted, payloads, failure)] = True
                break
            wanted = current
            try:
                loaded = source.load(entries["slot"][wanted], entries["length"][wanted])
            except OSError as error:
                failure = error
                continue
            for index, payload in zip(wanted, loaded, strict=True):
                payloads[index] = payload
            break
        return payloads, unreadable

    def _load_each(
        self, source: Tier, rank: int, entries: Any, wanted: list[int], payloads: list[Buffer], error: OSError
    ) -> list[int]:
        """One by one, after all together failed with `error`, which is raised if the tier reads nothing else either.

        Returns which of the entries can't be read.
        """
        failed: list[int] = []
        reads = False
        for index in wanted:
            here = slice(index, index + 1)
            try:
                (payloads[index],) = source.load(entries["slot"][here], entries["length"][here])
                reads = True
            except OSError:
                if self._is_current(entries[index]):
                    failed.append(index)
            if len(failed) == ENOUGH and not reads:
                reads = self._reads_elsewhere(source, rank, int(entries["slot"][index]), error)
        if failed and not reads:
            self._reads_elsewhere(source, rank, int(entries["slot"][failed[0]]), error)
        first = int(entries["slot"][failed[0] if failed else wanted[0]])
        self._failures.note(source.name, "load", max(len(failed), 1), first)
        self.worked(source)
        return failed

    def _reads_elsewhere(self, source: Tier, rank: int, slot: int, error: OSError) -> bool:
        """True if the tier reads one of three other entries, the one that lies farthest from `slot` first. Raises `error` if
        not, or if there are none."""
        with self._lock:
            records = self._core.records[: int(self._core.st.row_top)]
            is_free = (records["marks"] & (BUSY | PLANNED | COPYING | UNREADABLE)) == 0
            others = records[(records["backing"] == STORED) & (records["tier"] == rank) & is_free]
        order = np.argsort(np.abs(others["slot"].astype(np.int64) - slot), kind="stable")
        for at in order[[-1, len(order) // 2, 0]] if len(order) else ():
            here = slice(at, at + 1)
            try:
                source.load(others["slot"][here], others["length"][here])
            except OSError:
                continue
            return True
        raise error

    def _all_good(
        self, source: Tier, target: Tier, sums: Int64s, payloads: list[Buffer], *, is_decoded: bool
    ) -> Copies | None:
        """The same, all at once; None if that can't be done, or something is wrong."""
        n, many = len(payloads), bulk_of(source)
        if not is_decoded:
            good = many.are_good(payloads, sums) if many else (checksums(payloads, n) == sums).all()
            return Copies(payloads) if good else None
        if many is None:
            return None
        scratch = self._scratch.take() if n <= MAX_PAGES and type(target) in OURS else None
        pages = np.empty((n, self._scratch.page_size), np.uint8) if scratch is None else scratch[:n]
        copies = Copies([], pages, np.empty(n, np.int64), scratch=scratch)
        places = self._scratch.places[:n] if n <= MAX_PAGES else np.arange(n)
        if many.decode_into(payloads, sums, places, pages, copies.sums):
            return copies
        self._scratch.give_back(copies)
        return None

    def _is_current(self, entry: Any) -> bool:
        with self._lock:
            record = self._core.records[entry.row]
            return bool(record.stamp == entry.stamp and record.generation == entry.generation)
