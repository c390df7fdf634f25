"""Ctrl-C at any instant: the call is undone or was over, no lock stays locked, nothing stays reserved, every page is there."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from cold_lists import check_cold_lists
from instants import AVAILABLE, Interrupt

import swaptiers as st
from swaptiers.testing import check_pages, nothing_left
from swaptiers.testing.contract import KINDS, page_of

PAGE = 4096
STRIDE, WIDE = 5, 29
"""Of the instants, in calls that have few and many of them; the slow test takes each."""


def pages_of(n: int, seed: int = 0) -> Any:
    pages = [bytes(PAGE) if i % 7 == 6 else page_of(KINDS[i % 4], seed * 1000 + i, PAGE) for i in range(n)]
    return np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE)


def system(folder: Path) -> st.SwapSystem:
    """A pool that 20 pages fill, far memory that is filled soon too, and a disk; /x goes to the disk at once."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="48K"),
        st.MemorySpec(name="far", capacity="1M"),
        st.FileSpec(name="disk", capacity="2M", path="disk.swap", keep_clean=True),
    ]
    when = st.Triggers(pressure=True, watermark=st.Watermark(high="90%", low="60%"))
    edges = [
        st.EdgeSpec(source="zswap", target="far", when=when, batch=3),
        st.EdgeSpec(source="far", target="disk", when=when, batch=3, quota=st.Quota(time="1s", burst="10s")),
    ]
    swap = st.SwapSystem(tiers, edges, folder=folder, max_entries=1 << 10)
    swap.cgroup("/x", zswap_max=0, tiers_max={"far": 0})
    return swap


@attrs.define
class World:
    """A system, what is in it, and what a call does to that."""

    swap: st.SwapSystem
    ids: Any
    pages: Any
    more: Any
    clean: Any
    out: Any = attrs.field(factory=lambda: np.zeros((6, PAGE), np.uint8))

    @classmethod
    def make(cls, folder: Path) -> World:
        swap, pages, clean = system(folder), pages_of(24), pages_of(4, 9)
        ids = swap.swap_out(pages)
        kept = swap.swap_out(clean, "/x")
        swap.swap_in(kept, keep_clean=True)
        return cls(swap, ids, pages, pages_of(12, 5), (clean, kept))

    def sound(self, ids: Any, pages: Any) -> None:
        swap = self.swap
        assert swap._parts.lock.acquire(timeout=5), "the lock stays locked"
        swap._parts.lock.release()
        done = threading.Thread(target=swap.stats, daemon=True)
        done.start()
        done.join(5)
        assert not done.is_alive(), "others wait for the lock"
        assert swap.core.flights == {}
        assert swap.core.st.flying == 0
        check_cold_lists(swap)
        check_pages(swap, dict(zip(ids.tolist(), [page.tobytes() for page in pages], strict=True)))

    def unchanged(self) -> None:
        self.sound(self.ids, self.pages)

    def without(self, ids: Any) -> None:
        """These are gone, all of them, or none is."""
        left = ~np.isin(self.ids, ids)
        try:
            self.swap.peek(ids)
        except st.StaleEntryError:
            assert len(self.swap) == left.sum()
            self.sound(self.ids[left], self.pages[left])
        else:
            self.unchanged()

    def taken(self) -> None:
        """If the entries are gone, `out` has their pages."""
        self.without(self.ids[:6])
        if len(self.swap) < len(self.ids):
            assert (self.out == self.pages[:6]).all()


Call = tuple[Callable[[World], Any], Callable[[World], None]]
CALLS: dict[str, Call] = {
    "swap_out": (lambda w: w.swap.swap_out(w.more), World.unchanged),
    "swap_out to slots": (lambda w: w.swap.swap_out(w.more, "/x"), World.unchanged),
    "swap_out clean": (lambda w: w.swap.swap_out(w.clean[0], "/x", clean=w.clean[1]), World.unchanged),
    "swap_out_page": (lambda w: w.swap.swap_out_page(w.more[0].tobytes()), World.unchanged),
    "swap_out_page to slots": (lambda w: w.swap.swap_out_page(w.more[0].tobytes(), "/x"), World.unchanged),
    "swap_in": (lambda w: w.swap.swap_in(w.ids[:6], out=w.out), World.taken),
    "swap_in clean": (lambda w: w.swap.swap_in(w.ids[:6], out=w.out, keep_clean=True), World.taken),
    "swap_in_page": (lambda w: w.swap.swap_in_page(int(w.ids[-1])), lambda w: w.without(w.ids[-1:])),
    "swap_in_page from below": (lambda w: w.swap.swap_in_page(int(w.ids[0])), lambda w: w.without(w.ids[:1])),
    "peek": (lambda w: w.swap.peek(w.ids), World.unchanged),
    "discard": (lambda w: w.swap.discard(w.ids[3:20]), lambda w: w.without(w.ids[3:20])),
    "demote": (lambda w: w.swap.demote("40K", source="far"), World.unchanged),
    "evacuate": (lambda w: w.swap.evacuate("far"), World.unchanged),
    "stats": (lambda w: w.swap.stats(), World.unchanged),
}


def interrupt_at_each(folder: Path, name: str, first: int, stride: int) -> int:
    """The instants tried. Each in a system of its own."""
    call, sound = CALLS[name]
    number, tried = first, 0
    while True:
        world = World.make(folder)
        with world.swap:
            interrupt = Interrupt(number)
            try:
                interrupt.call(lambda world=world: call(world))
            except KeyboardInterrupt:
                try:
                    sound(world)
                except BaseException as error:
                    error.add_note(f"instant {number}, {interrupt.where}")
                    raise
                call(world) if "out" in name or name in ("peek", "demote", "evacuate") else None
            if not interrupt.reached:
                return tried
        number += stride
        tried += 1


@pytest.fixture(autouse=True, scope="module")
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every call once in peace: numba loads a kernel at its first call, and does not survive a Ctrl-C in that."""
    for call, sound in CALLS.values():
        world = World.make(tmp_path_factory.mktemp("loaded"))
        with world.swap:
            call(world)
            with contextlib.suppress(Exception, AssertionError):
                sound(world)
            world.swap.check()


@pytest.mark.skipif(not AVAILABLE, reason="where Python looks for signals is known for 3.11 only")
@pytest.mark.parametrize("name", CALLS)
def test_at_every_instant(tmp_path: Path, name: str) -> None:
    """A lock that stays locked, an entry that stays busy, a plan that never lands: the next call would hang, or a page be
    lost. Some instants of each call; `tests/slow` takes all."""
    stride = WIDE if name in ("swap_out", "swap_out to slots", "demote", "evacuate", "stats") else STRIDE
    with nothing_left(tmp_path):
        assert interrupt_at_each(tmp_path, name, random.Random(name).randrange(stride), stride) > 3


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # in a finalizer Python drops it, and says so
def test_by_real_signals(tmp_path: Path) -> None:
    """The same with a timer's signal, wherever it comes: also while a lock is waited for, or a device."""

    def ring(*_: object) -> None:
        raise KeyboardInterrupt

    draw = random.Random(3)
    before = signal.signal(signal.SIGALRM, ring)
    interrupted = 0
    try:
        world = World.make(tmp_path)
        for round_ in range(160):
            name = draw.choice([each for each in CALLS if each != "swap_out clean"])
            call, sound = CALLS[name]
            made: Any = None
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 1e-3))
                made = call(world)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
                if made is None and len(world.swap) <= len(world.ids):
                    sound(world)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if round_ % 8 == 7 or "out" in name or "in" in name or name == "discard":
                world.swap.check()
                check_cold_lists(world.swap)
                world.swap.close()
                world = World.make(tmp_path)
        world.swap.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 10
