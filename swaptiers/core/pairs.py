"""Pairs of entries that are upside down, counted in one walk over two sorted arrays of last uses."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import kernel


@kernel
def inverted_twice(faster: Any, slower: Any) -> int:
    """Twice the number of pairs of which the slower tier's entry was used later; those used at the same time count once."""
    older = not_newer = total = 0
    for i in range(len(slower)):
        while older < len(faster) and faster[older] < slower[i]:
            older += 1
        while not_newer < len(faster) and faster[not_newer] <= slower[i]:
            not_newer += 1
        total += older + not_newer
    return total
