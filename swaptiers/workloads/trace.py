"""The references of a recorded program, read from a file piece by piece: a trace may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

from swaptiers.errors import ConfigError
from swaptiers.workloads.formats import FORMATS, Words
from swaptiers.workloads.source import Int64s
from swaptiers.workloads.specs import MAX_PAGES, TracePattern
from swaptiers.workloads.unpacking import PAGE_OF_WORD, unpack


@attrs.frozen
class Survey:
    """What one pass over a trace finds: how many references it has, how many of them write, the largest page number."""

    refs: int
    top_page: int
    writes: int = 0

    @classmethod
    def make(cls, path: Path, form: str) -> Survey:
        """Read the whole trace once. ConfigError if there is no such trace, or nothing in it."""
        refs, top_page, writes = 0, -1, 0
        for words in FORMATS[form](path):
            refs += words.size
            writes += int((words >> np.uint32(31)).sum())
            top_page = max(top_page, int((words & np.uint32(PAGE_OF_WORD)).max()))
        if not refs:
            raise ConfigError(f"the trace {path} is empty; give one with at least one reference")
        return cls(refs, top_page, writes)


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
            if unpack(words, out[filled : filled + words.size]) > self._source.survey.top_page:
                raise self._changed()
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
            if left < 0:
                raise self._changed()
            yield words
        if left:
            raise self._changed()

    def _changed(self) -> ConfigError:
        return ConfigError(f"the trace {self._source.path} changed during the run; start again once it is complete")
