"""How much an edge may write into its target per interval, or how long its moves may take."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import attrs

from swaptiers.units import (
    Bytes,
    Nanoseconds,
    parse_bytes,
    parse_nanoseconds,
    parse_rate,
    to_bytes,
    to_nanoseconds,
    write_bytes,
    write_nanoseconds,
)

SECOND = Nanoseconds(1_000_000_000)
LEAST_RATE = 1024
"""Bytes a second: less than this is as good as nothing, and its arithmetic would not fit."""


@attrs.frozen
class Burst:
    """Bytes, or a time: what the quota is of."""

    nbytes: Bytes | None = None
    time: Nanoseconds | None = None

    @classmethod
    def parse(cls, value: object) -> Self:
        """A size like 8M or a duration like 5ms. Raises ValueError for anything else."""
        if isinstance(value, str) and value.strip().endswith(("s", "min", "h")):
            return cls(time=parse_nanoseconds(value))
        return cls(nbytes=parse_bytes(value))

    def written(self) -> Any:
        """As a config has it."""
        return write_bytes(self.nbytes or 0) if self.time is None else write_nanoseconds(self.time)


def _burst(value: object) -> Burst | None:
    return value if isinstance(value, Burst | None) else Burst.parse(value)


@attrs.frozen(kw_only=True)
class Quota:
    """How much an edge may do, whoever asks: a rate like 50M/s, or a mapping.

    `written_bytes`: so many bytes may be written into the target per interval. `time`: or moves may take so long.
    `every`: the interval. `burst`: so much more of the same after a pause (None = nothing).

    Over any window at most amount x window / every + burst + one batch. DAMOS has both kinds (kernel.md 5.3).
    """

    EXAMPLE: ClassVar = "50M/s"

    written_bytes: Bytes | None = attrs.field(
        default=None, converter=attrs.converters.optional(to_bytes), metadata={"key": "bytes"}
    )
    time: Nanoseconds | None = attrs.field(default=None, converter=attrs.converters.optional(to_nanoseconds))
    every: Nanoseconds = attrs.field(default=SECOND, converter=to_nanoseconds)
    burst: Burst | None = attrs.field(default=None, converter=_burst)

    def __attrs_post_init__(self) -> None:
        if (self.written_bytes is None) == (self.time is None):
            raise ValueError("a quota is of bytes or of time: {bytes: 50M, every: 1s} or {time: 10ms, every: 1s}")
        if self.every <= 0:
            raise ValueError("every is a duration above 0")
        if self.time is not None and not 0 < self.time <= self.every:
            raise ValueError("time is above 0 and at most `every`")
        if self.written_bytes is not None and self.written_bytes * SECOND < LEAST_RATE * self.every:
            raise ValueError(f"a quota is at least {LEAST_RATE} bytes a second; for none at all, remove the edge")
        if self.burst is not None and (self.burst.time is None) != (self.time is None):
            raise ValueError("burst is a size where the quota is of bytes, and a time where it is of time")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """``50M/s``. Raises ValueError for anything else."""
        return cls(written_bytes=parse_rate(text))

    @property
    def amount(self) -> int:
        """Bytes, or nanoseconds, per `every`."""
        return int(self.written_bytes if self.time is None else self.time)  # type: ignore[arg-type]

    @property
    def burst_amount(self) -> int:
        """Bytes, or nanoseconds."""
        return 0 if self.burst is None else int(self.burst.nbytes or self.burst.time or 0)
