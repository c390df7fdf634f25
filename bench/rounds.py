"""Two ways of doing the same work, timed in turn: the machine may change its speed, their ratio hardly does."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import attrs

Work = Callable[[], float]
"""Does the work once and gives the seconds that its timed part took."""


_clock = time.perf_counter


def use_cpu_time() -> None:
    """From now on `timed` counts what the process's threads computed, not what they waited for, others' turns included."""
    global _clock  # noqa: PLW0603  (one per run, set before anything is timed)
    _clock = time.process_time


def now() -> float:
    """Seconds on the clock that `timed` looks at."""
    return _clock()


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
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)


def timed(action: Callable[[], object]) -> float:
    """Seconds that the action takes, without the collector."""
    gc.collect()
    gc.disable()
    try:
        start = _clock()
        action()
        return _clock() - start
    finally:
        gc.enable()


def interleaved(ours: Work, limit: Work, rounds: int, passes: int = 1) -> Timing:
    """Both once to warm up (it compiles), then `rounds`, in each of which both are done `passes` times in turn.

    A round should be longer than what the scheduler gives to one program: if shorter, it is mostly the slower side that is
    interrupted. What it works on should stay small: memory that is new in each round costs more than a decompression.
    """
    ours()
    limit()
    taken: list[tuple[float, float]] = []
    gc.collect()
    gc.freeze()  # what is here stays: without this, collecting before each pass takes longer than the pass
    try:
        for _ in range(rounds):
            spent = {ours: 0.0, limit: 0.0}
            for number in range(passes):
                for work in (ours, limit) if (number + len(taken)) % 2 == 0 else (limit, ours):
                    spent[work] += work()
            taken.append((spent[ours], spent[limit]))
    finally:
        gc.unfreeze()
    return Timing(tuple(each for each, _ in taken), tuple(each for _, each in taken))
