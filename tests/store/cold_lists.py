"""The cold lists seen from outside: every entry stands in exactly one, once, and what the rings count is true."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

import swaptiers as st
from swaptiers.core.constants import BUSY, CHUNK, KEPT, PLANNED, STORED
from swaptiers.core.layout import CHUNK_RECORD, RING
from swaptiers.core.rings import WAYS

KEPT_RING = -1


def check_cold_lists(swap: st.SwapSystem) -> None:
    """An entry missing from its list would never be demoted; one that stands twice would be moved twice.

    For a quiet system: nothing may be busy or planned.
    """
    header = swap.core.st
    table = swap.core.records[: int(header.row_top)]
    assert not (table["marks"] & (BUSY | PLANNED)).any(), "a quiet system has busy or planned entries"
    rings = _table(header.rings_at, int(header.ring_top), RING)
    chunks = _table(header.chunks_at, int(header.chunk_top), CHUNK_RECORD)
    seen: dict[int, int] = {}
    for number, ring in enumerate(rings):
        live = 0
        for row, stamp in _elements(ring, chunks):
            if table[row]["stamp"] == stamp:
                assert row not in seen, f"row {row} stands twice"
                if ring["key"] == KEPT_RING:
                    assert table[row]["backing"] == KEPT, f"row {row} is among the kept slots"
                else:
                    assert table[row]["way"] == ring["key"] % WAYS, f"row {row} is in the ring of another way"
                seen[row] = number
                live += 1
        assert live == ring["live"], f"ring {number} has {live} live elements and counts {ring['live']}"
    stored = np.flatnonzero((table["backing"] == STORED) | (table["backing"] == KEPT)).tolist()
    assert sorted(seen) == stored, f"{len(stored)} entries, {len(seen)} in cold lists"


def _table(address: int, count: int, dtype: np.dtype[Any]) -> Any:
    if count == 0:
        return np.zeros(0, dtype)
    memory = (ctypes.c_uint8 * (count * dtype.itemsize)).from_address(int(address))
    return np.frombuffer(memory, dtype)


def _elements(ring: Any, chunks: Any) -> list[tuple[int, int]]:
    chunk, at = int(ring["head_chunk"]), int(ring["head_at"])
    found = []
    for _ in range(int(ring["total"])):
        if at == CHUNK:
            chunk, at = int(chunks[chunk]["next"]), 0
        found.append((int(chunks[chunk]["rows"][at]), int(chunks[chunk]["stamps"][at])))
        at += 1
    return found
