"""Slots that are kept when a page is read back: the same id again for an unmodified page, and never a wrong byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from stores import PAGE, check_whole, pages_of, where

import swaptiers as st
from swaptiers.testing import Fault, FaultyTier


def keeping(*, below: str = "100%", capacity: str = "2M", **limits: Any) -> st.SwapSystem:
    tiers = [st.FileSpec(name="ssd", capacity=capacity, keep_clean=True, keep_below=below)]
    return st.SwapSystem(tiers, [], cgroups=[st.CgroupSpec(path="/a", **limits)], max_entries=1 << 16)


def test_an_unmodified_page_writes_nothing() -> None:
    """The ids are valid again, the bytes are there, and the tier was not written."""
    with keeping() as swap:
        pages = pages_of(PAGE, 10)
        ids = swap.swap_out(pages, "/a")
        written = swap.stats().tiers["ssd"].written_bytes
        assert np.array_equal(swap.swap_in(ids, keep_clean=True), pages)
        assert (len(swap), swap.stats().tiers["ssd"].kept, swap.stats().entries) == (0, 10, 0)
        assert swap.swap_out(pages, "/a", clean=ids).tolist() == ids.tolist()
        stats = swap.stats().tiers["ssd"]
        assert (stats.written_bytes, stats.clean_stores, stats.kept) == (written, 10, 0)
        check_whole(swap, ids, pages)


def test_kept_slots_are_in_every_account() -> None:
    """An account of entries that keeping forgets is wrong from the first kept slot on, or from the first that comes back."""
    with keeping() as swap:
        pages = pages_of(PAGE, 10)
        ids = swap.swap_out(pages, "/a")
        swap.check()
        swap.swap_in(ids, keep_clean=True)
        swap.check()
        stats = swap.stats()
        assert (stats.tiers["ssd"].loads, stats.tiers["ssd"].read_bytes) == (10, 10 * PAGE)
        assert (stats.cgroups["/a"].pswpin, stats.cgroups["/a"].entries) == (10, 0)
        swap.swap_out(pages[:5], "/a", clean=ids[:5])
        swap.check()
        swap.forget_clean(ids[5:])
        swap.check()


def test_a_store_of_clean_pages_that_fails() -> None:
    """None of the call's pages are in: neither those that were put back, nor those that were written before it failed."""
    tiers = [st.FileSpec(name="ssd", capacity="4M", keep_clean=True, keep_below="100%")]
    with st.SwapSystem(tiers, [], max_entries=1 << 16, wrap=FaultyTier) as swap:
        pages = pages_of(PAGE, 200)
        ids = swap.swap_out(pages)
        swap.swap_in(ids, keep_clean=True)
        pages[5:, 9] ^= 1
        swap.tiers[0].arm([Fault("store", first=1)])  # type: ignore[attr-defined]
        with pytest.raises(st.TierIOError):
            swap.swap_out(pages, clean=ids)
        assert (len(swap), swap.forget_clean(ids)) == (0, 0)
        swap.check()


def test_a_changed_page_is_noticed() -> None:
    """Whoever says that a page is clean and is wrong gets his own bytes back, not the old ones."""
    with keeping() as swap:
        pages = pages_of(PAGE, 6)
        ids = swap.swap_out(pages, "/a")
        swap.swap_in(ids, keep_clean=True)
        pages[2, 77] ^= 1
        again = swap.swap_out(pages, "/a", clean=ids)
        assert (again == ids).tolist() == [True, True, False, True, True, True]
        check_whole(swap, again, pages)
        with pytest.raises(st.StaleEntryError):
            swap.peek(ids[2:3])


def test_without_keep_clean_nothing_is_kept() -> None:
    """A plain swap-in frees the slot, as before."""
    with keeping() as swap:
        ids = swap.swap_out(pages_of(PAGE, 4), "/a")
        swap.swap_in(ids)
        assert swap.stats().tiers["ssd"].kept == 0


def test_kept_ids_are_good_for_nothing_else() -> None:
    """A kept slot is no entry: it can't be read or taken under its id, and forgetting it frees it."""
    with keeping() as swap:
        ids = swap.swap_out(pages_of(PAGE, 4), "/a")
        swap.swap_in(ids, keep_clean=True)
        for call in (swap.swap_in, swap.peek, swap.discard):
            with pytest.raises(st.StaleEntryError):
                call(ids[:1])
        assert swap.forget_clean(ids[:3]) == 3
        assert swap.forget_clean(ids) == 1
        assert swap.stats().tiers["ssd"].pool_bytes == 0
        swap.check()


def test_above_the_mark_nothing_is_kept() -> None:
    """As vm_swap_full(): with more than keep_below in use, a load frees its slot."""
    with keeping(below="50%") as swap:  # 512 slots
        ids = swap.swap_out(pages_of(PAGE, 300), "/a")
        swap.swap_in(ids[:100], keep_clean=True)
        assert swap.stats().tiers["ssd"].kept == 100 - 44  # the first 44 loads brought it down to 256
        swap.check()


def test_kept_slots_give_way() -> None:
    """A full tier, and a limit of a cgroup, take the longest kept slots before they refuse anybody."""
    with keeping(capacity="1M", swap_max=200 * PAGE) as swap:
        mine = pages_of(PAGE, 200)
        ids = swap.swap_out(mine, "/a")
        swap.swap_in(ids[:50], keep_clean=True)
        more = swap.swap_out(pages_of(PAGE, 30, 2), "/a")
        assert where(swap, more) == ["ssd"] * 30
        assert swap.stats().tiers["ssd"].kept == 20
        others = swap.swap_out(pages_of(PAGE, 70, 3))
        assert len(others) == 70
        assert swap.stats().tiers["ssd"].kept == 6
        assert swap.forget_clean(ids[:50]) == 6
        swap.check()


def test_a_removed_cgroups_kept_slots() -> None:
    """They are charged to the parent from then on, and can still be used."""
    with keeping() as swap:
        pages = pages_of(PAGE, 8)
        ids = swap.swap_out(pages, "/a")
        swap.swap_in(ids, keep_clean=True)
        swap.remove_cgroup("/a")
        swap.check()
        assert swap.stats().cgroups["/"].swap_bytes == 8 * PAGE
        assert swap.swap_out(pages, clean=ids).tolist() == ids.tolist()
        check_whole(swap, ids, pages)


def test_what_clean_must_be() -> None:
    """One id per page, none twice."""
    with keeping() as swap:
        pages = pages_of(PAGE, 2)
        for clean, says in (([1], "2 pages"), ([7, 7], "twice")):
            with pytest.raises(ValueError, match=says):
                swap.swap_out(pages, "/a", clean=clean)
        assert len(swap) == 0


class KeptMachine(RuleBasedStateMachine):
    """A small tier that keeps slots, a tier above it, two cgroups, against a dict of pages."""

    @initialize(below=some.sampled_from(["20%", "60%", "100%"]), limit=some.sampled_from([None, 60 * PAGE]))
    def build(self, below: str, limit: int | None) -> None:
        tiers: list[Any] = [
            st.ZswapSpec(name="zswap", max_pool="64K"),
            st.FileSpec(name="ssd", capacity="1M", keep_clean=True, keep_below=below),
        ]
        self.swap = st.SwapSystem(tiers, None, on_full="demote", max_entries=1 << 16, stamp_limit=600)
        self.swap.cgroup("/a", swap_max=limit)
        self.out: dict[int, bytes] = {}
        self.read: dict[int, bytes] = {}
        self.seed = 0

    @rule(n=some.integers(1, 12), where=some.sampled_from(["/", "/a"]))
    def store(self, n: int, where: str) -> None:
        if len(self.out) > 150:
            return
        self.seed += 1
        pages = pages_of(PAGE, n, self.seed)
        try:
            ids = self.swap.swap_out(pages, where)
        except st.StoreRefusedError as refused:
            ids = refused.ids
        for entry, page in zip(ids.tolist(), pages, strict=True):
            if entry:
                self.out[entry] = page.tobytes()

    @precondition(lambda self: self.out)
    @rule(data=some.data(), keep=some.booleans())
    def load(self, data: Any, keep: bool) -> None:
        ids = data.draw(some.lists(some.sampled_from(sorted(self.out)), unique=True, max_size=20))
        got = self.swap.swap_in(ids, keep_clean=keep)
        for entry, page in zip(ids, got, strict=True):
            assert page.tobytes() == self.out[entry]
            self.read[entry] = self.out.pop(entry)

    @precondition(lambda self: self.read)
    @rule(data=some.data(), changed=some.booleans())
    def store_again(self, data: Any, changed: bool) -> None:
        ids = data.draw(some.lists(some.sampled_from(sorted(self.read)), unique=True, min_size=1, max_size=20))
        pages = np.frombuffer(b"".join(self.read[entry] for entry in ids), np.uint8).reshape(-1, PAGE).copy()
        if changed:
            pages[0, 5] ^= 255
        try:
            again = self.swap.swap_out(pages, "/a", clean=ids)
        except st.StoreRefusedError as refused:
            again = refused.ids
        for old, new, page in zip(ids, again.tolist(), pages, strict=True):
            del self.read[old]
            if new:
                self.out[new] = page.tobytes()

    @precondition(lambda self: self.read)
    @rule(data=some.data())
    def forget(self, data: Any) -> None:
        ids = data.draw(some.lists(some.sampled_from(sorted(self.read)), unique=True, max_size=20))
        assert 0 <= self.swap.forget_clean(ids) <= len(ids)
        for entry in ids:
            del self.read[entry]

    @invariant()
    def whole(self) -> None:
        if not hasattr(self, "swap"):
            return
        self.swap.check()
        assert len(self.swap) == len(self.out)
        assert self.swap.stats().tiers["ssd"].pool_bytes <= 1 << 20

    def teardown(self) -> None:
        if hasattr(self, "swap"):
            ids = sorted(self.out)
            assert [page.tobytes() for page in self.swap.swap_in(ids)] == [self.out[entry] for entry in ids]
            self.swap.forget_clean(sorted(self.read))
            assert sum(tier.pool_bytes for tier in self.swap.stats().tiers.values()) == 0
            self.swap.close()


KeptMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TestKeptMachine = KeptMachine.TestCase
