"""Many pages in one compiled call: the C functions of the libraries that Python binds too, called by their addresses.

A page costs what its codec and its checksum cost; the GIL is let go of once a batch instead of once a page. Nothing here
knows entries or tiers. What the addresses are is `swaptiers.codecs`' business; calling a wrong one ends the process.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.calls import call_digest, call_lz4_in, call_lz4_out, call_reset, call_zstd
from swaptiers.core.compile import kernel, part, unlocked_kernel
from swaptiers.core.state import carray, pointer, prefetch

LZ4, ZSTD = 0, 1
"""Whose functions: they differ in what they take."""
CHECKSUM_MASK = 0x7FFF_FFFF_FFFF_FFFF
MARGIN = 512
"""What a compressor may write beyond a page's length: both libraries' bounds for a page are below that."""
ALL_GOOD = -1
AHEAD = 2
"""Objects that are on their way from memory while one is looked at."""

CODEC = np.dtype(
    (
        np.record,
        [
            ("made_by", "i8"),
            ("level", "i8"),
            ("compress", "i8"),  # addresses of functions
            ("decompress", "i8"),
            ("reset", "i8"),
            ("digest", "i8"),
            ("compressor", "i8"),  # addresses of contexts; 0 = it needs none
            ("decompressor", "i8"),
            ("type_at", "i8"),  # where objects have their type, followed by a bytes object's length
            ("bytes_type", "i8"),
            ("bytes_at", "i8"),  # where a bytes object's bytes begin
        ],
    )
)


@part
def codec_of(address: int) -> Any:
    return carray(pointer(address), (1,), CODEC)[0]


@part
def _start_of(array: Any) -> int:
    return np.int64(array.ctypes.data)  # type: ignore[return-value]  # numba adds unsigned and signed to a float


@part
def _bytes_at(address: int, size: int) -> Any:
    return carray(pointer(address), (size,), np.uint8)


@part
def _copy(data: int, to: int, size: int) -> None:
    source, target = _bytes_at(data, size), _bytes_at(to, size)
    for i in range(size):
        target[i] = source[i]


@part
def _equals(one: int, other: int, size: int) -> bool:
    """True if the bytes at both addresses are the same. `size` is a multiple of 8."""
    left, right = carray(pointer(one), (size // 8,), np.int64), carray(pointer(other), (size // 8,), np.int64)
    differ = 0
    for i in range(size // 8):
        differ |= left[i] ^ right[i]
    return bool(differ == 0)


@part
def is_zero(words: Any) -> bool:
    """Most pages that are not differ at once."""
    n = len(words)
    if words[0] != 0 or words[n - 1] != 0 or words[n // 2] != 0:
        return False
    for k in range(n):
        if words[k] != 0:
            return False
    return True


@part
def _compress(codec: Any, page: int, to: int, size: int) -> int:
    """Bytes written at `to`; zero or less: an error."""
    if codec.made_by == LZ4:
        call_reset(codec.reset, codec.compressor)
        return int(call_lz4_out(codec.compress, codec.compressor, page, to, size, size + MARGIN, codec.level))
    return int(call_zstd(codec.compress, codec.compressor, to, size + MARGIN, page, size))


@part
def _decompress(codec: Any, payload: int, length: int, to: int, size: int) -> int:
    """Bytes written at `to`, `size` at most; negative: an error."""
    if codec.made_by == LZ4:
        return int(call_lz4_in(codec.decompress, payload, to, length, size))
    return int(call_zstd(codec.decompress, codec.decompressor, to, size, payload, length))


@part
def _encode(codec: Any, page: int, to: int, size: int) -> int:
    """The payload's length: a page that does not get smaller stands there as it is."""
    length = _compress(codec, page, to, size)
    if 0 < length < size:
        return int(length)
    _copy(page, to, size)
    return size


@part
def _decode(codec: Any, payload: int, length: int, to: int, size: int) -> bool:
    """False if it is no payload of a page."""
    if length == size:
        _copy(payload, to, size)
        return True
    return bool(_decompress(codec, payload, length, to, size) == size)


@part
def _fetch_start(thing: int) -> None:
    """An object, and what it begins with, will be wanted soon; the rest of it the processor finds by itself."""
    for line in range(0, 320, 64):
        prefetch(thing + line)


@part
def length_of(codec: Any, thing: int) -> int:
    """The length of a bytes object; -1 for any other object."""
    words = carray(pointer(thing + codec.type_at), (2,), np.int64)
    return int(words[1]) if words[0] == codec.bytes_type else -1


@part
def _sound_length(codec: Any, thing: int, total: int) -> int:
    """The length of a bytes object whose checksum is `total`; -1 for any other object."""
    length = length_of(codec, thing)
    if length >= 0 and call_digest(codec.digest, thing + codec.bytes_at, length) & CHECKSUM_MASK != total:
        return -1
    return int(length)


@part
def _encode_next(codec: Any, page: int, size: int, to: int, i: int, lengths: Any, sums: Any, zero: Any) -> int:
    """The i-th page: encoded at `to` unless it is zero-filled. Its length, which is 0 then."""
    zero[i] = is_zero(carray(pointer(page), (size // 8,), np.int64))
    if zero[i]:
        sums[i] = lengths[i] = 0
        return 0
    length = _encode(codec, page, to, size)
    sums[i] = call_digest(codec.digest, to, length) & CHECKSUM_MASK
    lengths[i] = length
    return int(length)


@kernel
def copy_items(things: int, items_at: int, out: Any) -> int:
    """The addresses of a list's items, given the list's own; `items_at`: where lists have them, after their length. How many
    are copied: fewer than `out` has room for if the list is shorter. The GIL is held: nobody changes the list meanwhile."""
    words = carray(pointer(things + items_at), (2,), np.int64)
    n = min(words[0], len(out))
    items = carray(pointer(words[1]), (n,), np.int64)
    for i in range(n):
        out[i] = items[i]
    return int(n)


@unlocked_kernel
def count_equal(rows: Any, others_at: Any) -> int:
    """How many of the rows, pages side by side, have the same bytes as what is at these addresses."""
    size = rows.shape[1]
    equal = 0
    for i in range(len(rows)):
        equal += 1 if _equals(_start_of(rows) + i * size, others_at[i], size) else 0
    return equal


@unlocked_kernel
def encode_rows(codec_at: int, pages: Any, scratch: int, lengths: Any, sums: Any, zero: Any) -> None:
    """Encode the rows of `pages` (as int64) to the address `scratch`, side by side; their lengths, checksums, and which are
    `zero`-filled, which are left out."""
    codec, size = codec_of(codec_at), pages.shape[1] * 8
    to = scratch
    for i in range(len(pages)):
        to += _encode_next(codec, _start_of(pages) + i * size, size, to, i, lengths, sums, zero)


@unlocked_kernel
def encode_objects(codec_at: int, objects: Any, size: int, scratch: int, lengths: Any, sums: Any, zero: Any) -> int:
    """The same for bytes objects at these addresses, each a page. ALL_GOOD, or which is none."""
    codec = codec_of(codec_at)
    to = scratch
    for i in range(len(objects)):
        if length_of(codec, objects[i]) != size:
            return i
        to += _encode_next(codec, objects[i] + codec.bytes_at, size, to, i, lengths, sums, zero)
    return ALL_GOOD


@unlocked_kernel
def decode_objects(codec_at: int, objects: Any, sums: Any, places: Any, out: Any, out_sums: Any) -> int:
    """Decode bytes objects at these addresses into out[places]. ALL_GOOD, or the first that is not what its checksum says
    or is no payload; then any of these rows may be overwritten. `sums` empty: nobody knows them. `out_sums`: the pages' own
    checksums, unless empty."""
    codec, size = codec_of(codec_at), out.shape[1]
    for i in range(len(objects)):
        length = _sound_length(codec, objects[i], sums[i]) if len(sums) > 0 else length_of(codec, objects[i])
        to = _start_of(out) + places[i] * size
        if length < 0 or not _decode(codec, objects[i] + codec.bytes_at, length, to, size):
            return i
        if len(out_sums) > 0:
            out_sums[i] = call_digest(codec.digest, to, size) & CHECKSUM_MASK
    return ALL_GOOD


@unlocked_kernel
def check_objects(codec_at: int, objects: Any, sums: Any) -> int:
    """ALL_GOOD, or the first of the bytes objects at these addresses that is not what its checksum says, or none."""
    codec = codec_of(codec_at)
    for i in range(len(objects)):
        if i + AHEAD < len(objects):
            _fetch_start(objects[i + AHEAD])
        if _sound_length(codec, objects[i], sums[i]) < 0:
            return i
    return ALL_GOOD


@unlocked_kernel
def count_decoded(codec_at: int, objects: Any, wanted: Any, size: int, scratch: int) -> int:
    """How many of the bytes objects at these addresses are payloads of the pages that are `wanted`, bytes objects too.
    Negative if something is no bytes object."""
    codec = codec_of(codec_at)
    good = 0
    for i in range(len(objects)):
        length = length_of(codec, objects[i])
        if length < 0 or length_of(codec, wanted[i]) != size:
            return ALL_GOOD
        if _decode(codec, objects[i] + codec.bytes_at, length, scratch, size):
            good += 1 if _equals(scratch, wanted[i] + codec.bytes_at, size) else 0
    return good
