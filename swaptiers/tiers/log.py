"""Compressed payloads one after the other in one real file: what `layout: log` writes."""

from __future__ import annotations

import itertools
import operator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer, Codec
from swaptiers.tiers.file import OwnFile, read_exact, write_all
from swaptiers.tiers.payloads import Compressing
from swaptiers.tiers.runs import MAX_VECTOR


class LogTier(Compressing):
    """Payloads at byte addresses of a file that is ours alone, as OwnFile has it. What is appended together is written in
    one system call; segments and what is alive in them are the core's business."""

    by_reference = False

    def __init__(self, name: str, size_bytes: int, codec: Codec, path: Path | None = None) -> None:
        super().__init__(name, codec)
        self.file = OwnFile(name, size_bytes, path)

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        written = 0 if self.bulk is None else self.bulk.write(self.file.fd, payloads, slots)
        if written < len(payloads):  # says what is wrong, if it is
            self._store_runs(slots[written:].tolist(), payloads[written:])

    def _store_runs(self, starts: list[int], payloads: list[Buffer]) -> None:
        lengths = list(map(len, payloads))
        ends = map(operator.add, starts, lengths)
        cuts = [i for i, (end, start) in enumerate(zip(ends, starts[1:], strict=False), 1) if start != end]
        for first, last in itertools.pairwise([0, *cuts, len(payloads)]):
            for start in range(first, last, MAX_VECTOR):
                end = min(start + MAX_VECTOR, last)
                write_all(self.file.fd, payloads[start:end], starts[start], sum(lengths[start:end]))

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
