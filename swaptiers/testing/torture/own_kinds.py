"""A tier and a policy of somebody else's, as an installed package would add them."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.demotion.custom import Candidates
from swaptiers.tiers.base import Tier
from swaptiers.tiers.custom import CustomTierSpec

Slots = npt.NDArray[np.int64]


class DictTier:
    """Pages in a dict by slot, copied on their way in."""

    compressed = False
    by_reference = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._pages: dict[int, bytes] = {}

    def encode(self, page: Buffer) -> Buffer:
        return page

    def decode(self, payload: Buffer) -> Buffer:
        return payload

    def store(self, slots: Slots, payloads: list[Buffer]) -> None:
        with self._lock:
            self._pages.update(zip(slots.tolist(), map(bytes, payloads), strict=True))

    def load(self, slots: Slots, lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        with self._lock:
            try:
                return [self._pages[slot] for slot in slots.tolist()]
            except KeyError as error:
                raise OSError(errno.EIO, f"nothing is in slot {error}") from None

    def free(self, slots: Slots) -> None:
        with self._lock:
            for slot in slots.tolist():
                self._pages.pop(slot, None)

    def close(self) -> None:
        with self._lock:
            self._pages.clear()


@attrs.frozen(kw_only=True)
class DictSpec(CustomTierSpec):
    """The terms of a DictTier."""

    kind: Literal["dict"] = "dict"

    def open(self, slots: int, page_size: int, folder: Path) -> Tier:
        return DictTier(self.name)


class Whims:
    """Takes every third candidate, the youngest first; and every so manieth time it fails."""

    max_candidates = 50

    def __init__(self, fails_every: int = 0) -> None:
        self.fails_every = fails_every
        self.asked = 0

    def suggest(self, candidates: Candidates) -> Any:
        self.asked += 1
        if self.fails_every and self.asked % self.fails_every == 0:
            raise ValueError("not in the mood")
        return np.arange(len(candidates))[::-3]


WHIMS = f"{__name__}:Whims"
