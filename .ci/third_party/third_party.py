"""What somebody else's package adds to swaptiers: a kind of tier, a policy and a compressor, by public names alone."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

import swaptiers as st
from swaptiers.codecs import Buffer, Codec
from swaptiers.demotion.custom import Candidates


class DictionaryTier:
    """Pages in a dict."""

    compressed = by_reference = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._pages: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def encode(self, page: Buffer) -> Buffer:
        return page

    def decode(self, payload: Buffer) -> Buffer:
        return payload

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        kept = {slot: bytes(payload) for slot, payload in zip(slots.tolist(), payloads, strict=True)}
        with self._lock:
            self._pages |= kept

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        with self._lock:
            found = [self._pages.get(slot) for slot in slots.tolist()]
        pages: list[Buffer] = [page for page in found if page is not None]
        if len(pages) < len(found):
            raise OSError(5, "a page is missing")
        return pages

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        with self._lock:
            for slot in slots.tolist():
                self._pages.pop(slot, None)

    def close(self) -> None:
        self._pages = {}


@attrs.frozen(kw_only=True)
class DictionarySpec(st.CustomTierSpec):
    """`colour` is there to see that keys of one's own are checked."""

    kind: Literal["dictionary"] = "dictionary"
    colour: Literal["red", "blue"] = "red"

    def open(self, slots: int, page_size: int, folder: Path) -> DictionaryTier:
        return DictionaryTier(self.name)


class Smallest:
    """What takes least goes first."""

    def suggest(self, candidates: Candidates) -> Sequence[int] | npt.NDArray[np.int64]:
        return np.argsort(candidates.stored_bytes, kind="stable")


def zlib_codec(level: int | None, page_size: int) -> Codec:
    """Zlib at `level`, 1 by default."""
    wanted = 1 if level is None else level
    if not 0 <= wanted <= 9:
        raise ValueError(f"zlib's level is 0 to 9, not {wanted}")
    return Codec("zlib", wanted, page_size, lambda page: zlib.compress(page, wanted), zlib.decompress, (zlib.error,))
