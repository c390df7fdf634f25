"""Entries whose bytes have gone bad where they lie: they stay, say so, and stand in nobody's way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores import PAGE, pages_of, where

import swaptiers as st
from swaptiers.testing import Fault, FaultyTier
from swaptiers.testing.wrapped import WrappedTier

REQUEST = st.Triggers(request=True)
SEGMENT = 64 << 10


def on_files(folder: Path, *, edges: bool = True, wrap: Any = lambda tier: tier, **terms: Any) -> st.SwapSystem:
    """Two file tiers, of 1 MiB and 4 MiB, the first full of nothing yet; files with names, so that a test can damage them."""
    tiers = [
        st.FileSpec(name="ssd", capacity="1M", path="ssd.swap"),
        st.FileSpec(name="disk", capacity="4M", path="disk.swap"),
    ]
    edge = st.EdgeSpec(source="ssd", target="disk", **{"when": REQUEST, **terms})
    on_full = "demote" if edges else "spill"
    return st.SwapSystem(tiers, [edge], on_full=on_full, folder=folder, max_entries=1 << 16, wrap=wrap)


def flip(folder: Path, swap: st.SwapSystem, ids: Iterable[int], *, tier: str = "ssd", unit: int = PAGE) -> None:
    """Turn the bits of the first byte of each; twice turns them back."""
    with (folder / f"{tier}.swap").open("r+b") as file:
        for entry in ids:
            at = int(swap.core.records[int(entry) & 0xFFFF_FFFF].slot) * unit
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 255]))


def on_bad_sectors(folder: Path, **options: Any) -> tuple[st.SwapSystem, FaultyTier]:
    """The same on devices of which the first can be given bad sectors."""
    swap = on_files(folder, wrap=FaultyTier, **options)
    ssd: Any = swap.tiers[0]
    return swap, ssd


def slots_of(swap: st.SwapSystem, ids: Iterable[int]) -> list[int]:
    return [int(swap.core.records[int(entry) & 0xFFFF_FFFF].slot) for entry in ids]


def test_an_evacuation_ends(tmp_path: Path) -> None:
    """All others leave, the call comes back and says how many can't be read; once they can, the next call takes them."""
    with on_files(tmp_path) as swap:
        pages = pages_of(PAGE, 200)
        ids = swap.swap_out(pages)
        bad = ids[3:90:2]
        flip(tmp_path, swap, bad)
        done = swap.evacuate("ssd")
        assert (done.entries, done.left, done.refused["unreadable"]) == (156, 44, 44)
        assert {entry for entry, tier in zip(ids, where(swap, ids), strict=True) if tier == "ssd"} == set(bad)
        with pytest.raises(st.TierBusyError, match="still holds 44 entries .unreadable: 44"):
            swap.remove_tier("ssd")
        with pytest.raises(st.CorruptEntryError):
            swap.peek(bad[:1])
        swap.check()
        flip(tmp_path, swap, bad)
        assert swap.remove_tier("ssd").entries == 44
        assert np.array_equal(swap.swap_in(ids), pages)
        swap.check()


@pytest.mark.parametrize("policy", ["lru", "fifo", "second-chance", "largest", "random"])
def test_the_coldest_is_bad(tmp_path: Path, policy: str) -> None:
    """A batch of one, and the first in line can't be read: those behind it move all the same, and `plan` says why it stays."""
    with on_files(tmp_path, policy=policy, batch=1) as swap:
        ids = swap.swap_out(pages_of(PAGE, 40))
        flip(tmp_path, swap, ids[:20])
        done = swap.demote("1M", source="ssd")
        assert (done.entries, done.met, done.refused["unreadable"]) == (20, False, 20)
        plan = swap.plan("1M", source="ssd")
        assert {why: set(stay) for why, stay in plan.stays.items()} == {"unreadable": set(ids[:20])}
        assert swap.demote("1M", source="ssd").refused == {}
        swap.discard(ids[:10])
        swap.check()
        assert swap.stats().tiers["ssd"].entries == 10


def test_stores_are_not_refused(tmp_path: Path) -> None:
    """A full tier whose 70 coldest entries are bad still makes room, a batch at a time."""
    with on_files(tmp_path, batch=64, when=st.Triggers(pressure=True)) as swap:
        ids = swap.swap_out(pages_of(PAGE, 256))
        flip(tmp_path, swap, ids[:70])
        more = swap.swap_out(pages_of(PAGE, 100, 2))
        assert where(swap, more) == ["ssd"] * 100
        assert swap.stats().failures["ssd"] == {"corrupt": 70}
        assert np.array_equal(swap.peek(more), pages_of(PAGE, 100, 2))
        swap.check()


@pytest.mark.parametrize("cleaning", ["copy", "demote"])
def test_a_log_is_cleaned_around_them(tmp_path: Path, cleaning: Any) -> None:
    """A segment with nothing but bad payloads would be the emptiest forever: cleaning goes on with the next one."""
    tiers = [
        st.FileSpec(
            name="log", layout="log", capacity=16 * SEGMENT, segment=SEGMENT, max_live="60%", cleaning=cleaning,
            path="log.swap",
        ),
        st.FileSpec(name="disk", capacity="1M"),
    ]  # fmt: skip
    edge = st.EdgeSpec(source="log", target="disk", when=REQUEST)
    with st.SwapSystem(tiers, [edge], on_full="refuse", folder=tmp_path, max_entries=1 << 16) as swap:
        lasting = swap.swap_out(pages_of(1500, 3))
        held = swap.swap_out(pages_of(2000, 260, 1))
        flip(tmp_path, swap, lasting, tier="log", unit=1)
        random = np.random.default_rng(1)
        for turn in range(80):  # 80 x 60 x 2 KiB: nine times the log
            some = random.choice(len(held), 60, replace=False)
            swap.discard(held[some])
            fresh = pages_of(2000, len(some), 2 + turn)
            held[some] = swap.swap_out(fresh)
            assert np.array_equal(swap.peek(held[some]), fresh)
        log = swap.stats().tiers["log"]
        assert (log.cleanings if cleaning == "copy" else log.demoted_out) > 10
        assert swap.stats().failures["log"] == {"corrupt": 3}
        assert where(swap, lasting) == ["log"] * 3
        swap.check()
        swap.discard(lasting)
        swap.check()


@pytest.mark.parametrize("batch", [1, 8, 64])
def test_bad_sectors(tmp_path: Path, batch: int) -> None:
    """One sector fails the read of a whole batch: the others get out, the bad ones stay, are named and counted, and stand in
    nobody's way. A device that reads again gives them back."""
    swap, ssd = on_bad_sectors(tmp_path, batch=batch)
    with swap:
        pages = pages_of(PAGE, 150)
        ids = swap.swap_out(pages)
        bad = ids[[0, 1, 2, 5, 70, *range(100, 120)]]  # the coldest too; and a region larger than a small batch
        ssd.bad_slots.update(slots_of(swap, bad))
        done = swap.demote("4M", source="ssd")
        assert (done.entries, done.met, done.refused["unreadable"]) == (125, False, 25)
        assert {entry for entry, tier in zip(ids, where(swap, ids), strict=True) if tier == "ssd"} == set(bad)
        assert swap.stats().failures["ssd"] == {"load": 25}
        assert swap.stats().states["ssd"] == "open"
        fresh = swap.swap_out(pages_of(PAGE, 1, 7))
        assert set(swap.plan("1M", source="ssd").stays["unreadable"]) == set(bad)
        with pytest.raises(st.TierIOError):
            swap.peek(bad[:1])
        swap.check()
        ssd.bad_slots.clear()
        swap.readmit("ssd")
        assert swap.demote("4M", source="ssd").entries == 26
        assert np.array_equal(swap.swap_in(ids), pages)
        swap.discard(fresh)
        swap.check()


def test_bad_sectors_far_apart(tmp_path: Path) -> None:
    """Whether the device reads anything is asked of more than one other, and of none that is known to be bad; when only bad
    ones are left, nobody can tell, and the error is raised."""
    swap, ssd = on_bad_sectors(tmp_path, batch=2)
    with swap:
        ids = swap.swap_out(pages_of(PAGE, 9))
        bad = ids[[0, 1, 8]]
        ssd.bad_slots.update(slots_of(swap, bad))
        with pytest.raises(st.TierIOError):
            swap.demote("4M", source="ssd")
        assert where(swap, ids) == ["ssd", "ssd", *["disk"] * 6, "ssd"]
        assert set(swap.plan("4M", source="ssd").stays["unreadable"]) == set(bad[:2])
        ssd.injected.clear()
        with pytest.raises(st.TierIOError):
            swap.demote("4M", source="ssd")
        assert ssd.injected["load", "error"] == 2, "the batch, and its entry by itself; those set aside are not asked"
        swap.check()


def test_an_evacuation_from_bad_sectors(tmp_path: Path) -> None:
    """It takes along what can be read, and says how many can't."""
    swap, ssd = on_bad_sectors(tmp_path)
    with swap:
        ids = swap.swap_out(pages_of(PAGE, 200))
        bad = ids[3:90:2]
        ssd.bad_slots.update(slots_of(swap, bad))
        done = swap.evacuate("ssd")
        assert (done.entries, done.left, done.refused["unreadable"]) == (156, 44, 44)
        swap.check()


def test_a_store_above_bad_sectors(tmp_path: Path) -> None:
    """A full tier makes room around more bad sectors than it tries batches."""
    swap, ssd = on_bad_sectors(tmp_path, batch=1, when=st.Triggers(pressure=True))
    with swap:
        ids = swap.swap_out(pages_of(PAGE, 256))
        ssd.bad_slots.update(slots_of(swap, ids[:40]))
        more = swap.swap_out(pages_of(PAGE, 100, 2))
        assert where(swap, more) == ["ssd"] * 100
        assert where(swap, ids[:40]) == ["ssd"] * 40
        assert np.array_equal(swap.peek(more), pages_of(PAGE, 100, 2))
        swap.check()


@pytest.mark.parametrize("held", [1, 5, 150])
def test_a_device_that_reads_nothing(tmp_path: Path, held: int) -> None:
    """Nothing of it is taken for bad sectors: the error is raised, and once it is well everything moves; nor is it asked for
    each entry of a batch, which may take a broken disk half a minute each."""
    swap, ssd = on_bad_sectors(tmp_path)
    with swap:
        ids = swap.swap_out(pages_of(PAGE, held))
        ssd.arm([Fault("load", times=None)])
        with pytest.raises(st.TierIOError, match="still in 'ssd'"):
            swap.demote("4M", source="ssd")
        assert ssd.injected["load", "error"] <= 12
        assert swap.stats().failures["ssd"] == {"load": 1}
        ssd.disarm()
        assert swap.demote("4M", source="ssd").entries == held
        assert set(where(swap, ids)) == {"disk"}
        swap.check()


def test_a_read_that_fails_once(tmp_path: Path) -> None:
    """What can be read the second time moves; the failure is counted."""
    swap, ssd = on_bad_sectors(tmp_path)
    with swap:
        ids = swap.swap_out(pages_of(PAGE, 30))
        ssd.arm([Fault("load")])
        assert swap.demote("4M", source="ssd").entries == 30
        assert swap.stats().failures["ssd"] == {"load": 1}
        assert np.array_equal(swap.swap_in(ids), pages_of(PAGE, 30))


def test_where_nothing_can_be_read_nothing_is_set_aside(tmp_path: Path) -> None:
    """A look elsewhere reads an entry that is there: a device that gives none of them is at fault, not its entries."""
    swap, ssd = on_bad_sectors(tmp_path)
    with swap:
        ids = swap.swap_out(pages_of(PAGE, 90))
        ssd.bad_slots = set(slots_of(swap, ids))
        with pytest.raises(st.TierIOError):
            swap.demote("1M", source="ssd")
        ssd.bad_slots = set()
        assert swap.demote("1M", source="ssd").entries == 90
        swap.check()


def test_a_page_of_another_length(tmp_path: Path) -> None:
    """A tier that gives less than a page without a word: the call says whose page it was, and nothing is taken."""

    class Shortening(WrappedTier):
        def decode(self, payload: Any) -> Any:
            return bytes(payload)[:-1]

    with on_files(tmp_path, wrap=Shortening) as swap:
        ids = swap.swap_out(pages_of(PAGE, 3))
        with pytest.raises(st.CorruptEntryError) as caught:
            swap.swap_in(ids)
        assert caught.value.entry == ids[2]
        assert len(swap) == 3
        swap.check()
