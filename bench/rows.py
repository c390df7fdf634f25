"""What a row of the bench is: a way to time it, and the ratio that it should not exceed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from bench.rounds import Timing


@attrs.frozen(kw_only=True)
class Size:
    """How much work a round is, and how many rounds there are: `rounds` of the codecs' rows, `replays` of whole replays.

    `pages` in a pass, of which a round of the codecs' rows has several; `references` in a replay.
    """

    pages: int
    references: int
    rounds: int
    replays: int
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
