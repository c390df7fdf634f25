"""A trace's bytes, some at a time: plain or zstd-compressed, never the whole file in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from swaptiers.errors import ConfigError

PIECE_BYTES = 1 << 18
COMPRESSED_PIECE_BYTES = 1 << 9
"""So little, because half a kilobyte of zstd can hold 16 MiB of equal references."""
MAX_LINE = 1 << 16
"""Bytes of a line of text, which is kept whole."""


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, decompressed if its name ends in .zst. ConfigError if it can't be read to its end."""
    if path.is_dir():
        raise ConfigError(f"the trace {path} is a directory; name the file in it")
    if not path.exists():
        raise ConfigError(
            f"there is no trace {path}; correct `path`, which is relative to the folder of the config file"
        )
    if not path.is_file():
        raise ConfigError(f"the trace {path} is not a regular file; copy it into one")
    try:
        with path.open("rb") as file:
            yield from _inflate(file, path) if path.suffix == ".zst" else _plain(file)
    except OSError as error:
        raise ConfigError(f"the trace {path} can't be read ({error.strerror}); make it readable") from error


def lines(path: Path) -> Iterator[list[bytes]]:
    """The lines of a text, some at a time, without their ends."""
    rest = b""
    for piece in pieces(path):
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE:
            raise ConfigError(f"the trace {path} has a line of more than {MAX_LINE} bytes: is it text at all?")
        if whole:
            yield whole
    if rest:
        yield [rest]


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _inflate(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """By `decompressobj`, since zstandard's stream reader takes a truncated frame for a complete one."""
    frame = None
    try:
        while piece := file.read(COMPRESSED_PIECE_BYTES):
            while piece:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                data = frame.decompress(piece)
                for start in range(0, len(data), PIECE_BYTES):
                    yield data[start : start + PIECE_BYTES]
                piece = b""
                if frame.eof:
                    piece, frame = frame.unused_data, None
    except zstandard.ZstdError as error:
        raise ConfigError(f"the trace {path} is not zstd data, or damaged ({error}); compress it again") from error
    if frame is not None:
        raise ConfigError(f"the trace {path} is truncated: its last zstd frame is incomplete; copy it again")
