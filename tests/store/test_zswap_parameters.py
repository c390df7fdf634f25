"""zswap's parameters while pages are in: what is stored stays readable, and what is written counts from the next store."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import swaptiers as st
from swaptiers.codecs import UnknownCompressorError
from swaptiers.testing import TracingTier

PAGE = 4096
Pages = npt.NDArray[np.uint8]
REQUEST = st.Triggers(request=True)


def text_pages(n: int, seed: int = 0) -> Pages:
    """Pages of few letters: zstd makes them smaller than lz4 does."""
    return np.random.default_rng(seed).integers(97, 105, (n, PAGE), np.uint8)


def raw_pages(n: int, seed: int = 0) -> Pages:
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


def store(*, max_pool: str = "4M", **options: Any) -> st.SwapSystem:
    """Two zswap tiers and a log, all with lz4, above a disk; everything moves on request."""
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", max_pool=max_pool),
        st.ZswapSpec(name="second", max_pool="4M"),
        st.FileSpec(name="log", layout="log", capacity="4M", compressor="lz4"),
        st.FileSpec(name="disk", capacity="4M"),
    ]
    edges = [
        st.EdgeSpec(source="zswap", target="second", when=REQUEST),
        st.EdgeSpec(source="second", target="log", keep_compressed=True, when=REQUEST),
        st.EdgeSpec(source="log", target="disk", when=REQUEST),
    ]
    options.setdefault("on_full", "spill")
    return st.SwapSystem(tiers, edges, max_entries=1 << 16, **options)


def check_all(swap: st.SwapSystem, held: dict[int, bytes]) -> None:
    """Every page is there, in every way of reading it."""
    swap.check()
    ids = sorted(held)
    assert [page.tobytes() for page in swap.peek(ids)] == [held[entry] for entry in ids]
    for entry in ids[::7]:
        assert swap.swap_in_page(entry) == held.pop(entry)
    ids = sorted(held)
    assert [page.tobytes() for page in swap.swap_in(ids)] == [held.pop(entry) for entry in ids]
    assert len(swap) == 0


def put(swap: st.SwapSystem, pages: Pages, held: dict[int, bytes]) -> None:
    """Store pages, some singly."""
    held.update(zip(swap.swap_out(pages[3:]).tolist(), (page.tobytes() for page in pages[3:]), strict=True))
    for page in pages[:3]:
        held[swap.swap_out_page(page.tobytes())] = page.tobytes()


def test_a_new_compressor_is_for_new_stores() -> None:
    """Would catch an old entry that is decoded by the new compressor, or a new one that is still made by the old."""
    held: dict[int, bytes] = {}
    with store() as swap:
        put(swap, np.concatenate([text_pages(100), raw_pages(20)]), held)
        before = swap.stats().tiers["zswap"].stored_bytes
        swap.set_zswap("zswap", compressor="zstd")
        assert swap.zswap_parameters("zswap").compressor == "zstd"
        assert swap.stats().tiers["zswap"].stored_bytes == before, "nothing that is stored changes"
        put(swap, np.concatenate([text_pages(100, 1), raw_pages(20, 1)]), held)
        added = swap.stats().tiers["zswap"].stored_bytes - before
        assert 0 < added < 0.9 * before
        swap.set_zswap("zswap", compressor="lz4")
        put(swap, text_pages(50, 2), held)
        check_all(swap, held)


@pytest.mark.parametrize("switched", ["zswap", "second"])
def test_entries_of_any_compressor_move_through_all_tiers(switched: str) -> None:
    """Would catch a payload that goes into a log as it is although the log's compressor did not make it."""
    held: dict[int, bytes] = {}
    with store() as swap:
        put(swap, text_pages(80), held)
        swap.demote("40K", source="zswap")
        swap.set_zswap(switched, compressor="zstd")
        put(swap, np.concatenate([text_pages(80, 1), raw_pages(9, 1)]), held)
        for source in ("zswap", "second"):
            swap.demote("64K", source=source)
            swap.check()
        swap.set_zswap(switched, compressor="lz4")
        put(swap, text_pages(30, 2), held)
        for source, share in (("zswap", "100K"), ("second", "100K"), ("log", "50K")):
            assert swap.demote(share, source=source).entries > 0
        assert all(tier.entries for tier in swap.stats().tiers.values())
        check_all(swap, held)


def test_a_tier_that_shares_a_compressor_keeps_it() -> None:
    """Would catch a switch that changes what is made for another tier, which then reads it wrongly."""
    held: dict[int, bytes] = {}
    with store(max_pool="100K") as swap:
        swap.set_zswap("zswap", compressor="zstd")
        put(swap, text_pages(600), held)
        stats = swap.stats().tiers
        assert stats["second"].entries > 200
        assert swap.zswap_parameters("second").compressor == "lz4"
        zstd, lz4 = (stats[name].stored_bytes / stats[name].entries for name in ("zswap", "second"))
        assert zstd < 0.9 * lz4
        check_all(swap, held)


def test_a_wrapped_tier_can_be_switched() -> None:
    """Would catch a change that only reaches the wrapper."""
    held: dict[int, bytes] = {}
    with store(wrap=TracingTier) as swap:
        put(swap, text_pages(20), held)
        swap.set_zswap("zswap", compressor="zstd")
        put(swap, text_pages(20, 1), held)
        check_all(swap, held)


def test_the_pools_limit() -> None:
    """Would catch a limit that is only read at the start, and a lower one that throws entries out."""
    with store(ram="10M", max_pool="10%") as swap:
        assert swap.zswap_parameters("zswap").max_pool_percent == 10
        swap.swap_out(raw_pages(200))
        swap.set_zswap("zswap", max_pool_percent=1)
        assert swap.stats().tiers["zswap"].entries == 200
        swap.swap_out(raw_pages(10, 1))
        assert (swap.stats().tiers["zswap"].entries, swap.stats().tiers["second"].entries) == (200, 10)
        assert swap.stats().tiers["zswap"].pool_limit_hit > 0
        swap.set_zswap("zswap", max_pool_percent=50)
        swap.swap_out(raw_pages(400, 2))
        assert swap.stats().tiers["zswap"].entries == 600
        swap.check()


def test_where_a_full_pool_opens_again() -> None:
    """Would catch an accept threshold that stays what it was: hysteresis refuses until the pool is below it."""
    with store(max_pool="400K") as swap:
        ids = swap.swap_out(raw_pages(110))
        assert swap.stats().tiers["second"].entries > 0, "the pool is full"
        swap.discard(ids[:25])  # 75 of 100 are left
        assert swap.stats().tiers["zswap"].entries < 80
        swap.set_zswap("zswap", accept_threshold_percent=50)
        before = swap.stats().tiers["zswap"].entries
        swap.swap_out(raw_pages(5, 1))
        assert swap.stats().tiers["zswap"].entries == before, "not below half yet"
        swap.set_zswap("zswap", accept_threshold_percent=90)
        swap.swap_out(raw_pages(5, 2))
        assert swap.stats().tiers["zswap"].entries == before + 5


def test_a_watermark_is_a_share_of_the_limit_that_is_in_force() -> None:
    """Would catch a worker that goes on by the limit of the start."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M"), st.FileSpec(name="disk", capacity="4M")]
    edge = st.EdgeSpec(
        source="zswap", target="disk", when=st.Triggers(watermark=st.Watermark(high=0.9, low=0.5)), batch=1
    )
    with st.SwapSystem(tiers, [edge], ram="10M", max_entries=1 << 14) as swap:
        swap.swap_out(raw_pages(150))
        assert swap.stats().tiers["disk"].entries == 0
        swap.set_zswap("zswap", max_pool_percent=5)
        swap.run_background()
        left = swap.stats().tiers["zswap"].pool_bytes
        assert left <= 0.5 * 0.05 * (10 << 20) < left + 2 * PAGE


def test_disabled_lets_nothing_new_in() -> None:
    """Would catch a switch that loses what is stored, and an evacuation that is over and enables zswap by the way."""
    held: dict[int, bytes] = {}
    with store() as swap:
        put(swap, text_pages(10), held)
        swap.set_zswap("zswap", enabled=False)
        put(swap, text_pages(10, 1), held)
        assert swap.stats().states == {"zswap": "disabled", "second": "open", "log": "open", "disk": "open"}
        assert swap.stats().tiers["zswap"].entries == 10
        assert swap.stats().tiers["second"].entries == 10
        swap.evacuate("zswap")
        swap.readmit("zswap")
        put(swap, text_pages(5, 2), held)
        assert swap.stats().tiers["zswap"].entries == 0
        swap.set_zswap("zswap", enabled=True)
        put(swap, text_pages(5, 3), held)
        assert swap.stats().tiers["zswap"].entries == 5
        check_all(swap, held)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"compressor": "lzo"}, UnknownCompressorError),
        ({"max_pool_percent": -1}, ValueError),
        ({"max_pool_percent": 1 << 32}, ValueError),
        ({"accept_threshold_percent": True}, ValueError),
        ({"enabled": 1}, ValueError),
        ({"shrinker": True}, TypeError),
    ],
)
def test_a_change_that_cannot_be(changes: dict[str, Any], kind: type[Exception]) -> None:
    """Would catch half a change, or a wrong value that is taken for something."""
    with store() as swap:
        before = swap.zswap_parameters("zswap")
        with pytest.raises(kind):
            swap.set_zswap(
                "zswap",
                max_pool_percent=changes.get("max_pool_percent", 3),
                **{name: value for name, value in changes.items() if name != "max_pool_percent"},
            )
        assert swap.zswap_parameters("zswap") == before


@pytest.mark.parametrize("name", ["disk", "nothing"])
def test_only_zswap_has_parameters(name: str) -> None:
    """Would catch a parameter that is set on a tier that does not know it."""
    with store() as swap:
        assert swap.zswap_tiers == ("zswap", "second")
        with pytest.raises(st.GraphError, match=name):
            swap.set_zswap(name, enabled=False)


def test_switching_under_threads() -> None:
    """Would catch a page that one thread compresses while another changes the compressor: its payload is decoded by
    whatever made it, wherever it went."""
    failures: list[BaseException] = []
    stop = threading.Event()

    def work(swap: st.SwapSystem, seed: int) -> None:
        draw, held = random.Random(seed), {}
        try:
            for turn in range(150):
                put(swap, text_pages(draw.randint(4, 24), seed * 1000 + turn), held)
                swap.demote(draw.randrange(60_000), source=draw.choice(["zswap", "second", "log"]))
                ids = draw.sample(sorted(held), len(held) // 2)
                assert [page.tobytes() for page in swap.swap_in(ids)] == [held.pop(entry) for entry in ids]
            assert [page.tobytes() for page in swap.swap_in(sorted(held))] == [held[entry] for entry in sorted(held)]
        except BaseException as error:
            failures.append(error)
            raise

    def switch(swap: st.SwapSystem) -> None:
        draw = random.Random(0)
        while not stop.wait(0.001):
            swap.set_zswap(draw.choice(["zswap", "second"]), compressor=draw.choice(["lz4", "zstd"]))

    with store(max_pool="200K") as swap:
        threads = [threading.Thread(target=work, args=(swap, seed)) for seed in range(3)]
        switcher = threading.Thread(target=switch, args=(swap,))
        for thread in [switcher, *threads]:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        switcher.join()
        swap.check()
        assert not failures
        assert len(swap) == 0


def test_another_compressor_is_asked_once_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the compressor of before would make of a page is nobody's business any more."""
    with store() as swap:
        swap.set_zswap("zswap", compressor="zstd")
        asked: list[Any] = []
        for tier in swap.tiers:
            monkeypatch.setattr(tier, "encode", lambda page, real=tier.encode: asked.append(page) or real(page))
        swap.swap_out(text_pages(7))
        assert len(asked) == 7
