"""Compressed payloads one after the other in one real file: what `layout: log` writes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer, Codec
from swaptiers.tiers.file import OwnFile, read_exact, write_all
from swaptiers.tiers.payloads import Compressing
from swaptiers.tiers.runs import MAX_VECTOR, is_sorted


class LogTier(Compressing):
    """Payloads at byte addresses of a file that is ours alone, as OwnFile has it. What is appended together is written in
    one system call; segments and what is alive in them are the core's business."""

    by_reference = False

    def __init__(self, name: str, size_bytes: int, codec: Codec, path: Path | None = None) -> None:
        super().__init__(name, codec)
        self.file = OwnFile(name, size_bytes, path)

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        starts, total = slots.tolist(), sum(map(len, payloads))
        if 0 < len(starts) <= MAX_VECTOR and starts[-1] + len(payloads[-1]) - starts[0] == total and is_sorted(starts):
            write_all(self.file.fd, payloads, starts[0], total)  # addresses never overlap: these leave no gap
            return
        lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        if (slots[1:] != slots[:-1] + lengths[:-1]).any():
            order = np.argsort(slots, kind="stable")
            slots, lengths, payloads = slots[order], lengths[order], [payloads[i] for i in order.tolist()]
        cuts = np.flatnonzero(slots[1:] != slots[:-1] + lengths[:-1]) + 1
        for first, last in itertools.pairwise([0, *cuts.tolist(), len(payloads)]):
            for start in range(first, last, MAX_VECTOR):
                self._write(payloads[start : min(start + MAX_VECTOR, last)], int(slots[start]))

    def _write(self, run: list[Buffer], address: int) -> None:
        if run:
            write_all(self.file.fd, run, address, sum(map(len, run)))

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        fd = self.file.fd
        return [read_exact(fd, length, slot) for slot, length in zip(slots.tolist(), lengths.tolist(), strict=True)]

    def store_one(self, slot: int, payload: Buffer) -> None:
        """As `store`, for one address."""
        write_all(self.file.fd, [payload], slot, len(payload))

    def load_one(self, slot: int, length: int) -> Buffer:
        """As `load`, for one address."""
        return read_exact(self.file.fd, length, slot)

    def free_one(self, slot: int) -> None:
        """As `free`, for one address."""

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        """Nothing to do: a cleaned segment is overwritten."""

    def close(self) -> None:
        self.file.close()
