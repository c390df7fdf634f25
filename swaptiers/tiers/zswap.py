"""zswap: a pool of compressed pages in memory, as mm/zswap.c keeps it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer, Codec
from swaptiers.tiers.payloads import Compressing, decompress_any, made_by
from swaptiers.tiers.runs import start_of_run

GROWTH = 4096


class ZswapTier(Compressing):
    """Payloads in memory, each in a bytes object of its own."""

    by_reference = True

    def __init__(self, name: str, codec: Codec) -> None:
        super().__init__(name, codec)
        self.payloads: list[Buffer | None] = []
        self._is_mixed = False

    def expect_others(self) -> None:
        """From now on payloads may be stored here that say that another codec made them. A second call does nothing."""
        if not self._is_mixed:
            self._decompress = decompress_any(self._decompress)
            self._is_mixed = True

    def switch(self, codec: Codec) -> None:
        """New payloads are made by `codec`; every old one is still decoded by the codec that made it."""
        self.expect_others()
        kind, compress = made_by(codec), codec.compress
        self.bulk = None
        self._compress = lambda page: kind(compress(page))

    def grow(self, slot: int) -> None:
        """Make room in the list for a slot."""
        self.payloads.extend([None] * (slot + GROWTH - len(self.payloads)))

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        kept, start = self.payloads, start_of_run(slots)
        if start >= 0:
            end = start + len(slots)
            if end > len(kept):
                self.grow(end - 1)
            kept[start:end] = payloads
            return
        numbers = slots.tolist()
        if numbers and (top := max(numbers)) >= len(kept):
            self.grow(top)
        for slot, payload in zip(numbers, payloads, strict=True):
            kept[slot] = payload

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        kept, start = self.payloads, start_of_run(slots)
        if 0 <= start <= len(kept) - len(slots):
            found = kept[start : start + len(slots)]
        else:
            numbers = slots.tolist()
            try:
                found = list(map(kept.__getitem__, numbers))
            except IndexError:  # a store never came that far: what is not there is as wrong as other bytes
                return [self.load_one(slot, 0) for slot in numbers]
        return found if all(found) else [payload or b"" for payload in found]  # type: ignore[return-value]

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        kept, start = self.payloads, start_of_run(slots)
        if 0 <= start <= len(kept) - len(slots):
            kept[start : start + len(slots)] = [None] * len(slots)
            return
        numbers = slots.tolist()
        if numbers and max(numbers) >= len(kept):
            numbers = [slot for slot in numbers if slot < len(kept)]
        for slot in numbers:
            kept[slot] = None

    def store_one(self, slot: int, payload: Buffer) -> None:
        """As `store`, for one slot."""
        if slot >= len(self.payloads):
            self.grow(slot)
        self.payloads[slot] = payload

    def load_one(self, slot: int, length: int) -> Buffer:
        """As `load`, for one slot."""
        try:
            return self.payloads[slot] or b""
        except IndexError:
            return b""

    def free_one(self, slot: int) -> None:
        """As `free`, for one slot."""
        if slot < len(self.payloads):
            self.payloads[slot] = None

    def close(self) -> None:
        self.payloads = []
