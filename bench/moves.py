"""What a run does to bytes, written down and done again without anything else: the limit of a replay on real bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import lz4.block
import numpy as np

from bench.corpus import PAGE
from bench.rounds import timed
from swaptiers.experiment.laboratory import Laboratory

MAX_VECTOR = 512
"""Pages in one system call at most, as the file tier has it."""
Step = tuple[Callable[[list[Any]], object], list[Any]]
"""A bare loop, and what it goes over."""


class Recording:
    """Watches a laboratory's tiers and executor; `repeat` does the same codec calls, comparisons and I/O bare, in order.

    Equal bytes are kept once: as many copies as there are moves would be read from memory that the run never touched.
    """

    def __init__(self, laboratory: Laboratory) -> None:
        assert laboratory.executor is not None
        self.counts = {"compressed": 0, "decompressed": 0, "compared": 0, "read": 0, "written": 0}
        self.calls = {"read": 0, "written": 0}
        self._steps: list[Step] = []
        self._kept: dict[bytes, bytes] = {}
        self._copies: dict[int, bytes] = {}
        self._contents = laboratory.executor._contents
        self._at = {id(content): content for content in self._contents}
        self._files: list[tuple[int, int]] = []
        self._is_inside = False
        for rank, tier in enumerate(laboratory.tiers):
            if tier.compressed:
                self._watch(tier, "encode", self._encoded)
                self._watch(tier, "decode", self._decoded)
                many: Any = getattr(tier, "bulk", None)
                if many is not None:
                    self._watch(many, "encode_at", self._encoded_all)
                    self._watch(many, "decode_into", self._decoded_all)
                    self._watch(many, "count_decoded", self._decoded_and_compared)
                continue
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
            self._files.append((fd, laboratory.core.physical_slots(rank) * PAGE))
            for store in ("store", "store_rows"):
                self._watch(tier, store, lambda _, slots, payloads, fd=fd: self._wrote(fd, slots, payloads))
            for load in ("load", "load_rows"):
                self._watch(tier, load, lambda _, slots, __, fd=fd: self._read(fd, slots))
        for compare in ("_equal", "_count_equal_rows"):
            self._watch(laboratory.executor, compare, lambda _, wanted, pages: self._compared(wanted.tolist()))
        self._is_over = False
        self._watch_end(laboratory)

    @property
    def moves(self) -> int:
        """How often a page was compressed, decompressed, written or read."""
        return sum(count for name, count in self.counts.items() if name != "compared")

    def repeat(self) -> float:
        """Everything again, in its order, into files as new as the run's."""
        for fd, size in self._files:
            os.ftruncate(fd, 0)
            os.ftruncate(fd, size)

        def work() -> None:
            for loop, things in self._steps:
                loop(things)

        return timed(work)

    def close(self) -> None:
        """Give the files back."""
        for fd, _ in self._files:
            os.close(fd)
        self._files = []

    # writing it down

    def _watch(self, thing: Any, method: str, note: Callable[..., None]) -> None:
        """What one watched method has another one do counts once."""
        real = getattr(thing, method)

        def watched(*arguments: Any) -> Any:
            inside, self._is_inside = self._is_inside, True
            try:
                result = real(*arguments)
            finally:
                self._is_inside = inside
            if not self._is_over and not inside:
                note(result, *arguments)
            return result

        setattr(thing, method, watched)

    def _watch_end(self, laboratory: Any) -> None:
        """What is still out after the last reference is read back too, which is no part of the replay."""
        verify = laboratory.executor.verify_held

        def watched(*arguments: Any) -> Any:
            self._is_over = True
            return verify(*arguments)

        laboratory.executor.verify_held = watched

    def _then(self, loop: Callable[[list[Any]], object], things: list[Any]) -> None:
        """Neighbours of one kind are one step."""
        if self._steps and self._steps[-1][0] is loop:
            self._steps[-1][1].extend(things)
        else:
            self._steps.append((loop, things))

    def _once(self, some: Any) -> bytes:
        kept = bytes(some)
        return self._kept.setdefault(kept, kept)

    def _encoded(self, _: Any, page: Any) -> None:
        self.counts["compressed"] += 1
        self._then(_compress, [self._once(page)])

    def _decoded(self, _: Any, payload: Any) -> None:
        if len(payload) < PAGE:
            self.counts["decompressed"] += 1
            self._then(_decompress, [self._once(payload)])

    def _encoded_all(self, made: Any, pages_at: Any) -> None:
        for at in pages_at.tolist() if made is not None else ():
            self._encoded(None, self._at[at])

    def _decoded_all(self, is_good: bool, payloads: list[Any], *_: Any) -> None:
        for payload in payloads if is_good else ():
            self._decoded(None, payload)

    def _decoded_and_compared(self, good: int | None, payloads: list[Any], pages_at: Any) -> None:
        """Each is compared as soon as it is decoded; bare, all are decoded first, as what they become is not kept."""
        if good is None:
            return
        for payload in payloads:
            self._decoded(None, payload)
        self._compared_pages([self._at[at] for at in pages_at.tolist()])

    def _wrote(self, fd: int, slots: Any, payloads: list[Any]) -> None:
        self.counts["written"] += len(slots)
        for first, run in _runs(slots):
            self.calls["written"] += 1
            self._then(_write, [(fd, [self._once(payloads[i]) for i in run], first * PAGE)])

    def _read(self, fd: int, slots: Any) -> None:
        self.counts["read"] += len(slots)
        for first, run in _runs(slots):
            self.calls["read"] += 1
            self._then(_read, [(fd, len(run) * PAGE, first * PAGE)])

    def _compared(self, wanted: list[int]) -> None:
        self._compared_pages([self._contents[content] for content in wanted])

    def _compared_pages(self, pages: list[Any]) -> None:
        """The contents that pages are compared with, which live as long as the run."""
        self.counts["compared"] += len(pages)
        for page in pages:
            if id(page) not in self._copies:
                self._copies[id(page)] = bytes(bytearray(page))
        self._then(_compare, [(page, self._copies[id(page)]) for page in pages])


def _compress(pages: list[bytes]) -> None:
    compress = lz4.block.compress
    for page in pages:
        compress(page, store_size=False)


def _decompress(payloads: list[bytes]) -> None:
    decompress = lz4.block.decompress
    for payload in payloads:
        decompress(payload, uncompressed_size=PAGE)


def _write(runs: list[tuple[int, list[bytes], int]]) -> None:
    for fd, pages, offset in runs:
        os.pwritev(fd, pages, offset)


def _read(runs: list[tuple[int, int, int]]) -> None:
    for fd, length, offset in runs:
        os.pread(fd, length, offset)


def _compare(pairs: list[tuple[bytes, bytes]]) -> None:
    for one, other in pairs:
        one == other  # noqa: B015  (the comparison is the work)


def _runs(slots: Any) -> list[tuple[int, list[int]]]:
    """(first slot, places in the batch) of each run of neighbouring slots."""
    order = np.argsort(slots, kind="stable")
    cuts = np.flatnonzero(np.diff(slots[order]) != 1) + 1
    runs = []
    for part in np.split(order, cuts):
        for start in range(0, len(part), MAX_VECTOR):
            places = part[start : start + MAX_VECTOR].tolist()
            if places:
                runs.append((int(slots[places[0]]), places))
    return runs
