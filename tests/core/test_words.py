"""The integers of a record, which Python looks at by name."""

from __future__ import annotations

import numpy as np
import pytest

from swaptiers.core.words import Words

KIND = np.dtype(
    [("first", "i8"), ("half", "i4"), ("other", "i4"), ("bytes", "i1", (4,)), ("odd", "i4"), ("last", "i8")]
)


def test_whole_words_alone() -> None:
    """Half of a word, or one that lies across two, would be read as another number."""
    array = np.zeros(1, KIND)
    array["first"], array["half"], array["last"] = 3, 5, -7
    words = Words.of(array)
    assert (words["first"], words["last"]) == (3, -7)
    words["last"] = 1 << 40
    assert array["last"][0] == 1 << 40
    for name in ("half", "other", "bytes", "odd", "nothing"):
        with pytest.raises(KeyError):
            words[name]
