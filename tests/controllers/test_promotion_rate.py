"""`promotion-rate` by itself: thresholds from histograms that were made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.controllers.base import Ages
from swaptiers.controllers.promotion_rate import PerMinute, PromotionRate, best_threshold, working_set

MINUTE = 60 * 10**9
FROM_NS = np.arange(8, dtype=np.int64) * MINUTE
"""Classes of a minute: 0, 1, ... 7 minutes and more."""


def ages(reused: Sequence[int], idle: Sequence[int] = (1000, 500, 0, 0, 0, 0, 0, 0), held: Sequence[int] = ()) -> Ages:
    as_array = [np.array(each or [0] * 8, np.int64) for each in (reused, idle, held)]
    return Ages(from_ns=FROM_NS, reused=as_array[0], idle_pages=as_array[1], held_bytes=as_array[2])


def seen(minute: int, story: Ages, swap_ins: int = 0) -> st.Observation:
    return st.Observation(
        now_ns=minute * MINUTE, interval_ns=MINUTE, held_bytes=10_000, held_entries=10, swap_ins=swap_ins, ages=story
    )


def test_the_best_threshold_by_hand() -> None:
    """Reuses at 2 and more minutes: 40 + 20 + 10 + 5; at 3: 35; at 4: 15; at 5: 5. Allowed are 15: 4 minutes."""
    story = ages([900, 100, 40, 20, 10, 5, 0, 0])
    assert best_threshold(story, 15, 2 * MINUTE) == 4 * MINUTE
    assert best_threshold(story, 14.9, 2 * MINUTE) == 5 * MINUTE
    assert best_threshold(story, 0, 2 * MINUTE) == 6 * MINUTE
    assert best_threshold(story, 1e6, 2 * MINUTE) == 2 * MINUTE
    assert best_threshold(ages([0] * 7 + [9]), 3, 2 * MINUTE) > 7 * MINUTE
    assert working_set(story, 2 * MINUTE) == 1500


def spec(**terms: object) -> st.PromotionRateSpec:
    known: dict[str, object] = {"percentile": 50, "history": 5, "target": "15/min", "off_for": 0, "every": "2min"}
    return st.PromotionRateSpec(source="zswap", **{**known, **terms})  # type: ignore[arg-type]


QUIET, LOUD = ages([0, 0, 40, 0, 0, 0, 0, 0]), ages([0, 0, 0, 0, 0, 40, 0, 0])
"""Best thresholds of 3 and of 6 minutes."""


def test_a_spike_raises_it_at_once_and_is_forgotten() -> None:
    """The percentile alone would answer to a spike only when half of the past is as loud."""
    controller = PromotionRate(spec())
    thresholds = [
        controller.step(seen(minute, LOUD if minute == 6 else QUIET)).setting / MINUTE for minute in range(1, 13)
    ]
    assert thresholds == [3, 3, 3, 3, 3, 6, 3, 3, 3, 3, 3, 3]
    cautious = PromotionRate(spec(percentile=100))
    held = [cautious.step(seen(minute, LOUD if minute == 6 else QUIET)).setting / MINUTE for minute in range(1, 13)]
    assert held == [3, 3, 3, 3, 3, 6, 6, 6, 6, 6, 3, 3]


def test_it_asks_for_what_is_older_than_the_threshold() -> None:
    """By half a step: threshold 3 minutes, a step every 2. Bytes are those that the source holds."""
    story = ages([0, 0, 40, 0, 0, 0, 0, 0], held=[1, 2, 4, 8, 16, 32, 64, 128])
    step = PromotionRate(spec()).step(seen(20, story, swap_ins=7))
    assert step.used_before_ns == 18 * MINUTE
    assert step.nbytes == 4 + 8 + 16 + 32 + 64 + 128
    assert (step.measured, step.target, step.setting) == (7, 15, 3 * MINUTE)
    younger = PromotionRate(spec(every="1h")).step(seen(20, story))
    assert younger.used_before_ns == 18 * MINUTE, "never younger than min_age"


def test_a_share_is_of_the_working_set() -> None:
    """1500 pages were used within two minutes: 2 % of them are 30."""
    step = PromotionRate(spec(target="2%/min")).step(seen(1, ages([0] * 8)))
    assert step.target == 30


def test_it_is_off_at_the_beginning_of_the_cgroup() -> None:
    """Not of the run: a cgroup that begins late has no past either."""
    controller = PromotionRate(spec(off_for="3min"))
    nobody, held = ages([0] * 8, idle=[0] * 8), ages([0] * 8, held=[9] * 8)
    asked = [controller.step(seen(minute, nobody if minute < 10 else held)).nbytes for minute in range(1, 16)]
    assert [minute for minute, nbytes in enumerate(asked, 1) if nbytes] == [13, 14, 15]


@given(
    reused=some.lists(some.integers(0, 1000), min_size=8, max_size=8),
    allowed=some.floats(0, 5000),
    held=some.lists(some.integers(0, 1 << 30), min_size=8, max_size=8),
)
def test_the_promise_would_have_been_kept(reused: list[int], allowed: float, held: list[int]) -> None:
    """At the best threshold no more than allowed would have come back; at any lower one that counts as cold, more."""
    story = ages(reused, held=held)
    best = best_threshold(story, allowed, 2 * MINUTE)
    assert sum(n for n, since in zip(reused, FROM_NS, strict=True) if since >= best) <= allowed
    for since in FROM_NS[(FROM_NS >= 2 * MINUTE) & (best > FROM_NS)]:
        assert sum(n for n, age in zip(reused, FROM_NS, strict=True) if age >= since) > allowed
    assert 0 <= PromotionRate(spec()).step(seen(9, story)).nbytes <= sum(held)


@pytest.mark.parametrize("text", ["0.2%/min", "1200/min", "2.5/min"])
def test_rates_read_and_write(text: str) -> None:
    """What `check` prints is read again as the same."""
    assert PerMinute.parse(text).written() == text
    assert PerMinute.parse(PerMinute.parse(text)) == PerMinute.parse(text)


@pytest.mark.parametrize("text", ["0.2%", "1200", 1200, "0/min", "-1/min", "120%/min", "1/s", None])
def test_what_is_no_rate(text: object) -> None:
    """A number without its unit could be of pages or of the working set, a second or a minute."""
    with pytest.raises(ValueError, match="wanted"):
        PerMinute.parse(text)


def test_without_ages_it_says_so() -> None:
    """From Python it is easily forgotten."""
    blind = st.Observation(now_ns=1, interval_ns=1, held_bytes=1, held_entries=1)
    with pytest.raises(ValueError, match="give them with the observation"):
        PromotionRate(spec()).step(blind)
