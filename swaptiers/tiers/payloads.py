"""Payloads of tiers that compress: what a page becomes there, and back."""

from __future__ import annotations

from swaptiers.codecs import Buffer, Codec


class Compressing:
    """Compresses page by page. A page that does not get smaller is kept raw."""

    compressed = True

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self.codec = codec

    def encode(self, page: Buffer) -> Buffer:
        """The payload for a page: compressed, or the page itself where that is no smaller (zswap_compress())."""
        payload = self.codec.compress(page)
        return payload if len(payload) < self.codec.page_size else bytes(page)

    def decode(self, payload: Buffer) -> Buffer:
        """The page of a payload. Raises `codecs.DecodeError` if it is not what the compressor wrote."""
        return payload if len(payload) == self.codec.page_size else self.codec.decompress(payload)
