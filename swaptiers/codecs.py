"""Compressors for zswap tiers: one page in, bytes out, and back.

Both libraries are the standard bindings. zstandard's results hold far more memory than their length, so they are copied
before anybody keeps them (64 MiB of payload held about 200 MiB without the copy).
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs
import lz4.block
import numpy as np
import numpy.typing as npt
import xxhash
import zstandard

from swaptiers import plugins

Buffer: TypeAlias = bytes | bytearray | memoryview
Checksum: TypeAlias = Callable[[Buffer], int]

COMPRESSORS = ("lz4", "zstd")
CHECKSUM_MASK = 0x7FFF_FFFF_FFFF_FFFF
digest = xxhash.xxh3_64_intdigest
"""What a checksum is before its top bit is masked."""


@attrs.frozen
class Codec:
    """A compressor at a level, for pages of one size.

    `compress(page)` gives bytes of any length: the tier decides whether they are small enough. `decompress(payload)`
    gives `page_size` bytes, or raises `DecodeError` or one of `errors`. `is_ours`: made here, of the library of that name.
    """

    compressor: str
    level: int
    page_size: int
    compress: Callable[[Buffer], bytes] = attrs.field(repr=False, eq=False)
    decompress: Callable[[Buffer], bytes] = attrs.field(repr=False, eq=False)
    errors: tuple[type[Exception], ...] = attrs.field(default=(), repr=False, eq=False)
    is_ours: bool = attrs.field(default=False, repr=False, eq=False)


class DecodeError(ValueError):
    """A payload that is not what the compressor wrote."""


class UnknownCompressorError(ValueError):
    """A compressor that neither we nor an installed package has, or that can't be used."""


def checksum(payload: Buffer) -> int:
    """xxh3 over the stored payload, masked to 63 bits so that it fits the core's signed fields."""
    return digest(payload) & CHECKSUM_MASK


def checksums(payloads: Iterable[Buffer], n: int) -> npt.NDArray[np.int64]:
    """The checksum of each of the `n` payloads."""
    return np.fromiter(map(digest, payloads), np.uint64, n).view(np.int64) & CHECKSUM_MASK


def default_level(compressor: str) -> int:
    """lz4: acceleration 1, as the kernel's; zstd: level 1 (level 3 costs a tenth more for a percent of ratio)."""
    return 1


def make_codec(compressor: str, level: int | None, page_size: int) -> Codec:
    """A codec; UnknownCompressorError for one that there is not, ValueError for a level that it does not have.

    A compressor of an installed package is an entry point of the group `swaptiers.codecs`: a function of `level` (None =
    its default) and `page_size` that gives a Codec.
    """
    if compressor == "lz4":
        return _lz4(default_level(compressor) if level is None else level, page_size)
    if compressor == "zstd":
        return _zstd(default_level(compressor) if level is None else level, page_size)
    return _installed(compressor, level, page_size)


def _installed(compressor: str, level: int | None, page_size: int) -> Codec:
    points = plugins.installed(plugins.CODECS)
    if compressor not in points:
        known = [*COMPRESSORS, *sorted(points)]
        near = difflib.get_close_matches(compressor[:40], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise UnknownCompressorError(f"there is no compressor {compressor[:40]!r}; {hint}")
    try:
        codec = plugins.load(points[compressor])(level, page_size)
    except ValueError:
        raise
    except Exception as error:
        raise UnknownCompressorError(f"{compressor!r} can't be made: {type(error).__name__}: {error}") from error
    if not isinstance(codec, Codec):
        raise UnknownCompressorError(f"{compressor!r} can't be used: it gives {type(codec).__name__}, no Codec")
    return codec


def _lz4(level: int, page_size: int) -> Codec:
    if not 1 <= level <= 65537:
        raise ValueError(f"lz4's level is its acceleration, 1 to 65537, not {level}")
    mode, compress_block, decompress_block = (
        "default" if level == 1 else "fast",
        lz4.block.compress,
        lz4.block.decompress,
    )

    def compress(page: Buffer) -> bytes:
        made: bytes = compress_block(page, mode, False, level)  # a fifth of a microsecond faster than with names
        return made

    def decompress(payload: Buffer) -> bytes:
        page: bytes = decompress_block(payload, page_size)
        return page

    return Codec("lz4", level, page_size, compress, decompress, (lz4.block.LZ4BlockError,), True)


class _ZstdOfThread(threading.local):
    """A thread's own contexts: they let go of the GIL, and two threads in one of them crash the process."""

    def __init__(self, level: int) -> None:
        self.compressor = zstandard.ZstdCompressor(level=level, write_content_size=False, write_checksum=False)
        self.decompressor = zstandard.ZstdDecompressor()


def _zstd(level: int, page_size: int) -> Codec:
    if not -131072 <= level <= zstandard.MAX_COMPRESSION_LEVEL:
        raise ValueError(f"zstd's level is -131072 to {zstandard.MAX_COMPRESSION_LEVEL}, not {level}")
    own = _ZstdOfThread(level)

    def compress(page: Buffer) -> bytes:
        return bytes(memoryview(own.compressor.compress(page)))

    def decompress(payload: Buffer) -> bytes:
        return own.decompressor.decompress(payload, max_output_size=page_size)

    return Codec("zstd", level, page_size, compress, decompress, (zstandard.ZstdError,), True)
