"""Sizes, durations, shares and rates: what is taken, what is refused, how it reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from swaptiers import units


@pytest.mark.parametrize(
    ("text", "value"),
    [("4K", 4096), ("10M", 10 << 20), ("1.5G", 3 << 29), ("1 KiB", 1024), ("512", 512), (7, 7), ("0", 0), ("1024P", 1 << 60)],
)  # fmt: skip
def test_sizes(text: Any, value: int) -> None:
    """Binary, always."""
    assert units.parse_bytes(text) == value


@pytest.mark.parametrize(
    "text", ["", "4 KK", "-1", "1.5", "0.3K", "1e3", "5m s", "1025P", True, None, 1.0, "9" * 50, -1, 1 << 61]
)
def test_sizes_that_are_none(text: Any) -> None:
    """A fraction of a byte would be rounded to something nobody asked for."""
    with pytest.raises(ValueError, match=r"size|bytes"):
        units.parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("8us", 8000), ("1.5min", 90 * 10**9), ("2s", 2 * 10**9), ("3ns", 3), ("8µs", 8000), (0, 0), ("1h", 3600 * 10**9)],
)
def test_durations(text: Any, value: int) -> None:
    """To the nanosecond."""
    assert units.parse_nanoseconds(text) == value


@pytest.mark.parametrize("text", [5, "5", "1 day", "-1s", True, None, "40000000h", "1.5.2s"])
def test_durations_that_are_none(text: Any) -> None:
    """A number without a unit could be seconds or nanoseconds."""
    with pytest.raises(ValueError, match="duration"):
        units.parse_nanoseconds(text)


@pytest.mark.parametrize(("text", "value"), [("20%", 0.2), ("0%", 0), ("100%", 1), ("0.5 %", 0.005)])
def test_shares(text: str, value: float) -> None:
    """Exactly the decimal that is written."""
    assert units.parse_fraction(text) == value


@pytest.mark.parametrize("text", ["101%", "-1%", 0.2, "20", "20%%", None])
def test_shares_that_are_none(text: Any) -> None:
    """Is 1 all of it, or 1 %?"""
    with pytest.raises(ValueError, match="percentage"):
        units.parse_fraction(text)


def test_rates() -> None:
    """Bytes per second, above 0."""
    assert units.parse_rate("150M/s") == 150 << 20
    for bad in ("150M", "0/s", "150Mb/s", 5):
        with pytest.raises(ValueError, match=r"rate|size"):
            units.parse_rate(bad)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (units.format_bytes(1536), "1.5K"),
        (units.format_bytes(10 << 20), "10M"),
        (units.format_bytes(300), "300"),
        (units.format_nanoseconds(1_250_000), "1.25ms"),
        (units.format_nanoseconds(999), "999ns"),
        (units.format_nanoseconds(0), "0ns"),
        (units.format_fraction(0.005), "0.5%"),
    ],
)
def test_how_it_reads(written: str, said: str) -> None:
    """Three digits in the largest unit that fits."""
    assert written == said


@given(some.integers(0, 1 << 60))
def test_what_is_written_is_read(value: int) -> None:
    """For every size and duration."""
    assert units.parse_bytes(units.write_bytes(value)) == value
    if value <= units.MAX_NANOSECONDS:
        assert units.parse_nanoseconds(units.write_nanoseconds(value)) == value
