"""Payloads of tiers that compress: what a page becomes there, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from swaptiers.codecs import Buffer, Codec, DecodeError
from swaptiers.tiers.base import Tier
from swaptiers.tiers.bulk import make_bulk


class MadeBy(bytes):
    """A payload that says which codec made it, as an entry of the kernel's zswap knows its pool."""

    __slots__ = ()
    codec: ClassVar[Codec]


def made_by(codec: Codec) -> type[MadeBy]:
    """The class of what `codec` makes."""
    return type(f"MadeBy_{codec.compressor}", (MadeBy,), {"__slots__": (), "codec": codec})


def decompress_any(first: Callable[[Buffer], bytes]) -> Callable[[Buffer], bytes]:
    """Decompress payloads with the codecs that made them; `first` is for those that do not say."""

    def decompress(payload: Buffer) -> bytes:
        if not isinstance(payload, MadeBy):
            return first(payload)
        try:
            return payload.codec.decompress(payload)
        except payload.codec.errors as error:
            raise DecodeError(str(error)) from error

    return decompress


def encoders(tiers: Sequence[Tier], columns: Sequence[int]) -> dict[int, Tier]:
    """Per column of lengths the tier that compresses for all tiers of the column: where one of them is a log, a log, whose
    compressor never changes."""
    found: dict[int, Tier] = {}
    for by_reference in (False, True):
        for tier, column in zip(tiers, columns, strict=True):
            if tier.compressed and tier.by_reference == by_reference:
                found.setdefault(column, tier)
    return found


class Compressing:
    """Compresses page by page. A page that does not get smaller is kept raw."""

    compressed = True

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self._compress, self._decompress, self._page_size = codec.compress, codec.decompress, codec.page_size
        self._errors = codec.errors
        self.bulk = make_bulk(codec)
        """The codec for many pages at a time, which does what `encode` and `decode` do; None where there is none."""

    def encode(self, page: Buffer) -> Buffer:
        """The payload for a page: compressed, or the page itself where that is no smaller (zswap_compress())."""
        payload = self._compress(page)
        return payload if len(payload) < self._page_size else bytes(page)

    def decode(self, payload: Buffer) -> Buffer:
        """The page of a payload. Raises `codecs.DecodeError` if it is not what the compressor wrote."""
        if len(payload) == self._page_size:
            return payload
        try:
            page = self._decompress(payload)
        except self._errors as error:
            raise DecodeError(str(error)) from error
        if len(page) != self._page_size:
            raise DecodeError(f"{len(page)} bytes came out, not {self._page_size}")
        return page
