"""Many pages at a time through a compressor of ours: one compiled call a batch, where its C functions can be called.

What comes out is what the bindings give, byte for byte. Whatever is not as it should be (a payload that is no bytes
object, or wrong) makes a call say no: the caller then goes page by page, which finds out what it is.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from swaptiers import libraries
from swaptiers.codecs import Buffer, Codec, checksum, make_codec
from swaptiers.core import bulk, files
from swaptiers.core.compile import interpreted
from swaptiers.tiers.runs import MAX_VECTOR

MAX_PAGES = 256
"""In one call."""
BYTES_AT = bytes.__basicsize__ - 1
"""Where a bytes object's bytes begin."""
HAS_LISTS = not interpreted()
LENGTH_AT = object.__basicsize__
"""Where a list has its length, followed by where its items are."""
Int64s = npt.NDArray[np.int64]
NO_SUMS: Int64s = np.empty(0, np.int64)


class Encoded(NamedTuple):
    """What a batch of pages became: `payloads`, with their `lengths` and `checksums`. A page that is `zero`-filled has an
    empty payload."""

    payloads: list[Buffer]
    lengths: Int64s
    checksums: Int64s
    zero: npt.NDArray[np.bool_]


class Bulk:
    """One codec for many pages. Safe from several threads: each has its own contexts and memory."""

    def __init__(self, codec: Codec) -> None:
        self._own = _OwnOfThread(codec)

    def encode_rows(self, pages: npt.NDArray[np.uint8]) -> Encoded:
        """Encode the rows of (n, page_size) uint8, contiguous, n at most MAX_PAGES."""
        own, n = self._own, len(pages)
        lengths, sums, zero = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.bool_)
        memory = own.take()
        bulk.encode_rows(own.at, pages.view(np.int64), _bytes_of(memory), lengths, sums, zero)
        payloads = _cut(memory, lengths)
        own.give_back(memory)
        return Encoded(payloads, lengths, sums, zero)

    def encode_objects(self, pages: Sequence[Buffer]) -> Encoded | None:
        """Encode bytes objects of a page each, at most MAX_PAGES; None if some are not."""
        return self.encode_at(addresses(pages))

    def encode_at(self, pages_at: Int64s) -> Encoded | None:
        """The same for objects at these addresses, which the caller keeps alive."""
        own, n = self._own, len(pages_at)
        lengths, sums, zero = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.bool_)
        memory = own.take()
        bad = bulk.encode_objects(own.at, pages_at, own.page_size, _bytes_of(memory), lengths, sums, zero)
        payloads = _cut(memory, lengths) if bad < 0 else []
        own.give_back(memory)
        return Encoded(payloads, lengths, sums, zero) if bad < 0 else None

    def decode_into(
        self,
        payloads: Sequence[Buffer],
        sums: Int64s,
        places: Int64s,
        out: npt.NDArray[np.uint8],
        out_sums: Int64s = NO_SUMS,
    ) -> bool:
        """Decode payloads with these checksums (NO_SUMS: whatever they have) into out[places]; False if anything is wrong,
        after which those rows of `out` hold anything. `out_sums`, if given, becomes the checksums of the pages."""
        side_by_side = np.ascontiguousarray(sums)  # or the kernel would be compiled once more, for a table's column
        return bool(bulk.decode_objects(self._own.at, addresses(payloads), side_by_side, places, out, out_sums) < 0)

    def are_good(self, payloads: Sequence[Buffer], sums: Int64s) -> bool:
        """True if these are bytes objects with these checksums."""
        return bool(bulk.check_objects(self._own.at, addresses(payloads), np.ascontiguousarray(sums)) < 0)

    def write(self, fd: int, payloads: Sequence[Buffer], places: Int64s) -> int:
        """Write payloads to these places in a file, those that follow each other in one call. How many are written: fewer
        than there are where the system takes less than it is given, where it can't be called, or one is no bytes object."""
        pwritev = libraries.find_pwritev()
        if pwritev is None:
            return 0
        vectors = np.empty((min(len(payloads), MAX_VECTOR), 2), np.int64)
        return int(files.write_objects(pwritev, fd, addresses(payloads), self._own.at, places, vectors))

    def count_decoded(self, payloads: Sequence[Buffer], pages_at: Int64s) -> int | None:
        """How many payloads are those of the pages at these addresses; None if some are no bytes objects."""
        own = self._own
        memory = own.take()
        good = bulk.count_decoded(own.at, addresses(payloads), pages_at, own.page_size, _bytes_of(memory))
        own.give_back(memory)
        return good if good >= 0 else None


def addresses(objects: Sequence[object]) -> Int64s:
    """Where the objects are, which the caller keeps alive."""
    if type(objects) is list and HAS_LISTS:
        found = np.empty(len(objects), np.int64)
        if bulk.copy_items(id(objects), LENGTH_AT, found) == len(found):
            return found
    return np.fromiter(map(id, objects), np.int64, len(objects))


class _OwnOfThread(threading.local):
    """What a thread needs: zstd's contexts must never be used by two at a time."""

    def __init__(self, codec: Codec) -> None:
        self.page_size = codec.page_size
        self.codec = np.zeros(1, bulk.CODEC)
        self._memory: bytes | None = None
        self.at = int(self.codec.ctypes.data)
        record: Any = self.codec[0]
        record["digest"] = libraries.find_xxh3() or 0
        record["level"] = codec.level
        record["type_at"] = object.__basicsize__ - 8
        record["bytes_type"] = id(bytes)
        record["bytes_at"] = BYTES_AT
        if codec.compressor == "lz4" and (lz4 := libraries.find_lz4()):
            record["made_by"] = bulk.LZ4
            record["reset"], record["compress"], record["decompress"] = lz4.reset, lz4.compress, lz4.decompress
            self._stream = np.zeros(lz4.stream_bytes // 8 + 1, np.int64)
            record["compressor"] = self._stream.ctypes.data
        elif codec.compressor == "zstd" and (zstd := libraries.find_zstd()):
            record["made_by"] = bulk.ZSTD
            record["compress"], record["decompress"] = zstd.compress, zstd.decompress
            own = zstd.new_compressor(codec.level), zstd.new_decompressor()
            record["compressor"], record["decompressor"] = own
            weakref.finalize(self.codec, zstd.free, *own).atexit = False  # some thread may still be at work then

    def take(self) -> bytes:
        """Memory that is the caller's alone, whatever else the thread does meanwhile (a signal's handler, a finalizer).

        A bytes object, which compiled code fills: a slice of it is a payload's bytes object in one step.
        """
        memory, self._memory = self._memory, None
        return memory or bytes(MAX_PAGES * self.page_size + bulk.MARGIN)

    def give_back(self, memory: bytes) -> None:
        """Nobody looks at it any more."""
        self._memory = memory


def _bytes_of(memory: bytes) -> int:
    return id(memory) + BYTES_AT


def _cut(memory: bytes, lengths: Int64s) -> list[Buffer]:
    """The payloads that stand side by side in it."""
    ends = list(itertools.accumulate(lengths.tolist()))
    return [memory[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def make_bulk(codec: Codec) -> Bulk | None:
    """For a codec of ours; None if its functions can't be called here, or do not do what the bindings do."""
    return Bulk(codec) if _works(codec.compressor) and codec.is_ours else None


@cache
def _works(compressor: str) -> bool:
    """Tried once: pages go out and come back as with the bindings, which may be built of other functions one day."""
    find = {"lz4": libraries.find_lz4, "zstd": libraries.find_zstd}.get(compressor)
    if interpreted() or find is None or find() is None or libraries.find_xxh3() is None:
        return False
    codec = make_codec(compressor, None, 4096)
    draw = np.random.Generator(np.random.PCG64(1)).integers
    pages = [draw(0, values, 4096, np.uint8).tobytes() for values in (2, 3, 4, 5, 6)]  # all of them shrink
    tried, back = Bulk(codec), np.empty((len(pages), 4096), np.uint8)
    made, wanted = tried.encode_objects(pages), [codec.compress(page) for page in pages]
    return (
        made is not None
        and made.payloads == wanted
        and made.checksums.tolist() == [checksum(payload) for payload in wanted]
        and tried.decode_into(made.payloads, made.checksums, np.arange(len(pages)), back)
        and back.tobytes() == b"".join(pages)
    )
