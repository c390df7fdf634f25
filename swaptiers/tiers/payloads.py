"""Payloads of tiers that compress: what a page becomes there, and back."""

from __future__ import annotations

from swaptiers.codecs import Buffer, Codec, DecodeError


class Compressing:
    """Compresses page by page. A page that does not get smaller is kept raw."""

    compressed = True

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self.codec = codec
        self._compress, self._decompress, self._page_size = codec.compress, codec.decompress, codec.page_size
        self._errors = codec.errors

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
