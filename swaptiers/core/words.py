"""Integers of a state record, for Python to look at, and seldom to set."""

from __future__ import annotations

from typing import Any

import numpy as np


class Words:
    """The 64-bit fields of an array of one record, by name. Each look costs a twentieth of the record's own attributes."""

    def __init__(self, array: Any) -> None:
        fields = array.dtype.fields
        self._at: dict[str, int] = {
            name: at // 8 for name, (kind, at, *_) in fields.items() if kind == np.dtype("i8") and at % 8 == 0
        }
        self.words: memoryview[int] = memoryview(array.view(np.uint8)).cast("q")

    def __getitem__(self, name: str) -> int:
        """The field's value now. Raises KeyError if it is no 64-bit integer."""
        value: int = self.words[self._at[name]]
        return value

    def __setitem__(self, name: str, value: int) -> None:
        self.words[self._at[name]] = value
