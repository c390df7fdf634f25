"""The references of a recorded program, read from a file piece by piece: a trace may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs
import numpy as np
import numpy.typing as npt
import zstandard

from swaptiers.errors import ConfigError
from swaptiers.workloads.source import PAGE_BITS, Int64s
from swaptiers.workloads.specs import MAX_PAGES, TracePattern

Words = npt.NDArray[np.uint32]
"""References as format `u32` has them: low 31 bits the page number, bit 31 set for a write."""

PIECE_BYTES = 1 << 18
COMPRESSED_PIECE_BYTES = 1 << 9
"""So little, because half a kilobyte of zstd can hold 16 MiB of equal references."""
WORD_BYTES = 4
PAGE_OF_WORD = np.uint32((1 << 31) - 1)


def read_u32(path: Path) -> Iterator[Words]:
    """The words of a `u32` trace, some at a time. ConfigError if the file is not such a trace to its last byte."""
    rest = b""
    for read in _pieces(path):
        piece = rest + read
        whole = len(piece) - len(piece) % WORD_BYTES
        rest = piece[whole:]
        if whole:
            yield np.frombuffer(piece, "<u4", whole // WORD_BYTES)
    if rest:
        raise ConfigError(
            f"the trace {path} is truncated: its length is not a multiple of {WORD_BYTES} bytes; copy it again"
        )


FORMATS: dict[str, Callable[[Path], Iterator[Words]]] = {"u32": read_u32}


@attrs.frozen
class Survey:
    """What one pass over a trace finds: how many references it has, and the largest page number."""

    refs: int
    top_page: int

    @classmethod
    def make(cls, path: Path, form: str) -> Survey:
        """Read the whole trace once. ConfigError if there is no such trace, or nothing in it."""
        refs, top_page = 0, -1
        for words in FORMATS[form](path):
            refs += words.size
            top_page = max(top_page, int((words & PAGE_OF_WORD).max()))
        if not refs:
            raise ConfigError(f"the trace {path} is empty; give one with at least one reference")
        return cls(refs, top_page)


@attrs.frozen(eq=False)
class TraceSource:
    """A trace that was read once and found good."""

    path: Path
    form: str
    pages: int
    survey: Survey
    passes: int

    @property
    def total(self) -> int:
        return self.survey.refs * self.passes

    @classmethod
    def make(cls, spec: TracePattern, folder: Path, surveys: dict[Path, Survey]) -> TraceSource:
        """The trace of `spec`, its path relative to `folder`; `surveys` keeps what is known of each file."""
        path = folder / spec.path
        if path not in surveys:
            surveys[path] = Survey.make(path, spec.format)
        survey = surveys[path]
        pages = survey.top_page + 1 if spec.pages is None else spec.pages
        if pages > MAX_PAGES:
            owner = "its largest page number" if spec.pages is None else "`pages`"
            raise ConfigError(
                f"the trace {path} has too many pages: {owner} is above {MAX_PAGES}; give one with dense page numbers"
            )
        if survey.top_page >= pages:
            raise ConfigError(
                f"the trace {path} refers to page {survey.top_page}, but `pages` is {pages}: "
                f"make it {survey.top_page + 1} or leave it out"
            )
        return cls(path, spec.format, pages, survey, spec.passes)

    def start(self) -> TraceCursor:
        """At the first reference; the file is opened when the first is taken."""
        return TraceCursor(self)


class TraceCursor:
    """A place in a trace."""

    def __init__(self, source: TraceSource) -> None:
        self._source = source
        self._words = self._pass()
        self._rest: Words = np.empty(0, np.uint32)

    def take(self, count: int) -> Int64s:
        """The next `count` references. ConfigError if the file is no longer what it was when it was surveyed."""
        out = np.empty(count, np.int64)
        filled = 0
        while filled < count:
            if not self._rest.size:
                self._rest = self._next()
            words = self._rest[: count - filled]
            self._rest = self._rest[words.size :]
            out[filled : filled + words.size] = words & PAGE_OF_WORD
            out[filled : filled + words.size] |= (words >> np.uint32(31)).astype(np.int64) << PAGE_BITS
            filled += words.size
        return out

    def _next(self) -> Words:
        words = next(self._words, None)
        if words is None:
            self._words = self._pass()
            words = next(self._words)
        return words

    def _pass(self) -> Iterator[Words]:
        source = self._source
        left = source.survey.refs
        for words in FORMATS[source.form](source.path):
            left -= words.size
            if left < 0 or (words & PAGE_OF_WORD).max() > source.survey.top_page:
                raise self._changed()
            yield words
        if left:
            raise self._changed()

    def _changed(self) -> ConfigError:
        return ConfigError(f"the trace {self._source.path} changed during the run; start again once it is complete")


def _pieces(path: Path) -> Iterator[bytes]:
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
                yield frame.decompress(piece)
                piece = b""
                if frame.eof:
                    piece, frame = frame.unused_data, None
    except zstandard.ZstdError as error:
        raise ConfigError(f"the trace {path} is not zstd data, or damaged ({error}); compress it again") from error
    if frame is not None:
        raise ConfigError(f"the trace {path} is truncated: its last zstd frame is incomplete; copy it again")
