"""Integers of a state record, for Python to look at, and seldom to set."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np


class Words:
    """The 64-bit fields of a record, by name. Each look costs a twentieth of the record's own attributes.

    `words`: the memory that the record is in, `dtype` what it is, `at`: which of the words it begins with.
    """

    __slots__ = ("_at", "_first", "words")

    def __init__(self, words: memoryview[int], dtype: Any, at: int = 0) -> None:
        self.words = words
        self._first = at
        self._at = _places(dtype, at)

    @classmethod
    def of(cls, array: Any) -> Words:
        """Those of an array of one record."""
        return cls(memoryview(array.view(np.uint8)).cast("q"), array.dtype)

    def within(self, dtype: Any, name: str, index: int) -> Words:
        """Those of the record that `dtype`'s array of records `name` has at `index`."""
        kind, at, *_ = dtype.fields[name]
        each, _ = kind.subdtype
        return Words(self.words, each, self._first + (at + index * each.itemsize) // 8)

    def at(self, name: str) -> int:
        """Which of `words` the field is, for whoever looks at it with every page."""
        return self._at[name]

    def __getitem__(self, name: str) -> int:
        """The field's value now. Raises KeyError if it is no 64-bit integer."""
        value: int = self.words[self._at[name]]
        return value

    def __setitem__(self, name: str, value: int) -> None:
        self.words[self._at[name]] = value


@functools.cache
def _places(dtype: Any, first: int) -> dict[str, int]:
    whole = {name: at // 8 for name, (kind, at, *_) in dtype.fields.items() if kind == np.dtype("i8") and at % 8 == 0}
    return {name: first + at for name, at in whole.items()}
