"""Evicted pages that wait for their compressed lengths: which contents they have, and the lengths into place."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import kernel
from swaptiers.core.state import State, header_at, pending_pages


@kernel
def contents_wanted(at: State, contents: Any) -> int:
    """Fill in the contents of those that are not zero-filled; how many these are."""
    st = header_at(at)
    pending = pending_pages(st)
    n = 0
    for i in range(st.pending_i, st.pending_n):
        if pending[i].zero == 0:
            contents[n] = pending[i].content
            n += 1
    return n


@kernel
def set_lengths(at: State, codec: int, lengths: Any) -> None:
    """The lengths in one codec's column, of those that are not zero-filled; of the others 0."""
    st = header_at(at)
    pending = pending_pages(st)
    n = 0
    for i in range(st.pending_i, st.pending_n):
        pending[i].lengths[codec] = 0
        if pending[i].zero == 0:
            pending[i].lengths[codec] = lengths[n]
            n += 1
