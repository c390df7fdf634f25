"""How large a log and its segments may be."""

from __future__ import annotations

import pytest

import swaptiers as st


@pytest.mark.parametrize(("segment", "capacity"), [("64K", "512K"), ("1G", "8G")])
def test_as_small_and_as_large_as_can_be(segment: str, capacity: str) -> None:
    """Eight segments, of which four are spared and a sixteenth of the others is wasted at their ends."""
    spec = st.FileSpec(name="log", layout="log", segment=segment, capacity=capacity)
    assert spec.max_live == pytest.approx(0.5 * 15 / 16)


@pytest.mark.parametrize(("segment", "capacity"), [("63K", "1M"), ("2G", "16G"), ("64K", "511K"), ("0", "1M")])
def test_what_is_refused(segment: str, capacity: str) -> None:
    """Nothing is made of it; the error says what it was."""
    with pytest.raises(ValueError, match=f"segment is 64K to 1G, and capacity at least 8 of them, not {segment} and"):
        st.FileSpec(name="log", layout="log", segment=segment, capacity=capacity)
