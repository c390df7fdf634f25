"""C functions to be called by their addresses: pread() and pwritev(), and those inside the libraries that Python's
bindings of lz4, zstandard and xxhash are made of.

A binding's call costs 0.3 us of Python for a page, and hands the GIL over twice; the same function called by its address
from compiled code costs nothing of that. Where a binding was built without showing its functions, or with another version
than it says, there is none to call, and whoever asks uses the binding.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache

import attrs
import zstandard

Address = int


@attrs.frozen
class Lz4:
    """What the binding calls: LZ4_resetStream(), LZ4_compress_fast_continue() and LZ4_decompress_safe().

    LZ4_compress_fast() would give other payloads: it has a smaller table for inputs of a page.
    """

    reset: Address
    compress: Address
    decompress: Address
    stream_bytes: int
    """What a stream takes, in memory aligned to 8 bytes."""


@attrs.frozen
class Zstd:
    """ZSTD_compress2() and ZSTD_decompressDCtx(), and what makes and frees their contexts."""

    compress: Address
    decompress: Address
    functions: ctypes.CDLL = attrs.field(repr=False, eq=False)

    def new_compressor(self, level: int) -> Address:
        """A context with the parameters of the binding's: neither the content's size nor a checksum is written."""
        make = self.functions.ZSTD_createCCtx
        make.restype = ctypes.c_void_p
        context = make()
        if not context:
            raise MemoryError("zstd gives no compressor")
        for parameter, value in ((_LEVEL, level), (_CONTENT_SIZE, 0), (_CHECKSUM, 0)):
            self.functions.ZSTD_CCtx_setParameter(ctypes.c_void_p(context), parameter, value)
        return int(context)

    def new_decompressor(self) -> Address:
        make = self.functions.ZSTD_createDCtx
        make.restype = ctypes.c_void_p
        context = make()
        if not context:
            raise MemoryError("zstd gives no decompressor")
        return int(context)

    def free(self, compressor: Address, decompressor: Address) -> None:
        """Give contexts back that nobody uses any more."""
        self.functions.ZSTD_freeCCtx(ctypes.c_void_p(compressor))
        self.functions.ZSTD_freeDCtx(ctypes.c_void_p(decompressor))


_LEVEL, _CONTENT_SIZE, _CHECKSUM = 100, 200, 201
"""ZSTD_c_compressionLevel, ZSTD_c_contentSizeFlag, ZSTD_c_checksumFlag."""


@cache
def find_lz4() -> Lz4 | None:
    """What lz4 has; None if they can't be called."""
    library = _library("lz4.block._block")
    reset, compress = _function(library, "LZ4_resetStream"), _function(library, "LZ4_compress_fast_continue")
    decompress, size = _function(library, "LZ4_decompress_safe"), _function(library, "LZ4_sizeofStreamState")
    if library is None or not reset or not compress or not decompress or not size:
        return None
    return Lz4(reset, compress, decompress, library.LZ4_sizeofStreamState())


@cache
def find_zstd() -> Zstd | None:
    """What zstd has; None if they can't be called. They are in zstandard's second backend, which need not be there."""
    library = _library("zstandard._cffi")
    if library is None:
        return None
    compress, decompress = _function(library, "ZSTD_compress2"), _function(library, "ZSTD_decompressDCtx")
    makers = ("ZSTD_createCCtx", "ZSTD_createDCtx", "ZSTD_freeCCtx", "ZSTD_freeDCtx", "ZSTD_CCtx_setParameter")
    if not compress or not decompress or not all(_function(library, each) for each in makers):
        return None
    major, minor, release = zstandard.ZSTD_VERSION
    if (
        not hasattr(library, "ZSTD_versionNumber")
        or library.ZSTD_versionNumber() != major * 10000 + minor * 100 + release
    ):
        return None
    return Zstd(compress, decompress, library)


@cache
def find_xxh3() -> Address | None:
    """XXH3_64bits(), for this processor if the library has several; None if it can't be called."""
    library = _library("xxhash._xxhash")
    return _function(library, "XXH3_64bits_dispatch") or _function(library, "XXH3_64bits")


@cache
def find_pread() -> Address | None:
    """pread(), where its offsets are 64-bit integers; None if it can't be called."""
    return _system_function("pread")


@cache
def find_pwritev() -> Address | None:
    """pwritev(), under the same condition."""
    return _system_function("pwritev")


def _system_function(name: str) -> Address | None:
    if ctypes.sizeof(ctypes.c_long) < 8:
        return None
    try:
        return _function(ctypes.CDLL(None), name)
    except (OSError, TypeError):
        return None


def _library(module: str) -> ctypes.CDLL | None:
    """The library that a module is, loaded if it is not yet."""
    try:
        spec = importlib.util.find_spec(module)
        return ctypes.CDLL(spec.origin) if spec is not None and spec.origin else None
    except (ImportError, OSError):
        return None


def _function(library: ctypes.CDLL | None, name: str) -> Address | None:
    if library is None or not hasattr(library, name):
        return None
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
