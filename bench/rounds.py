"""Two ways of doing the same work, timed in turn: the machine may change its speed, their ratio hardly does."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import attrs

Work = Callable[[], float]
"""Does the work once and gives the seconds that its timed part took."""


@attrs.frozen
class Timing:
    """`ours` and `limit`: seconds per round, in the order in which they were taken."""

    ours: tuple[float, ...]
    limit: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours over the limit, round by round."""
        return tuple(a / b for a, b in zip(self.ours, self.limit, strict=True))

    @property
    def ratio(self) -> float:
        """The median round."""
        return statistics.median(self.ratios)


def timed(action: Callable[[], object]) -> float:
    """Seconds that the action takes, without the collector."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        action()
        return time.perf_counter() - start
    finally:
        gc.enable()


def interleaved(ours: Work, limit: Work, rounds: int) -> Timing:
    """One round of each to warm up (it compiles), then `rounds` of each, in turn, the order changing."""
    ours()
    limit()
    taken: dict[str, list[float]] = {"ours": [], "limit": []}
    for number in range(rounds):
        pair = [("ours", ours), ("limit", limit)]
        for name, work in pair if number % 2 == 0 else pair[::-1]:
            taken[name].append(work())
    return Timing(tuple(taken["ours"]), tuple(taken["limit"]))
