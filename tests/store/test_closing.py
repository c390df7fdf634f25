"""The end of a system: closed while others work on it, forked, or with tiers that can't be closed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.testing import Fault, FaultyTier, SlowTier, nothing_left

PAGE = 4096
ROOT = Path(__file__).parent.parent.parent


def raw_pages(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


def soft_pages(n: int, seed: int = 0) -> Any:
    pages = raw_pages(n, seed)
    pages[:, PAGE // 2 :] = 0
    return pages


def tiers_in(*names: str) -> list[Any]:
    return [
        st.ZswapSpec(name="zswap", max_pool="256K"),
        *(st.FileSpec(name=n, capacity="4M", path=f"{n}.swap") for n in names),
    ]


def test_closing_while_threads_work(tmp_path: Path) -> None:
    """A call that planned with memory that was given back would crash the process. Threads get ClosedError, nothing else."""
    for round_ in range(12):
        swap = st.SwapSystem(tiers_in("ssd", "disk"), folder=tmp_path, max_entries=1 << 14)
        unexpected: list[BaseException] = []
        started = threading.Barrier(5)

        def work(number: int, swap: st.SwapSystem = swap, unexpected: list[BaseException] = unexpected,
                 started: threading.Barrier = started) -> None:  # fmt: skip
            pages = soft_pages(40, number)
            started.wait()
            try:
                while True:
                    ids = swap.swap_out(pages)
                    swap.demote("100K", source="zswap")
                    swap.peek(ids[:5])
                    swap.swap_in_page(int(ids[0]))
                    swap.swap_in(ids[1:20])
                    swap.discard(ids[20:])
                    swap.run_background()
                    if number == 0:
                        swap.check()
            except st.ClosedError:
                pass
            except BaseException as error:
                unexpected.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        started.wait()
        for _ in range(round_ * 3):
            swap.stats()
        swap.close()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert unexpected == []
        assert list(tmp_path.iterdir()) == []


def test_closing_waits_for_what_is_being_written(tmp_path: Path) -> None:
    """A write to a file that was closed could go to whatever file got its number next."""
    swap = st.SwapSystem(tiers_in("disk"), folder=tmp_path, max_entries=1 << 12, wrap=SlowTier)
    slow: Any = swap.tiers[1]
    swap.swap_out(raw_pages(20))
    hang = slow.hang("store")
    failed: list[BaseException] = []

    def demote() -> None:
        try:
            swap.demote("1M", source="zswap")
        except BaseException as error:
            failed.append(error)

    demoter, closer = threading.Thread(target=demote), threading.Thread(target=swap.close)
    demoter.start()
    hang.wait()
    closer.start()
    while True:  # until the system says that it is closed
        try:
            swap.stats()
        except st.ClosedError:
            break
    assert closer.is_alive()
    assert (tmp_path / "disk.swap").exists()
    hang.release()
    for thread in (demoter, closer):
        thread.join(60)
        assert not thread.is_alive()
    assert [type(error) for error in failed] in ([], [st.ClosedError])
    assert list(tmp_path.iterdir()) == []


def test_a_tier_that_cannot_be_closed(tmp_path: Path) -> None:
    """The others are closed all the same, and the error says which it was."""
    with nothing_left(tmp_path):
        swap = st.SwapSystem(
            tiers_in("ssd", "disk"),
            folder=tmp_path,
            max_entries=1 << 12,
            wrap=lambda t: FaultyTier(t, [Fault("close")]),
        )
        with pytest.raises(st.TierIOError, match="tier 'zswap': closing failed.*left behind") as caught:
            swap.close()
        assert caught.value.errno == errno.EIO
        swap.close()
        assert [tier.injected[("close", "error")] for tier in swap.tiers] == [1, 1, 1]  # type: ignore[attr-defined]


def test_closing_hides_no_earlier_error(tmp_path: Path) -> None:
    """What the program failed with is what its author has to see; closing only adds a note."""
    with pytest.raises(KeyError, match="mine") as caught, nothing_left(tmp_path):  # noqa: SIM117
        with st.SwapSystem(
            tiers_in("disk"), folder=tmp_path, max_entries=1 << 12, wrap=lambda t: FaultyTier(t, [Fault("close")])
        ):
            raise KeyError("mine")
    assert "closing failed" in caught.value.__notes__[0]


def test_a_wrap_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The tier that was opened for it, and those before, are closed."""

    def wrap(tier: Any) -> Any:
        if tier.name == "disk":
            raise ValueError("no")
        return FaultyTier(tier, [Fault("close")])

    with nothing_left(tmp_path), pytest.raises(ValueError, match="no"):
        st.SwapSystem(tiers_in("ssd", "disk"), folder=tmp_path, max_entries=1 << 12, wrap=wrap)


FORKING = """\
import os, sys, threading
import numpy as np
import swaptiers as st

pages = np.random.default_rng(1).integers(0, 256, (40, 4096), np.uint8)
tiers = [st.ZswapSpec(name="zswap", max_pool="64K"), st.FileSpec(name="disk", capacity="1M", path="disk.swap")]
swap = st.SwapSystem(tiers, max_entries=1 << 12)
web = swap.cgroup("/web")
background = swap.background()
ids = swap.swap_out(pages)
swap._parts.lock.acquire()  # as another thread may have it at the moment of the fork
child = os.fork()
if child == 0:
    calls = [lambda: swap.swap_out(pages), lambda: swap.swap_out_page(bytes(4096)), lambda: swap.swap_in(ids),
             lambda: swap.swap_in_page(int(ids[0])), lambda: swap.peek(ids), lambda: swap.discard(ids),
             lambda: swap.demote("1M", source="zswap"), lambda: swap.stats(), lambda: swap.check(), lambda: len(swap),
             lambda: swap.inversion(), lambda: swap.cgroup("/a"), lambda: swap.run_background(), swap.background,
             background.start, background.wake, lambda: swap.evacuate("disk"), lambda: swap.remove_tier("disk"),
             lambda: swap.readmit("disk"), lambda: swap.quarantine("disk"), lambda: swap.forget_clean(ids),
             lambda: swap.plan("1M", source="zswap"), lambda: swap.limit(st.CgroupSpec(path="/")),
             lambda: swap.cgroup_spec("/"), lambda: swap.remove_cgroup("/b"), lambda: web.set(swap_max="1M"),
             lambda: web.spec, lambda: swap.swap_out(pages, clean=ids), lambda: swap.swap_out(pages, "/nowhere"),
             lambda: swap.swap_in(ids, keep_clean=True)]
    said = set()
    for call in calls:
        try:
            call()
            raise AssertionError("a call of the child's went through")
        except st.ForkedError as error:
            assert isinstance(error, st.ClosedError) and error.owner == os.getppid()
            said.add(str(error))
    assert len(said) == 1 and f"process {os.getpid()} is a fork" in said.pop()
    with st.SwapSystem(tiers[:1], max_entries=1 << 12) as own:
        assert (own.swap_in(own.swap_out(pages[:5])) == pages[:5]).all()
    background.stop()
    swap.tiers[1].close()  # as a garbage collector might
    swap.close()
    swap.__exit__(None, None, None)
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
swap._parts.lock.release()
assert os.path.exists("disk.swap")
assert (swap.peek(ids) == pages).all()
swap.demote("1M", source="zswap")
assert (swap.swap_in(ids) == pages).all()
swap.check()
assert [thread.name for thread in threading.enumerate()] == ["MainThread", "swaptiers-background"]
swap.close()
assert not os.path.exists("disk.swap")
print("good")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_child(tmp_path: Path) -> None:
    """Parent and child would write the same slots. The child gets an error, whoever held the lock; the parent goes on."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stderr
