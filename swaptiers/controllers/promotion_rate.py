"""`promotion-rate`: demote what has been idle for so long that only so many pages a minute come back.

Source: Lagar-Cavilla and others, "Software-Defined Far Memory in Warehouse-Scale Computers" (ASPLOS 2019). Promotions,
swap-ins from where cold pages go, may be at most a share of the working set per minute (0.2 % there); the working set is
what was used within the least age that counts as cold (120 s there). After each interval a histogram of the ages at which
pages were used again says which cold age, had it been the threshold, would have kept the promise: the best threshold of
that interval. The threshold in force is a percentile of the best ones of the past, or the last one if that is higher, so
that a spike raises it at once. For the first `off_for` nothing is moved: there is no past to judge by.

Nothing is fed back but ages: the controller predicts how many pages would come back, and `measured` says how many did.
Since pages are moved at steps only, half a step late in the mean, they are moved half a step younger than the threshold.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

from swaptiers.controllers.base import Ages, ControllerSpec, Observation, Step
from swaptiers.units import Nanoseconds, parse_fraction, shown, to_nanoseconds, write_fraction

MINUTE_NS = 60_000_000_000
_PER_MINUTE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)\s*/\s*min")


@attrs.frozen
class PerMinute:
    """So many pages a minute, or so large a `share` of the working set."""

    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string", "pattern": rf"^\s*{_PER_MINUTE.pattern}\s*$"}

    pages: float | None = None
    share: float | None = None

    @classmethod
    def parse(cls, value: object) -> PerMinute:
        """From ``"1200/min"`` or ``"0.2%/min"``; a PerMinute passes through. Raises ValueError otherwise."""
        if isinstance(value, PerMinute):
            return value
        match = _PER_MINUTE.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 40 else None
        if match is None:
            raise ValueError(
                f"a rate like 0.2%/min (of the working set) or 1200/min (pages) is wanted, not {shown(value)}"
            )
        rate = cls(share=parse_fraction(f"{match[1]}%")) if match[2] else cls(pages=float(match[1]))
        if not (rate.share or rate.pages):
            raise ValueError("a rate above 0 is wanted")
        return rate

    def written(self) -> str:
        """As a config has it."""
        return f"{write_fraction(self.share)}/min" if self.share is not None else f"{self.pages:.12g}/min"

    def of(self, working_set: int) -> float:
        """Pages a minute, for a working set of so many pages."""
        return self.share * working_set if self.share is not None else self.pages or 0.0


def _to_per_minute(value: object) -> PerMinute:
    return PerMinute.parse(value)


@attrs.frozen(kw_only=True, slots=False)
class PromotionRateSpec(ControllerSpec):
    """A `promotion-rate` controller. `target`: so many pages come back a minute at most, or a share of the working set.

    `min_age`: nothing younger is cold, and what was used within it is the working set. `percentile`: of the best
    thresholds of the past. `history`: so many intervals of it. `off_for`: from the cgroup's first page on, nothing is
    moved for so long.
    """

    needs_ages: ClassVar[bool] = True

    kind: Literal["promotion-rate"] = "promotion-rate"
    target: PerMinute = attrs.field(default=PerMinute(share=0.002), converter=_to_per_minute)
    every: Nanoseconds = attrs.field(default=Nanoseconds(MINUTE_NS), converter=to_nanoseconds)
    min_age: Nanoseconds = attrs.field(default=Nanoseconds(2 * MINUTE_NS), converter=to_nanoseconds)
    percentile: float = attrs.field(default=98.0, validator=[attrs.validators.ge(0), attrs.validators.le(100)])
    history: int = attrs.field(default=60, validator=[attrs.validators.ge(1), attrs.validators.le(100_000)])
    off_for: Nanoseconds = attrs.field(default=Nanoseconds(2 * MINUTE_NS), converter=to_nanoseconds)


class PromotionRate:
    """Keeps the best thresholds. `measured`, `target`: pages a minute; `setting`: the threshold in force, ns."""

    def __init__(self, spec: PromotionRateSpec) -> None:
        self._spec = spec
        self._best: deque[int] = deque(maxlen=spec.history)
        self._began: int | None = None

    def step(self, seen: Observation) -> Step:
        """Ask for everything that has been idle for longer than the threshold."""
        spec, ages = self._spec, seen.ages
        if ages is None:
            raise ValueError("promotion-rate judges by ages: give them with the observation")
        if self._began is None and ages.idle_pages.any():
            self._began = seen.now_ns - seen.interval_ns
        minutes = seen.interval_ns / MINUTE_NS
        target = spec.target.of(working_set(ages, spec.min_age))
        best = best_threshold(ages, target * minutes, spec.min_age)
        self._best.append(best)
        threshold = max(best, int(np.percentile(np.array(self._best), spec.percentile)))
        age = max(spec.min_age, threshold - spec.every // 2)
        is_on = self._began is not None and seen.now_ns - self._began > spec.off_for
        return Step(
            nbytes=int(ages.held_bytes[ages.from_ns >= age].sum()) if is_on else 0,
            used_before_ns=seen.now_ns - age,
            measured=seen.swap_ins / minutes,
            target=target,
            setting=threshold,
        )


def working_set(ages: Ages, min_age: int) -> int:
    """Pages used within the least cold age."""
    return int(ages.idle_pages[ages.from_ns < min_age].sum())


def best_threshold(ages: Ages, allowed: float, min_age: int) -> int:
    """The lowest age, at least `min_age`, at or above which no more than `allowed` pages were used again.

    The promotion histogram, read from its old end. If even the oldest class has more: beyond it.
    """
    promotions = np.cumsum(ages.reused[::-1])[::-1]
    good = np.flatnonzero((promotions <= allowed) & (ages.from_ns >= min_age))
    return int(ages.from_ns[good[0]]) if len(good) else int(2 * ages.from_ns[-1] + 1)
