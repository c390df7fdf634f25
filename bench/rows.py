"""What a row of the bench is, and the list of all rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from bench.rounds import Timing


@attrs.frozen(kw_only=True)
class Size:
    """How much work a round is, and how many rounds there are."""

    pages: int
    references: int
    rounds: int
    corpus: Path | None = None


class UnavailableError(RuntimeError):
    """A peer that is not installed."""


@attrs.frozen(kw_only=True)
class Row:
    """`run` gives the timing and the units of work in a round. `target`: what the ratio should not exceed."""

    key: str
    what: str
    unit: str
    target: float
    run: Callable[[Size], tuple[Timing, int]]
