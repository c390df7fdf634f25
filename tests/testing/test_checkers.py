"""The checkers see what they are there to see, and systems drawn by the strategies can be built and used."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.system_spec import SystemSpec
from swaptiers.testing import check_pages, nothing_left, strategies

PAGE = 4096


@given(strategies.systems(), some.lists(strategies.pages(), min_size=1, max_size=30))
@settings(max_examples=25)
def test_systems_that_are_drawn_work(spec: SystemSpec, pages: list[bytes]) -> None:
    """A strategy that draws what can't be built tests nothing: each holds pages, moves them and gives them back."""
    with st.SwapSystem.from_spec(spec, max_entries=1 << 12) as swap:
        array = np.frombuffer(b"".join(pages * 3), np.uint8).reshape(-1, PAGE)
        held: dict[int, bytes] = {}
        for path in strategies.PATHS:
            try:
                ids = swap.swap_out(array, path)
            except st.StoreRefusedError as refused:
                ids = refused.ids
            held.update({entry: page for entry, page in zip(ids.tolist(), pages * 3, strict=True) if entry})
        for edge in swap.graph.edges:
            swap.demote("64K", source=edge.source, target=edge.target)
        check_pages(swap, held)


def test_a_page_that_is_wrong_or_missing_is_seen(tmp_path: Path) -> None:
    """Wrong bytes, an entry too few, an entry too many: each fails the check, and says which."""
    with st.SwapSystem([st.MemorySpec(name="far", capacity="1M")], max_entries=1 << 12) as swap:
        pages = [bytes([i]) * PAGE for i in range(5)]
        ids = swap.swap_out(np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE)).tolist()
        held = dict(zip(ids, pages, strict=True))
        check_pages(swap, held)
        with pytest.raises(AssertionError, match=f"entry {ids[2]:#x} came back with other bytes"):
            check_pages(swap, {**held, ids[2]: pages[3]})
        with pytest.raises(AssertionError, match="holds 5 entries, the model 4"):
            check_pages(swap, dict(list(held.items())[1:]))
        swap.discard(ids[:1])
        with pytest.raises(AssertionError, match="holds 4 entries, the model 5"):
            check_pages(swap, held)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")
def test_what_is_left_is_seen(tmp_path: Path) -> None:
    """A file, and a descriptor of a file that has no name any more."""
    (tmp_path / "before").write_text("")
    with nothing_left(tmp_path):
        pass
    with pytest.raises(AssertionError, match="left behind: .*new"), nothing_left(tmp_path):
        (tmp_path / "new").write_text("")
    fd = -1
    try:
        with pytest.raises(AssertionError, match="still open"), nothing_left(tmp_path):
            fd = os.open(tmp_path / "new", os.O_RDWR)
            (tmp_path / "new").unlink()
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)
