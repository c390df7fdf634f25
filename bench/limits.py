"""The limits of the codec rows: each library's own calls in a bare loop, which keeps what they return."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import lz4.block
import zstandard

from bench.corpus import PAGE

Buffers = Sequence[bytes | memoryview]
Loop = Callable[[Buffers], list[bytes]]


def lz4_out(pages: Buffers) -> list[bytes]:
    """Compress every page."""
    compress = lz4.block.compress
    return [compress(page, store_size=False) for page in pages]


def lz4_in(payloads: Buffers) -> list[bytes]:
    """Decompress every payload."""
    decompress = lz4.block.decompress
    return [decompress(payload, uncompressed_size=PAGE) for payload in payloads]


def zstd_out(pages: Buffers) -> list[bytes]:
    """Compress every page; the results are copied, or they would keep far more memory than their length."""
    compress = zstandard.ZstdCompressor(level=1, write_content_size=False, write_checksum=False).compress
    return [bytes(memoryview(compress(page))) for page in pages]


def zstd_in(payloads: Buffers) -> list[bytes]:
    """Decompress every payload."""
    decompress = zstandard.ZstdDecompressor().decompress
    return [decompress(payload, max_output_size=PAGE) for payload in payloads]


LOOPS: dict[str, tuple[Loop, Loop]] = {"lz4": (lz4_out, lz4_in), "zstd": (zstd_out, zstd_in)}
"""Per compressor: out, in."""


MAX_VECTOR = 64
"""Pages in one system call."""


def pwritev_all(fd: int, pages: Buffers, offset: int) -> int:
    """Write pages side by side; the bytes written."""
    written = 0
    for first in range(0, len(pages), MAX_VECTOR):
        written += os.pwritev(fd, pages[first : first + MAX_VECTOR], offset + written)
    return written


def pread_one(fd: int, offset: int) -> bytes:
    """Read one page."""
    return os.pread(fd, PAGE, offset)
