"""What a row of the bench is: a way to measure it, and what it should not exceed."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import attrs

from bench.rounds import Timing


@attrs.frozen(kw_only=True)
class Size:
    """How much work a round is, and how many rounds there are: `rounds` of the codecs' rows, `replays` of whole replays,
    `jobs` of the stores' job, `children` processes of rows about memory and starting.

    `pages` in a pass, of which a round of the codecs' rows has several; `references` in a replay; `puts` of the stores' job;
    `entries` and `real_entries` at most, without and with bytes.
    """

    pages: int
    references: int
    rounds: int
    replays: int
    jobs: int = 1
    children: int = 1
    puts: int = 1 << 16
    entries: int = 10**7
    real_entries: int = 10**6
    corpus: Path | None = None


class UnavailableError(RuntimeError):
    """A peer that is not installed."""


@attrs.frozen
class Values:
    """What a row found that is no ratio of two timings taken in turn, measurement by measurement."""

    found: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.found)


@attrs.frozen(kw_only=True)
class Row:
    """`run` gives what was found and the units of work in a round. `target`: what it should not exceed; None = it is only
    reported. `slow`: left out of a quick run."""

    key: str
    what: str
    unit: str
    target: float | None
    run: Callable[[Size], tuple[Timing | Values, int]]
    slow: bool = False
