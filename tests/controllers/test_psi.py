"""`psi` by itself: where it comes to rest on models of a cgroup, and what it never asks for."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.controllers.psi import Psi

SPEC = st.PsiSpec(source="zswap", target=0.01, gain=0.05)
SECOND = 10**9


def seen(held: int, stall_ns: float) -> st.Observation:
    return st.Observation(
        now_ns=0, interval_ns=SECOND, held_bytes=held, held_entries=held // 4096, stall_ns=round(stall_ns)
    )


class Cgroup:
    """Holds what comes in and is not taken; stalls the less the more it holds."""

    def __init__(self, stall: Callable[[float], float], comes_in: int, moves: bool = True) -> None:
        self.held = 0
        self.stall = stall
        self._comes_in = comes_in
        self._moves = moves

    def live(self, controller: Psi, steps: int, noise: float = 0.0) -> list[float]:
        """Shares of stall, step by step."""
        draw = random.Random(4)
        shares = []
        for _ in range(steps):
            self.held += self._comes_in
            shares.append(self.stall(self.held) * draw.uniform(1 - noise, 1 + noise))
            asked = controller.step(seen(self.held, shares[-1] * SECOND)).nbytes
            self.held -= asked if self._moves else 0
        return shares


def mean_of_last(shares: list[float], count: int = 200) -> float:
    return sum(shares[-count:]) / count


@pytest.mark.parametrize("steepness", [0.5, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_it_rests_at_its_target(steepness: float, noise: float) -> None:
    """A step that is in proportion to the error alone, or another one above than below, rests beside the target."""
    cgroup = Cgroup(lambda held: 0.01 * (1_000_000 / held) ** steepness, comes_in=20_000)
    shares = cgroup.live(Psi(SPEC), 1200, noise)
    assert mean_of_last(shares) == pytest.approx(0.01, rel=0.05)


def test_it_comes_back_after_a_change() -> None:
    """A limit that had run away while it was out of reach would take as long to come back."""
    cgroup, controller = Cgroup(lambda held: 0.01 * 1e6 / held, comes_in=20_000), Psi(SPEC)
    cgroup.live(controller, 600)
    cgroup.stall = lambda held: 0.01 * 3e6 / held
    after = cgroup.live(controller, 400)
    assert after[0] > 0.025
    assert mean_of_last(after) == pytest.approx(0.01, rel=0.05)
    cgroup.stall = lambda held: 0.01 * 1e6 / held
    assert mean_of_last(cgroup.live(controller, 600)) == pytest.approx(0.01, rel=0.05)


def test_what_cannot_be_moved_does_not_make_the_limit_run_away() -> None:
    """Nothing moves for long; once something waits, the limit is above what is held within a few steps."""
    cgroup, controller = Cgroup(lambda _: 0.0, comes_in=0, moves=False), Psi(SPEC)
    cgroup.held = 1_000_000
    cgroup.live(controller, 500)
    assert controller.step(seen(1_000_000, 0)).nbytes == 500_000
    asked = [controller.step(seen(1_000_000, 0.1 * SECOND)).nbytes for _ in range(3)]
    assert asked[-1] == 0


def test_nothing_held_at_first() -> None:
    """A limit that begins at nothing and grows by a factor would stay there."""
    controller = Psi(attrs.evolve(SPEC, most=1))
    assert controller.step(seen(0, 0)).nbytes == 0
    limits = [controller.step(seen(100_000, 0.02 * SECOND)).setting for _ in range(5)]
    assert limits == sorted(limits)
    assert limits[-1] > limits[0] > 0


@given(some.lists(some.tuples(some.integers(0, 1 << 40), some.integers(0, 3 * SECOND)), min_size=1, max_size=30))
def test_never_more_than_there_is(story: list[tuple[int, int]]) -> None:
    """Whatever happens: no negative wish, none for more than `most` of what is held, and no lower limit while it stalls."""
    controller = Psi(SPEC)
    limit = float("inf")
    for held, stall in story:
        step = controller.step(seen(held, stall))
        assert 0 <= step.nbytes <= SPEC.most * held + 1
        assert 0 <= step.measured <= 1
        if step.measured > SPEC.target:
            assert step.setting >= min(limit, held)
        limit = step.setting


@pytest.mark.parametrize("name", ["target", "gain", "back_off", "most", "every"])
def test_nothing_of_it_may_be_zero(name: str) -> None:
    """Division by zero, or a limit that never moves."""
    with pytest.raises(ValueError, match=f"{name} is a"):
        st.PsiSpec(source="zswap", **{name: 0})
