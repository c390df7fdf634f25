"""Sizes, durations, percentages and rates: what a person writes and the integers that the program keeps.

Sizes are binary (``10M`` = 10 MiB), durations become nanoseconds, percentages become fractions. Nothing is guessed: a
bare number is bytes for a size and refused for a duration, because ``at: 2`` could be seconds or nanoseconds.
"""

from __future__ import annotations

import math
import re
import sys
from decimal import Decimal
from typing import Any, NewType

import attrs

Bytes = NewType("Bytes", int)
Nanoseconds = NewType("Nanoseconds", int)
BytesPerSecond = NewType("BytesPerSecond", int)
Fraction = NewType("Fraction", float)

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*((?i:[KMGTP]?))(?:i?B)?")  # Mb would be bits
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|min|h)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SIZE_FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_DURATION_FACTOR = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
MAX_TEXT = 40
"""Characters in a number with its unit."""
MAX_SHOWN = 40
"""Characters of a value that errors show."""
MAX_BYTES = 1 << 60
"""The largest size that is taken: one EiB. Sums of a few of them still fit in a signed 64-bit counter."""
MAX_LATENCY = 600_000_000_000
"""The longest that one operation of a device may take, in nanoseconds: ten minutes."""
MIN_RATE = 1 << 10
"""The slowest that a device may be: 1 KiB a second. Slower ones would wind up the virtual clock."""
MAX_NANOSECONDS = 1 << 60
"""The longest duration that is taken: about 36 years."""


def parse_bytes(value: object) -> Bytes:
    """A size in bytes from an integer, ``"4K"``, ``"10M"``, ``"1.5G"``.

    Raises ValueError for anything else, a negative size, a fraction of a byte, or more than `MAX_BYTES`.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"a size like 4K, 10M or 1G is wanted, not {shown(value)}")
    if isinstance(value, int):
        amount = value
    else:
        match = _SIZE.fullmatch(value.strip())
        if match is None or len(value) > MAX_TEXT:
            raise ValueError(f"a size like 4K, 10M or 1G is wanted, not {shown(value)}")
        number = Decimal(match[1]) * _SIZE_FACTOR[match[2].upper()]
        if number != int(number):
            raise ValueError(f"{shown(value)} is not a whole number of bytes")
        amount = int(number)
    if not 0 <= amount <= MAX_BYTES:
        raise ValueError(f"a size from 0 to {format_bytes(MAX_BYTES)} is wanted, not {shown(value)}")
    return Bytes(amount)


def parse_nanoseconds(value: object) -> Nanoseconds:
    """A duration in nanoseconds from ``"8us"``, ``"100ms"``, ``"2s"``, ``"1.5min"``; a bare 0 is taken too.

    Raises ValueError for anything else: a number without a unit is refused, since nobody could tell which unit it has.
    """
    if value == 0 and not isinstance(value, bool):
        return Nanoseconds(0)
    if not isinstance(value, str):
        raise ValueError(f"a duration with its unit is wanted (8us, 100ms, 2s), not {shown(value)}")
    match = _DURATION.fullmatch(value.strip())
    if match is None or len(value) > MAX_TEXT:
        raise ValueError(f"a duration with its unit is wanted (8us, 100ms, 2s), not {shown(value)}")
    amount = Decimal(match[1]) * _DURATION_FACTOR[match[2]]
    if amount > MAX_NANOSECONDS:
        raise ValueError(f"a duration of at most 36 years is wanted, not {shown(value)}")
    return Nanoseconds(round(amount))


def parse_fraction(value: object) -> Fraction:
    """A share of a whole from ``"20%"``: 0 to 1. Raises ValueError for a bare number (is 1 all of it, or 1 %?)."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"a percentage like 20% is wanted, not {shown(value)}")
    match = _PERCENT.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"a percentage like 20% is wanted, not {shown(value)}")
    share = float(Decimal(match[1]) / 100)
    if share > 1:
        raise ValueError(f"a percentage from 0% to 100% is wanted, not {shown(value)}")
    return Fraction(share)


def parse_rate(value: object) -> BytesPerSecond:
    """Bytes per second from ``"2G/s"`` or ``"150M/s"``. Raises ValueError for anything else, and for a rate of 0."""
    if not isinstance(value, str) or not value.strip().endswith("/s"):
        raise ValueError(f"a rate like 150M/s is wanted, not {shown(value)}")
    rate = parse_bytes(value.strip()[:-2])
    if rate == 0:
        raise ValueError("a rate above 0 is wanted")
    return BytesPerSecond(int(rate))


@attrs.frozen
class Amount:
    """So many bytes, or a share of a whole that is known later: ``max_pool: 20%`` is of `ram`."""

    nbytes: Bytes | None = None
    fraction: Fraction | None = None

    @classmethod
    def parse(cls, value: object) -> Amount:
        """From ``"64M"``, ``67108864`` or ``"20%"``; an Amount passes through. Raises ValueError otherwise."""
        if isinstance(value, Amount):
            return value
        if isinstance(value, str) and value.strip().endswith("%"):
            return cls(fraction=parse_fraction(value))
        return cls(nbytes=parse_bytes(value))

    def written(self) -> Any:
        """As a config has it; parsing it gives the same amount."""
        return write_bytes(self.nbytes) if self.nbytes is not None else write_fraction(self.fraction or 0.0)

    def of(self, whole: int) -> Bytes:
        """The amount in bytes, given the whole that a share is of."""
        if self.nbytes is not None:
            return self.nbytes
        assert self.fraction is not None
        return Bytes(math.floor(self.fraction * whole))

    def __str__(self) -> str:
        if self.nbytes is not None:
            return format_bytes(self.nbytes)
        assert self.fraction is not None
        return format_fraction(self.fraction)


def to_amount(value: object) -> Amount:
    """`Amount.parse`, as a converter of fields."""
    return Amount.parse(value)


def to_bytes(value: Any) -> Bytes:
    """Attrs converter for API users: integers and strings alike."""
    return parse_bytes(value)


def to_nanoseconds(value: Any) -> Nanoseconds:
    """Attrs converter for API users: an integer is nanoseconds already, a string carries its unit."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= MAX_NANOSECONDS:
            raise ValueError(f"a duration from 0 to 36 years is wanted, not {shown(value)} ns")
        return Nanoseconds(value)
    return parse_nanoseconds(value)


def to_fraction(value: Any) -> Fraction:
    """Attrs converter for API users: 0.2 and ``"20%"`` alike."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 1:
            raise ValueError(f"a fraction from 0 to 1 is wanted, not {shown(value)}")
        return Fraction(float(value))
    return parse_fraction(value)


def to_rate(value: Any) -> BytesPerSecond:
    """Attrs converter for API users: an integer is bytes per second already."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 < value <= MAX_BYTES:
            raise ValueError(f"a rate above 0 is wanted, not {shown(value)}")
        return BytesPerSecond(value)
    return parse_rate(value)


def format_bytes(amount: float) -> str:
    """``10M``, ``1.5G``, ``4096`` as a person would write it: exact if short, else three digits."""
    for unit in ("P", "T", "G", "M", "K"):
        factor = _SIZE_FACTOR[unit]
        if abs(amount) >= factor:
            scaled = amount / factor
            return f"{scaled:.0f}{unit}" if scaled == int(scaled) else f"{scaled:.3g}{unit}"
    return f"{amount:.0f}"


def format_nanoseconds(amount: float) -> str:
    """``8us``, ``1.25ms``, ``2s``: three significant digits in the largest fitting unit."""
    for unit in ("s", "ms", "us"):
        factor = _DURATION_FACTOR[unit]
        if abs(amount) >= factor:
            scaled = amount / factor
            return f"{scaled:.0f}{unit}" if scaled == int(scaled) or scaled >= 100 else f"{scaled:.3g}{unit}"
    return f"{amount:.0f}ns"


def format_fraction(fraction: float) -> str:
    """``20%``, ``0.5%``."""
    return f"{fraction * 100:.6g}%"


def write_bytes(value: int) -> int | str:
    """A size as short as it can be written exactly: ``"10M"``, or the plain number."""
    for unit in ("T", "G", "M", "K"):
        factor = _SIZE_FACTOR[unit]
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return value


def write_nanoseconds(value: int) -> str:
    """A duration as short as it can be written exactly."""
    for unit in ("h", "min", "s", "ms", "us"):
        factor = _DURATION_FACTOR[unit]
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value}ns"


def write_fraction(value: float) -> str:
    """A share so that reading it gives the same number."""
    return f"{(Decimal(repr(value)) * 100).normalize():f}%"


def format_rate(rate: float) -> str:
    """``150M/s``."""
    return f"{format_bytes(rate)}/s"


def counted(number: int) -> str:
    """``1,200``, or ``1e+30`` where nobody would count the digits."""
    return f"{number:,}" if number < 10**15 else f"{float(number) if number < 10**300 else math.inf:.3g}"


def shown(value: object) -> str:
    """A value as errors show it: at most 40 characters, on one line."""
    try:
        text = repr(value)
    except ValueError:  # Python's own limit on the digits of a number
        return f"a number of more than {sys.get_int_max_str_digits()} digits"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
