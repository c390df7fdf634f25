"""Calls that come in the middle of others in the same thread: a signal's handler, a finalizer."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np

import swaptiers as st

PAGE = 4096


def pages_of(seed: int, n: int = 40) -> Any:
    return np.random.default_rng(seed).integers(0, 16, (n, PAGE), np.uint8)


@contextlib.contextmanager
def alarms(what: Callable[[], None]) -> Iterator[None]:
    """Calls it again and again, between two of whatever Python's instructions, never in the middle of itself."""

    def handler(_: int, frame: FrameType | None) -> None:
        what()
        signal.setitimer(signal.ITIMER_REAL, 0.0003)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0003)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_stores_and_demotes() -> None:
    """Each call has its own memory: the outer one's payloads and places are not written over by the handler's."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="256K"), st.FileSpec(name="ssd", capacity="64M")]
    edges = [st.EdgeSpec(source="zswap", target="ssd", when=st.Triggers(pressure=True))]
    with st.SwapSystem(tiers, edges, max_entries=1 << 16) as swap:
        kept: list[tuple[Any, int]] = []

        def handler() -> None:
            if not swap._parts.lock._is_owned():  # what it interrupts may hold the lock
                kept.append((swap.swap_out(pages_of(len(kept), 8)), len(kept)))
                swap.demote("8K", source="zswap")

        outer: list[tuple[Any, Any]] = []
        swap.swap_in(swap.swap_out(pages_of(0)))  # kernels are loaded
        with alarms(handler):
            for seed in range(1000, 1150):
                pages = pages_of(seed)
                outer.append((swap.swap_out(pages), pages))
        assert len(kept) > 20
        for ids, pages in outer:
            assert (swap.swap_in(ids) == pages).all()
        for ids, seed in kept:
            assert (swap.swap_in(ids) == pages_of(seed, 8)).all()
        swap.check()
