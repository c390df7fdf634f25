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


class Recording:
    """Watches a laboratory's tiers and executor; `repeat` does the same codec calls, comparisons and I/O bare."""

    def __init__(self, laboratory: Laboratory) -> None:
        assert laboratory.executor is not None
        self.pages = 0
        self._actions: list[Callable[[], object]] = []
        self._contents = laboratory.executor._contents
        self._copies: dict[int, bytes] = {}
        for tier in laboratory.tiers:
            watched: Any = tier
            if tier.compressed:
                self._watch(watched, "encode", self._encoded)
                self._watch(watched, "decode", self._decoded)
                continue
            with tempfile.NamedTemporaryFile(delete=False) as file:
                fd = os.dup(file.fileno())
                os.unlink(file.name)
            self._watch(watched, "store", lambda result, slots, payloads, fd=fd: self._wrote(fd, slots, payloads))
            self._watch(watched, "load", lambda result, slots, lengths, fd=fd: self._read(fd, slots))
        self._watch(laboratory.executor, "_compare", lambda result, wanted, pages: self._compared(wanted))

    def _watch(self, thing: Any, method: str, note: Callable[..., None]) -> None:
        real = getattr(thing, method)

        def watched(*arguments: Any) -> Any:
            result = real(*arguments)
            note(result, *arguments)
            return result

        setattr(thing, method, watched)

    def _encoded(self, result: Any, page: Any) -> None:
        self.pages += 1
        kept = bytes(page)
        self._actions.append(lambda: lz4.block.compress(kept, store_size=False))

    def _decoded(self, result: Any, payload: Any) -> None:
        self.pages += 1
        kept = bytes(payload)
        if len(kept) < PAGE:
            self._actions.append(lambda: lz4.block.decompress(kept, uncompressed_size=PAGE))

    def _wrote(self, fd: int, slots: Any, payloads: list[Any]) -> None:
        self.pages += len(slots)
        kept = [bytes(payload) for payload in payloads]
        for first, run in _runs(slots):
            parts = [kept[i] for i in run]
            self._actions.append(lambda parts=parts, at=first * PAGE: os.pwritev(fd, parts, at))  # type: ignore[misc]

    def _read(self, fd: int, slots: Any) -> None:
        self.pages += len(slots)
        for first, run in _runs(slots):
            count = len(run) * PAGE
            self._actions.append(lambda count=count, at=first * PAGE: os.pread(fd, count, at))  # type: ignore[misc]

    def _compared(self, wanted: list[int]) -> None:
        for content in wanted:
            if content not in self._copies:
                self._copies[content] = bytes(bytearray(self._contents[content]))
        pairs = [(self._contents[content], self._copies[content]) for content in wanted]
        self._actions.append(lambda: [a == b for a, b in pairs])

    def repeat(self) -> float:
        """Everything again, in its order."""

        def work() -> None:
            for action in self._actions:
                action()

        return timed(work)


def _runs(slots: Any) -> list[tuple[int, list[int]]]:
    """(first slot, places in the batch) of each run of neighbouring slots."""
    order = np.argsort(slots, kind="stable")
    cuts = np.flatnonzero(np.diff(slots[order]) != 1) + 1
    runs = []
    for part in np.split(order, cuts):
        for start in range(0, len(part), MAX_VECTOR):
            places = part[start : start + MAX_VECTOR].tolist()
            runs.append((int(slots[places[0]]), places))
    return runs
