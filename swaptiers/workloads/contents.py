"""What the workloads' pages contain: a corpus of real bytes per description, and which of its pages is which.

A corpus is made of blocks of 16 pages. A page of memory belongs to one block for good, and each of its versions is
another page of that block: windows a sixteenth of a page apart over the same bytes, as if the program had worked on.
Every page but the empty ones starts with its number in the corpus as eight digits, so that no two are equal and a
mix-up is noticed.
"""

from __future__ import annotations

import difflib
import functools
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from swaptiers.codecs import Codec
from swaptiers.core.compile import kernel
from swaptiers.errors import ConfigError
from swaptiers.units import shown, to_fraction
from swaptiers.workloads.kinds import KINDS, Rows
from swaptiers.workloads.source import Int64s, RawIntegers
from swaptiers.workloads.specs import Contents, WorkloadSpec

BLOCK = 16
"""Pages in a block: versions of one page."""
CORPUS_BYTES = 32 << 20
MAX_FILES = 10_000
MIN_BLOCKS = 64
PAGE_SIZES = tuple(1 << bits for bits in range(12, 17))
DIGITS = 8
KEPT_CORPORA = 4

Shares = tuple[tuple[str, float], ...]
"""Kinds and their shares, which add to 1; in the order of `KINDS`, each at most once."""

MIX_MASK = (1 << 31) - 1


@kernel
def content_index(page: int, version: int, salt: int, blocks: int) -> int:
    """Which page of a corpus with so many blocks is version `version` of `page`. 0 <= salt < 2^31, page < 2^32.

    Consecutive versions always differ. All products stay below 2^62, so that this is the same number interpreted.
    """
    x = (int(page) ^ ((int(salt) * 1_640_531_527) >> 16)) & MIX_MASK
    x = ((x ^ (x >> 16)) * 73_244_475) & MIX_MASK
    x = ((x ^ (x >> 15)) * 1_812_433_253) & MIX_MASK
    x ^= x >> 16
    first = ((x * 69_069) >> 11) % BLOCK
    return (x % blocks) * BLOCK + (first + int(version)) % BLOCK


def shares_of(contents: Contents) -> Shares:
    """The kinds in a description and their shares, which add to 1. ConfigError if it is not a description."""
    if isinstance(contents, str):
        return ((_known(contents), 1.0),)
    mix = contents.get("mix") if isinstance(contents, dict) and set(contents) == {"mix"} else None
    if not isinstance(mix, dict) or not mix:
        raise ConfigError(
            f"contents are one of {', '.join(KINDS)}, or {{mix: {{text: 50%, random: 50%}}}}, not {shown(contents)}"
        )
    found = {_known(kind): _share(kind, share) for kind, share in mix.items()}
    total = sum(found.values())
    if abs(total - 1) > 1e-9:
        raise ConfigError(f"the shares of a mix add to 100%, but {_listed(found)} make {total * 100:.6g}%")
    return tuple((kind, found[kind]) for kind in KINDS if found.get(kind))


@attrs.define(eq=False)
class Corpus:
    """Pages of one description.

    `pages`: (n, page_size) uint8, C-contiguous, n = blocks * 16; `zero`: (n,) bool, the pages with nothing in them.
    """

    pages: npt.NDArray[np.uint8]
    zero: npt.NDArray[np.bool_]
    _lengths: dict[Codec, npt.NDArray[np.int32]] = attrs.field(factory=dict, repr=False)

    @classmethod
    def make(cls, contents: Contents, seed: int, page_size: int, blocks: int | None = None) -> Corpus:
        """The corpus of a description. `blocks`: default 32 MiB's worth, at least 64.

        ConfigError for an unknown description, ValueError for a page size that is no power of two from 4K to 64K.
        """
        return cls.of(shares_of(contents), seed, page_size, blocks)

    @classmethod
    def of(cls, shares: Shares, seed: int, page_size: int, blocks: int | None = None) -> Corpus:
        """The corpus of a description that has been read."""
        if page_size not in PAGE_SIZES:
            raise ValueError(f"page_size is one of {PAGE_SIZES}, not {page_size}")
        blocks = blocks or max(MIN_BLOCKS, CORPUS_BYTES // (BLOCK * page_size))
        raw = RawIntegers(seed, zlib.crc32(repr(shares).encode()))
        length = row_length(page_size)
        rows = [KINDS[kind](raw, count, length) for (kind, _), count in zip(shares, whole(shares, blocks), strict=True)]
        return cls.cut(np.concatenate(rows), page_size)

    @classmethod
    def cut(cls, material: Rows, page_size: int) -> Corpus:
        """The corpus whose blocks are windows over the rows of `material`, each as long as `row_length`."""
        step, blocks = page_size // BLOCK, len(material)
        windows = sliding_window_view(material, page_size, axis=1)[:, ::step]
        pages = np.ascontiguousarray(windows).reshape(blocks * BLOCK, page_size)
        live = np.repeat(material.any(axis=1), BLOCK)
        numbers = np.arange(len(pages))[live, None] // 10 ** np.arange(DIGITS - 1, -1, -1)
        pages[live, :DIGITS] = numbers % 10 + ord("0")
        return cls(pages, ~live)

    @property
    def blocks(self) -> int:
        """How many blocks there are, for `content_index`."""
        return len(self.pages) // BLOCK

    def lengths(self, codec: Codec) -> npt.NDArray[np.int32]:
        """(n,) int32: the length of each page's payload, by compressing each once; kept for the next call."""
        if codec not in self._lengths:
            sizes = (len(codec.compress(page.data)) for page in self.pages)
            self._lengths[codec] = np.fromiter(sizes, np.int32, len(self.pages))
        return self._lengths[codec]


def corpora(
    specs: Sequence[WorkloadSpec], seed: int, page_size: int, folder: Path = Path()
) -> tuple[list[Corpus], Int64s]:
    """The corpora that the workloads need, one per description, and for each workload the index of its corpus.

    `folder`: what the paths of `files` are below.
    """
    places: dict[Shares | str, int] = {}
    made: list[Corpus] = []
    which = np.empty(len(specs), np.int64)
    for workload, spec in enumerate(specs):
        pattern = files_of(spec.contents)
        described: Shares | str = shares_of(spec.contents) if pattern is None else pattern
        if described not in places:
            places[described] = len(made)
            made.append(
                _corpus(described, seed, page_size)
                if not isinstance(described, str)
                else Corpus.cut(file_rows(described, folder, row_length(page_size)), page_size)
            )
        which[workload] = places[described]
    return made, which


def row_length(page_size: int) -> int:
    """Bytes of a block: a page, and a sixteenth of one more for each further version."""
    return page_size + (BLOCK - 1) * (page_size // BLOCK)


def files_of(contents: Contents) -> str | None:
    """The pattern in a description ``{"files": PATTERN}``; None for any other. ConfigError if it is no text."""
    if not isinstance(contents, dict) or set(contents) != {"files"}:
        return None
    if not isinstance(contents["files"], str) or not contents["files"]:
        raise ConfigError(f"files is a path or a pattern like data/*.bin, not {shown(contents['files'])}")
    return contents["files"]


def file_rows(pattern: str, folder: Path, length: int) -> Rows:
    """Rows of the bytes of the files that match, one after the other in order of their names, as many as are kept.

    A few bytes are repeated until there are enough rows. ConfigError if there is no such file, or nothing in them.
    """
    data = bytearray()
    path = folder
    try:
        for path in sorted(_matching(pattern, folder)):
            with path.open("rb") as file:
                data += file.read(2 * CORPUS_BYTES - len(data))
    except (OSError, ValueError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        raise ConfigError(f"contents: files {shown(pattern)} can't be read ({reason}); make them readable") from error
    if not data:
        raise ConfigError(
            f"contents: no file with anything in it matches {shown(pattern)}; paths are relative to the config"
        )
    rows = max(MIN_BLOCKS, len(data) // length)
    return np.resize(np.frombuffer(bytes(data), np.uint8), rows * length).reshape(rows, length)


def _matching(pattern: str, folder: Path) -> Iterator[Path]:
    """Regular files: an absolute pattern is looked for from the root on, any other below `folder`."""
    if Path(pattern).is_absolute():
        folder = Path(Path(pattern).anchor)
        pattern = str(Path(pattern).relative_to(folder))
    for number, path in enumerate(folder.glob(pattern)):
        if number == MAX_FILES:
            raise ValueError(f"more than {MAX_FILES} match")
        if path.is_file():
            yield path


@functools.lru_cache(maxsize=KEPT_CORPORA)
def _corpus(shares: Shares, seed: int, page_size: int) -> Corpus:
    """The variants of an experiment have the same contents: made and measured once per process."""
    return Corpus.of(shares, seed, page_size)


def whole(shares: Shares, blocks: int) -> list[int]:
    """How many blocks each kind gets: at least one, the rest as near to the shares as whole blocks can be."""
    wanted = [share * blocks for _, share in shares]
    counts = [max(1, int(each + 1e-6)) for each in wanted]
    while sum(counts) > blocks:
        counts[counts.index(max(counts))] -= 1
    while sum(counts) < blocks:
        missing = [want - count for want, count in zip(wanted, counts, strict=True)]
        counts[missing.index(max(missing))] += 1
    return counts


def _known(kind: Any) -> str:
    if isinstance(kind, str) and kind in KINDS:
        return kind
    nearest = difflib.get_close_matches(str(kind)[:40], KINDS, 1, 0)
    raise ConfigError(
        f"there are no contents {str(kind)[:40]!r}; the nearest is {nearest[0]!r} (of {', '.join(KINDS)})"
    )


def _share(kind: str, share: Any) -> float:
    try:
        return to_fraction(share)
    except ValueError as error:
        raise ConfigError(f"the share of {kind!r} in a mix: {error}") from error


def _listed(shares: dict[str, float]) -> str:
    return ", ".join(f"{kind} {share * 100:.6g}%" for kind, share in shares.items())
