"""A tier that keeps failing takes nothing new: stores pass it by, edges into it pause, what is in it can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.core.constants import REASON_NAMES
from swaptiers.report.explain import WORDS
from swaptiers.testing import Fault, FaultyTier, check_pages, nothing_left

PAGE = 4096
REQUEST = st.Triggers(request=True)
ALWAYS: Any = {"times": None}


def raw(n: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Zswap, ssd and disk in a chain; /x may not use zswap, so that its pages go to the ssd."""
    made: list[st.SwapSystem] = []

    def system(when: Any = REQUEST, ssd: Any = None, pool: str = "4M", **options: Any) -> st.SwapSystem:
        tiers = [
            st.ZswapSpec(name="zswap", max_pool=pool),
            st.FileSpec(name="ssd", capacity="2M", path="ssd.swap", **(ssd or {})),
            st.FileSpec(name="disk", capacity="4M", path="disk.swap"),
        ]
        edges = [st.EdgeSpec(source=a, target=b, when=when) for a, b in (("zswap", "ssd"), ("ssd", "disk"))]
        options = {"on_full": "spill", **options}
        made.append(st.SwapSystem(tiers, edges, folder=tmp_path, max_entries=1 << 12, wrap=FaultyTier, **options))
        made[-1].cgroup("/x", zswap_max=0)
        return made[-1]

    with nothing_left(tmp_path):
        yield system
        for swap in made:
            swap.close()


def tier(swap: st.SwapSystem, name: str) -> Any:
    return swap.tiers[swap.graph.rank(name)]


def fail_stores(swap: st.SwapSystem, times: int, name: str = "ssd") -> None:
    tier(swap, name).arm([Fault("store", times=None)])
    for number in range(times):
        with pytest.raises(st.TierIOError):
            swap.swap_out(raw(1, number), "/x") if number % 2 else swap.swap_out_page(raw(1, number).tobytes(), "/x")
    tier(swap, name).disarm()


def where(swap: st.SwapSystem, ids: Any) -> set[str]:
    return {swap.graph.tiers[swap.core.records[int(entry) & 0xFFFF_FFFF].tier].name for entry in ids}


def test_nothing_new_comes_in_and_reads_go_on(make: Any) -> None:
    """Without it every store would meet the broken device first, and fail, for ever."""
    swap = make()
    pages = raw(20, 1)
    ids = swap.swap_out(pages, "/x")
    assert where(swap, ids) == {"ssd"}
    fail_stores(swap, 7)
    assert swap.stats().states == {"zswap": "open", "ssd": "open", "disk": "open"}
    fail_stores(swap, 1)
    assert swap.stats().states == {"zswap": "open", "ssd": "quarantined", "disk": "open"}
    assert where(swap, swap.swap_out(raw(5, 2), "/x")) == {"disk"}
    swap.swap_out(raw(5, 3))
    done = swap.demote("1M", source="zswap")
    assert (done.entries, done.refused) == (0, {"quarantined": 1})
    edge = swap.stats().edges["zswap->ssd"]
    assert edge.stalled == edge.refused == {"quarantined": 1}
    assert edge.scanned == 0
    assert swap.plan("1M", source="zswap").outcome.refused == {"quarantined": 1}
    assert (swap.peek(ids) == pages).all()
    assert swap.demote("8K", source="ssd").entries >= 2, "its own edges move on"
    assert (swap.swap_in(ids) == pages).all()
    swap.check()


def test_readmitted(make: Any) -> None:
    """It is as new: entries come in, and the failures of before count no more; those that were counted stay."""
    swap = make()
    fail_stores(swap, 8)
    swap.readmit("ssd")
    assert swap.stats().states["ssd"] == "open"
    fail_stores(swap, 7)
    ids = swap.swap_out(raw(5, 2), "/x")
    assert where(swap, ids) == {"ssd"}
    assert swap.stats().failures["ssd"] == {"store": 15}
    check_pages(swap, dict(zip(ids.tolist(), [page.tobytes() for page in raw(5, 2)], strict=True)))


def test_evacuated(make: Any) -> None:
    """Out of a tier in quarantine everything is read and moved; it stays in quarantine until it is readmitted."""
    swap = make()
    pages = raw(30, 1)
    ids = swap.swap_out(pages, "/x")
    fail_stores(swap, 8)
    done = swap.evacuate("ssd")
    assert (done.entries, done.left, done.targets) == (30, 0, {"disk": 30})
    assert swap.stats().states["ssd"] == "quarantined"
    assert where(swap, swap.swap_out(raw(3, 7), "/x")) == {"disk"}
    swap.remove_tier("ssd")
    assert swap.stats().states["ssd"] == "removed"
    assert (swap.swap_in(ids) == pages).all()


def test_evacuation_passes_by_a_tier_in_quarantine(make: Any) -> None:
    """What leaves the ssd may not land in a disk that fails: it goes up."""
    swap = make()
    pages = raw(10, 1)
    swap.cgroup("/y")
    ids = swap.swap_out(pages, "/y")
    swap.demote("1M", source="zswap")
    swap.quarantine("disk")
    done = swap.evacuate("ssd")
    assert (done.targets, done.refused) == ({"zswap": 10}, {"quarantined": done.refused["quarantined"]})
    assert swap.stats().states == {"zswap": "open", "ssd": "evacuating", "disk": "quarantined"}
    assert (swap.swap_in(ids) == pages).all()


def test_a_success_ends_the_run(make: Any) -> None:
    """Failures now and then are no broken device; and stores that work say nothing about loads."""
    swap = make(quarantine_after=3)
    ids = swap.swap_out(raw(10, 1), "/x")
    for round_ in range(3):
        fail_stores(swap, 2)
        swap.swap_out(raw(1, round_), "/x")
    assert swap.stats().states["ssd"] == "open"
    tier(swap, "ssd").arm([Fault("load", times=None)])
    for entry in ids[:3].tolist():
        with pytest.raises(st.TierIOError):
            swap.swap_in_page(entry)
        if entry != ids[2]:
            swap.swap_out(raw(1, 9), "/x")  # works, and is no load
    assert swap.stats().states["ssd"] == "quarantined"


@pytest.mark.parametrize("kind", ["error", "flip"])
@pytest.mark.parametrize("way", ["swap_in", "peek", "swap_in_page"])
def test_one_bad_sector_is_no_bad_tier(make: Any, way: str, kind: Any) -> None:
    """A program that asks for its lost page again and again may not cost everybody the device."""
    swap = make(quarantine_after=3)
    ids = swap.swap_out(raw(10, 1), "/x").tolist()

    def ask(entry: int) -> None:
        tier(swap, "ssd").arm([Fault("load", kind, times=None)])
        with pytest.raises((st.TierIOError, st.CorruptEntryError)):
            swap.swap_in_page(entry) if way == "swap_in_page" else getattr(swap, way)([entry])
        tier(swap, "ssd").disarm()

    for _ in range(10):
        ask(ids[0])
    assert swap.stats().states["ssd"] == "open"
    assert swap.stats().failures["ssd"] == {"corrupt" if kind == "flip" else "load": 10}
    ask(ids[1])
    assert swap.stats().states["ssd"] == "open"
    ask(ids[2])
    assert swap.stats().states["ssd"] == "quarantined"
    swap.check()


def test_moves_count_too(make: Any) -> None:
    """A device that only moves write to is found out as well; its source is not blamed."""
    swap = make(quarantine_after=3)
    pages = raw(10, 1)
    ids = swap.swap_out(pages)
    tier(swap, "ssd").arm([Fault("store", times=None)])
    for _ in range(3):
        with pytest.raises(st.TierIOError):
            swap.demote("1M", source="zswap")
    assert swap.demote("1M", source="zswap").refused == {"quarantined": 1}
    assert swap.stats().states == {"zswap": "open", "ssd": "quarantined", "disk": "open"}
    assert (swap.swap_in(ids) == pages).all()


def test_a_batch_with_several_wrong_payloads_is_one_failed_call(make: Any) -> None:
    """Else one torn write could put a tier into quarantine by itself."""
    swap = make(quarantine_after=2)
    swap.swap_out(raw(8, 1), "/x")
    for name in ("stray", "stray"):
        tier(swap, "ssd").arm([Fault("store", name)])
        swap.swap_out(raw(6, 2), "/x")
    swap.demote("1M", source="ssd")
    assert swap.stats().failures["ssd"]["corrupt"] >= 12
    assert swap.stats().states["ssd"] == "open"


def test_pressure_into_a_tier_in_quarantine(make: Any) -> None:
    """The pool is full and what is below takes nothing: the store says so, without asking the device."""
    swap = make(when=st.Triggers(pressure=True), pool="64K", on_full="demote")
    swap.quarantine("ssd")
    tier(swap, "ssd").arm([Fault("store", times=None)])
    with pytest.raises(st.StoreRefusedError) as refused:
        swap.swap_out(raw(40, 1))
    assert refused.value.reasons == {"pool_limit": int((refused.value.ids == 0).sum())}
    assert tier(swap, "ssd").injected == {}
    assert swap.stats().edges["zswap->ssd"].stalled["quarantined"] > 0
    swap.discard(refused.value.ids[refused.value.ids > 0])
    swap.check()


def test_the_only_tier(tmp_path: Path) -> None:
    """Nowhere else to go: refused, with the reason."""
    spec = st.FileSpec(name="disk", capacity="1M", path="disk.swap")
    with st.SwapSystem([spec], folder=tmp_path, max_entries=1 << 12, wrap=FaultyTier) as swap:
        swap.quarantine("disk")
        with pytest.raises(st.StoreRefusedError, match="quarantined: 2"):
            swap.swap_out(raw(2, 1))
        with pytest.raises(st.StoreRefusedError, match="quarantined: 1"):
            swap.swap_out_page(raw(1, 1).tobytes())


def test_kept_slots_are_given_up(make: Any) -> None:
    """A page that goes back to its kept slot would be a new entry in a tier that takes none."""
    swap = make(ssd={"keep_clean": True})
    pages = raw(5, 1)
    ids = swap.swap_out(pages, "/x")
    swap.swap_in(ids, keep_clean=True)
    assert swap.stats().tiers["ssd"].kept == 5
    swap.quarantine("ssd")
    assert swap.stats().tiers["ssd"].kept == 0
    again = swap.swap_out(pages, "/x", clean=ids)
    assert where(swap, again) == {"disk"}
    assert (swap.swap_in(again) == pages).all()


def test_never(make: Any) -> None:
    """quarantine_after=None leaves it to the operator; nonsense is refused."""
    swap = make(quarantine_after=None)
    fail_stores(swap, 20)
    assert swap.stats().states["ssd"] == "open"
    with pytest.raises(st.GraphError, match="ssd"):
        swap.quarantine("ssx")
    with pytest.raises(st.ConfigError, match="at least 1"):
        make(quarantine_after=0)


def test_every_reason_has_its_words() -> None:
    """`--explain` would fail on a reason that nobody put into words."""
    assert set(REASON_NAMES) - {"accepted", "incompressible"} <= set(WORDS)
