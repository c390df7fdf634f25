"""memory.pressure's arithmetic, against numbers worked out by hand and against a plain exponential average."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as any_

from swaptiers.control.pressure import PERIOD_NS, Stalls, decayed

SECOND = 1_000_000_000


def averages(stalls: Stalls, line: int = 0) -> dict[str, float]:
    words = stalls.read().splitlines()[line].split()[1:]
    return {key: float(value) for key, value in (word.split("=") for word in words)}


def test_nothing_yet() -> None:
    """The kernel's text, to the digit."""
    assert Stalls(workloads=1).read() == (
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )


def test_one_period_of_half_stalled() -> None:
    """calc_load() by hand: (0 * 1677 + 50 * 2048 * (2048 - 1677) + 2047) // 2048 = 18550, which is 9.05 %."""
    stalls = Stalls(workloads=1)
    stalls.look(2 * SECOND, SECOND)
    assert decayed(0, 1677, 50 << 11) == 18550
    assert averages(stalls) == {"avg10": 9.05, "avg60": 1.63, "avg300": 0.34, "total": 1_000_000}


def test_a_steady_stall_is_where_it_settles() -> None:
    """After many windows each average is the share itself."""
    stalls = Stalls(workloads=1)
    for second in range(1, 3000):
        stalls.look(second * SECOND, second * SECOND * 3 // 10)
    seen = averages(stalls)
    for name in ("avg10", "avg60", "avg300"):
        assert seen[name] == pytest.approx(30, abs=0.5)


def test_always_stalled_is_all_of_the_time() -> None:
    """calc_load() rounds up on the way up: without that the averages stay below 100."""
    stalls = Stalls(workloads=1)
    for second in range(1, 6000):
        stalls.look(second * SECOND, second * SECOND)
    assert averages(stalls) == {"avg10": 100, "avg60": 100, "avg300": 100, "total": 5_999_000_000}
    assert (decayed(0, 1677, 1), decayed(1, 1677, 0)) == (1, 0)


@given(any_.lists(any_.integers(0, PERIOD_NS), min_size=1, max_size=40))
def test_averages_decay_exponentially(stalled: list[int]) -> None:
    """Fixed point against floating point: exp(-2 s / window) per period."""
    stalls = Stalls(workloads=1)
    total = 0
    model = dict.fromkeys((10, 60, 300), 0.0)
    for period, ns in enumerate(stalled, start=1):
        total += ns
        stalls.look(period * PERIOD_NS, total)
        for window in model:
            keep = math.exp(-2 / window)
            model[window] = model[window] * keep + 100 * ns / PERIOD_NS * (1 - keep)
    seen = averages(stalls)
    for window, average in model.items():
        assert seen[f"avg{window}"] == pytest.approx(average, abs=1.0)
    assert seen["total"] == total // 1000


def test_periods_without_a_look_count_as_quiet() -> None:
    """missed_periods: what was stalled is in the period that is counted, those before it decay."""
    stalls = Stalls(workloads=1)
    stalls.look(2 * SECOND, 2 * SECOND)
    before = averages(stalls)["avg10"]
    stalls.look(42 * SECOND, 2 * SECOND)
    assert averages(stalls)["avg10"] < before * math.exp(-4) + 0.5


def test_several_workloads_give_bounds() -> None:
    """Two workloads stalled for 1.5 s of a second together: at most all of it, and half of it both."""
    stalls = Stalls(workloads=2)
    stalls.look(SECOND, SECOND + SECOND // 2)
    assert (stalls.some.total_ns, stalls.full.total_ns) == (SECOND, SECOND // 2)
    stalls.look(2 * SECOND, SECOND * 2)
    assert (stalls.some.total_ns, stalls.full.total_ns) == (SECOND * 3 // 2, SECOND // 2)
