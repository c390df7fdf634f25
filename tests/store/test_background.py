"""Background demotion in its own thread: it sleeps until something is due, outlives failing tiers, and ends cleanly."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.testing import Fault, FaultyTier, SlowTier, check_pages, nothing_left

PAGE = 4096
ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 30.0
WATERMARK = st.Triggers(watermark=st.Watermark(high="50%", low="25%"))


def raw(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


def system(folder: Path, when: Any = WATERMARK, wrap: Any = SlowTier, **options: Any) -> st.SwapSystem:
    """A pool of 64 raw pages above a disk: beyond 32 it is emptied to 16."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="256K"), st.FileSpec(name="disk", capacity="8M", path="disk.swap")]
    edges = [st.EdgeSpec(source="zswap", target="disk", when=when, batch=4)]
    return st.SwapSystem(tiers, edges, folder=folder, max_entries=1 << 12, wrap=wrap, **options)


def until(reached: Callable[[], bool]) -> None:
    """Fails after a minute."""
    end = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.001)


def in_zswap(swap: st.SwapSystem) -> int:
    return swap.stats().tiers["zswap"].entries


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "swaptiers-background"]


def test_it_moves_what_is_due_and_the_store_does_not(tmp_path: Path) -> None:
    """While the thread hangs in the device, a store beyond the watermark comes back at once, having moved nothing."""
    with nothing_left(tmp_path), system(tmp_path) as swap:
        slow: Any = swap.tiers[1]
        hang = slow.hang("store")
        movers = set()
        slow._pause = lambda operation, _: movers.add(threading.current_thread().name) if operation == "store" else None
        with swap.background() as background:
            pages = raw(40)
            ids = swap.swap_out(pages)
            hang.wait()
            assert in_zswap(swap) == 40
            hang.release()
            until(lambda: in_zswap(swap) == 16)
            assert background.running
        assert movers == {"swaptiers-background"}
        assert threads() == []
        assert swap.stats().edges["zswap->disk"].by_trigger == {"watermark": 24}
        check_pages(swap, dict(zip(ids.tolist(), [page.tobytes() for page in pages], strict=True)))


def test_without_it_the_store_does_it_again(tmp_path: Path) -> None:
    """After `stop` nobody else would keep the watermark."""
    with system(tmp_path) as swap:
        swap.background().stop()
        assert threads() == []
        swap.swap_out(raw(40))
        assert in_zswap(swap) == 16


def test_started_and_stopped_any_number_of_times(tmp_path: Path) -> None:
    """Two threads for one system, or a stop that hangs or raises the second time."""
    with nothing_left(tmp_path):
        swap = system(tmp_path)
        background = swap.background()
        assert swap.background() is background
        assert background.start() is background
        assert threads() == ["swaptiers-background"]
        background.stop()
        background.stop()
        assert not background.running
        with swap.background(), swap.background():
            assert threads() == ["swaptiers-background"]
        assert threads() == []
        swap.background()
        swap.close()
        assert threads() == []
        background.stop()
        for call in (swap.background, background.start, background.wake):
            with pytest.raises(st.ClosedError):
                call()


def test_it_sleeps(tmp_path: Path) -> None:
    """With nothing to do it takes the lock no more: a thread that polls would show in the calls of its clock."""
    asked = 0

    def clock() -> int:
        nonlocal asked
        asked += threading.current_thread().name == "swaptiers-background"
        return time.monotonic_ns()

    with system(tmp_path, clock=clock) as swap, swap.background() as background:
        until(lambda: background._is_asleep)
        before = asked
        ids = swap.swap_out(raw(5))
        swap.peek(ids)
        time.sleep(0.05)
        assert asked == before


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.now


def test_a_clock_that_is_set_by_hand(tmp_path: Path) -> None:
    """Ages come due by the system's clock, not the wall's; a clock that stands still is not polled."""
    clock = Clock()
    when = st.Triggers(age=st.AgeTrigger(older_than="2us", every="1us"))
    with system(tmp_path, when, clock=clock) as swap, swap.background() as background:
        ids = swap.swap_out(raw(5))
        until(lambda: background._is_asleep)
        time.sleep(0.02)
        before = clock.asked
        time.sleep(0.05)
        assert clock.asked == before
        assert in_zswap(swap) == 5
        clock.now = 10_000
        background.wake()
        until(lambda: swap.stats().tiers["disk"].entries == 5)
        swap.discard(ids)
        ids = swap.swap_out(raw(3, 2))
        clock.now = 20_000
        swap.swap_out(raw(1, 3))  # a store looks at the clock too
        until(lambda: swap.stats().tiers["disk"].entries == 3)


def test_terms_that_change_wake_it(tmp_path: Path) -> None:
    """A pool whose limit is lowered below what it holds, or a tier that is taken back, would wait for the next store."""
    with system(tmp_path, ram="1M") as swap, swap.background() as background:
        swap.set_zswap("zswap", max_pool_percent=50)
        ids = swap.swap_out(raw(40))
        until(lambda: background._is_asleep)
        assert in_zswap(swap) == 40, "beyond 64 it is emptied to 32"
        swap.set_zswap("zswap", max_pool_percent=25)
        until(lambda: in_zswap(swap) == 16)
        swap.quarantine("disk")
        more = swap.swap_out(raw(20, 1))
        until(lambda: background._is_asleep)
        assert in_zswap(swap) == 36
        swap.readmit("disk")
        until(lambda: in_zswap(swap) == 16)
        swap.discard([*ids, *more])


def test_ages_come_due_by_themselves(tmp_path: Path) -> None:
    """With a clock that runs nobody has to store or wake for it."""
    when = st.Triggers(age=st.AgeTrigger(older_than="1ms", every="1ms"))
    with system(tmp_path, when) as swap, swap.background():
        swap.swap_out(raw(5))
        until(lambda: swap.stats().tiers["disk"].entries == 5)


@pytest.mark.parametrize("error", ["error", "memory", "interrupt"])
def test_a_failing_tier_does_not_end_it(tmp_path: Path, error: Any) -> None:
    """The error is kept until a step succeeds, the pages stay where they are, and the next store is served."""
    with nothing_left(tmp_path), system(tmp_path, wrap=FaultyTier) as swap:
        disk: Any = swap.tiers[1]
        disk.arm([Fault("store", error, times=None)])
        with swap.background() as background:
            pages = raw(40)
            ids = swap.swap_out(pages)
            until(lambda: swap.background_error is not None)
            named = {"error": st.TierIOError, "memory": MemoryError, "interrupt": RuntimeError}[error]
            assert isinstance(background.error, named)
            assert in_zswap(swap) == 40
            disk.disarm()
            more = swap.swap_out(raw(1, 1))
            until(lambda: in_zswap(swap) <= 16)
            until(lambda: swap.background_error is None)
        assert (swap.swap_in(ids) == pages).all()
        swap.discard(more)
        swap.check()


def test_each_error_is_told(tmp_path: Path) -> None:
    """One that is followed by a step that works would be seen by nobody; and whoever is told may fail, too."""
    with system(tmp_path, wrap=FaultyTier) as swap:
        disk: Any = swap.tiers[1]
        disk.arm([Fault("store", times=2)])
        told = []

        def tell(error: Exception) -> None:
            told.append(str(error))
            if len(told) == 2:
                raise KeyError("told")

        background = swap.background()
        background.on_error = tell
        swap.swap_out(raw(40))
        until(lambda: len(told) == 1 and background._is_asleep)
        swap.swap_out(raw(1))
        until(lambda: len(told) == 2 and background._is_asleep)
        assert all(each.startswith("tier 'disk'") for each in told)
        with pytest.raises(KeyError, match="told"):
            background.stop()
        swap.background()
        swap.swap_out(raw(1))
        until(lambda: in_zswap(swap) <= 16)
        assert len(told) == 2


def test_its_last_error_is_raised_at_the_end(tmp_path: Path) -> None:
    """By `stop` and the end of the `with` block, once; an error that is on its way out is not hidden, and `close` is quiet."""
    with system(tmp_path, wrap=lambda tier: FaultyTier(tier, [Fault("store", times=None)])) as swap:
        swap.tiers[0].disarm()  # type: ignore[attr-defined]

        def fail() -> None:
            swap.swap_out(raw(40))
            until(lambda: swap.background_error is not None)

        with pytest.raises(st.TierIOError, match="demotion along zswap->disk"), swap.background():
            fail()
        swap.background().stop()
        with pytest.raises(KeyError, match="mine") as caught, swap.background():
            swap.swap_out(raw(1))
            until(lambda: swap.background_error is not None)
            raise KeyError("mine")
        assert "and in the background: tier 'disk'" in caught.value.__notes__[0]
        swap.background()
        swap.swap_out(raw(1))
        until(lambda: swap.background_error is not None)


def test_a_policy_that_fails(tmp_path: Path) -> None:
    """A user's policy that raises in the background neither ends the thread nor keeps it busy for ever."""
    (tmp_path / "failing_policy.py").write_text(
        "class Bad:\n    def suggest(self, candidates):\n        raise ValueError('no')\n"
    )
    tiers = [st.ZswapSpec(name="zswap", max_pool="256K"), st.FileSpec(name="disk", capacity="8M")]
    edges = [st.EdgeSpec(source="zswap", target="disk", when=WATERMARK, policy="failing_policy:Bad")]
    with st.SwapSystem(tiers, edges, folder=tmp_path, max_entries=1 << 12) as swap:
        background = swap.background()
        ids = swap.swap_out(raw(40))
        until(lambda: isinstance(swap.background_error, st.PolicyError))
        until(lambda: background._is_asleep)
        with pytest.raises(st.PolicyError):
            background.stop()
        again = swap.swap_out(raw(1))  # as without the thread: not the store's failure
        assert isinstance(swap.background_error, st.PolicyError)
        swap.discard(np.concatenate([ids, again]))


LEAVING = """\
import sys
import numpy as np
import swaptiers as st
tiers = [st.ZswapSpec(name="zswap", max_pool="256K"), st.FileSpec(name="disk", capacity="8M")]
when = st.Triggers(watermark=st.Watermark(high="50%", low="25%"), age=st.AgeTrigger(older_than="1ms", every="1ms"))
swap = st.SwapSystem(tiers, [st.EdgeSpec(source="zswap", target="disk", when=when)], max_entries=1 << 12)
background = swap.background()
for seed in range(20):
    swap.swap_out(np.random.default_rng(seed).integers(0, 256, (3, 4096), np.uint8))
print("good")
"""


def test_an_interpreter_that_ends(tmp_path: Path) -> None:
    """A program may end without closing anything: the thread neither crashes it nor keeps it alive."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "good\n", "")


def test_closing_while_it_moves(tmp_path: Path) -> None:
    """Its write is let land, and then it ends, before the files are closed."""
    with nothing_left(tmp_path):
        swap = system(tmp_path)
        hang = swap.tiers[1].hang("store")  # type: ignore[attr-defined]
        swap.background()
        swap.swap_out(raw(40))
        hang.wait()
        closer = threading.Thread(target=swap.close)
        closer.start()
        until(lambda: swap._parts.closed)
        assert closer.is_alive()
        assert (tmp_path / "disk.swap").exists()
        hang.release()
        closer.join(PATIENCE_S)
        assert not closer.is_alive()
        assert threads() == []


def test_what_is_due_this_very_instant(tmp_path: Path) -> None:
    """A clock that stands still at the time for which a step was asked: it is taken, not slept past."""
    now = [1000]
    when = st.Triggers(age=st.AgeTrigger(older_than="100ns", every="500ns"))
    with system(tmp_path, when, clock=lambda: now[0]) as swap:
        swap.swap_out(raw(5), last_used_ns=0)
        with swap.background() as background:
            until(lambda: in_zswap(swap) == 0)
            swap.swap_out(raw(5, 1), last_used_ns=0)
            now[0] = swap.core.words["wake_at"]
            background.wake()
            until(lambda: in_zswap(swap) == 0)
