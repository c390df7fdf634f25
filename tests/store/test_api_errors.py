"""What a wrong call gets, what a failing tier gets, and that the system and its pages are unharmed afterwards."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from cold_lists import check_cold_lists

import swaptiers as st

PAGE = 4096
Pages = npt.NDArray[np.uint8]


def raw_pages(n: int, seed: int = 0) -> Pages:
    """Pages that don't compress."""
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


def soft_pages(n: int, seed: int = 0) -> Pages:
    """Pages that compress to about half."""
    pages = raw_pages(n, seed)
    pages[:, PAGE // 2 :] = 0
    return pages


class Clock:
    """Nanoseconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def swap(tmp_path: Path) -> Iterator[st.SwapSystem]:
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="64K"),
        st.MemorySpec(name="far", capacity="64K"),
        st.FileSpec(name="disk", capacity="1M", path="disk.img"),
    ]
    with st.SwapSystem(tiers, folder=tmp_path, clock=Clock(), max_entries=1 << 16) as system:
        yield system


@pytest.fixture
def held(swap: st.SwapSystem) -> Iterator[tuple[npt.NDArray[np.uint64], Pages]]:
    """Sixty pages in all three tiers; after the test they must all be there, and every account balanced."""
    pages = soft_pages(60, 7)
    ids = swap.swap_out(pages, "/")
    assert all(tier.entries for tier in swap.stats().tiers.values())
    yield ids, pages
    swap.check()
    check_cold_lists(swap)
    assert len(swap) == 60
    assert (swap.swap_in(ids) == pages).all()
    assert len(swap) == 0


Held = tuple[npt.NDArray[np.uint64], Pages]


@pytest.mark.parametrize(
    ("pages", "error"),
    [
        (np.zeros((2, PAGE), np.int8), TypeError),
        (np.zeros((2, PAGE // 8), np.int64), TypeError),
        (np.zeros(PAGE, np.uint8), TypeError),
        (np.zeros((1, 2, PAGE), np.uint8), TypeError),
        (np.zeros((2, PAGE - 1), np.uint8), ValueError),
        (np.zeros((2, 0), np.uint8), ValueError),
        (b"\0" * PAGE, TypeError),
        ([[0] * PAGE], TypeError),
        (None, TypeError),
    ],
)
def test_pages_of_a_wrong_kind(swap: st.SwapSystem, held: Held, pages: Any, error: type[Exception]) -> None:
    """A wrong dtype or shape must not be reinterpreted as pages."""
    with pytest.raises(error):
        swap.swap_out(pages)


@pytest.mark.parametrize("page", [b"", b"x" * (PAGE - 1), b"x" * (PAGE + 1), "x" * PAGE, None, 4096])
def test_a_single_page_of_a_wrong_kind(swap: st.SwapSystem, held: Held, page: Any) -> None:
    """A short page would come back padded, a long one cut."""
    with pytest.raises((ValueError, TypeError)):
        swap.swap_out_page(page)


@pytest.mark.parametrize("page", [bytearray(b"ab" * 2048), memoryview(b"cd" * 2048)])
def test_a_single_page_may_be_any_buffer_and_is_copied(swap: st.SwapSystem, page: Any) -> None:
    """A buffer that the caller reuses must not change what is stored."""
    expected = bytes(page)
    entry = swap.swap_out_page(page)
    if isinstance(page, bytearray):
        page[:] = bytes(PAGE)
    assert swap.swap_in_page(entry) == expected


def test_raw_buffers_are_copied_too(swap: st.SwapSystem) -> None:
    """A raw page kept as the caller's own buffer would change under the pool's feet."""
    page = bytearray(raw_pages(1).tobytes())
    expected = bytes(page)
    single = swap.swap_out_page(page)
    batch = np.frombuffer(page, np.uint8).reshape(1, PAGE)
    many = swap.swap_out(batch)
    page[:] = bytes(PAGE)
    assert swap.swap_in_page(single) == expected
    assert swap.swap_in(many)[0].tobytes() == expected


def test_arrays_that_are_strided_or_read_only_are_taken(swap: st.SwapSystem) -> None:
    """A view with gaps must be stored as it reads, not as it lies in memory."""
    wide = raw_pages(8)
    pages = wide[::2]
    ids = swap.swap_out(pages)
    frozen = wide[1::2].copy()
    frozen.flags.writeable = False
    more = swap.swap_out(frozen)
    assert (swap.swap_in(ids) == pages).all()
    assert (swap.swap_in(more) == frozen).all()


@pytest.mark.parametrize("way", ["swap_in", "peek", "discard"])
@pytest.mark.parametrize("bad", [0, -1, 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, "stale", "foreign"])
def test_ids_that_name_nothing(swap: st.SwapSystem, held: Held, way: str, bad: Any) -> None:
    """A stale or foreign id in the middle of a call must not take the others with it, nor touch their order."""
    ids, _ = held
    if bad == "stale":
        bad = int(swap.swap_out(raw_pages(1, 3))[0])
        swap.discard([bad])
    if bad == "foreign":
        with st.SwapSystem([st.MemorySpec(name="m", capacity="64K")], max_entries=1 << 16) as other:
            bad = int(other.swap_out(raw_pages(1))[0])
    order = cold_order(swap)
    wanted = np.array([*ids[:2].tolist(), bad % (1 << 64), *ids[2:4].tolist()], np.uint64)
    with pytest.raises(st.StaleEntryError) as caught:
        getattr(swap, way)(wanted)
    assert isinstance(caught.value, KeyError)
    if way == "swap_in":
        with pytest.raises(st.StaleEntryError):
            swap.swap_in_page(bad)
    assert cold_order(swap) == order


def cold_order(swap: st.SwapSystem) -> list[int]:
    """The stamps of all records: a failed call must leave every placement as it was."""
    records = swap.core.records[: int(swap.core.st.row_top)]
    return [int(stamp) for stamp, backing in zip(records["stamp"], records["backing"], strict=True) if backing == 2]


@pytest.mark.parametrize("way", ["swap_in", "discard"])
def test_the_same_id_twice_in_a_call(swap: st.SwapSystem, held: Held, way: str) -> None:
    """A page taken twice would be freed twice."""
    ids, _ = held
    order = cold_order(swap)
    with pytest.raises((st.StaleEntryError, st.BusyEntryError)):
        getattr(swap, way)(np.concatenate([ids[:5], ids[3:4]]))
    assert cold_order(swap) == order


def test_a_failed_call_leaves_the_cold_order(tmp_path: Path) -> None:
    """A stale id used to send the other pages of its call to the old end, to be demoted first."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 16) as swap:
        pages = raw_pages(6)
        ids = swap.swap_out(pages, last_used_ns=np.arange(6))
        with pytest.raises(st.StaleEntryError):
            swap.swap_in([*ids[4:].tolist(), 99])
        swap.demote(PAGE, source="zswap")
        records = swap.core.records[:6]
        assert [int(tier) for tier in records["tier"]] == [1, 0, 0, 0, 0, 0]
        assert (swap.swap_in(ids) == pages).all()


@pytest.mark.parametrize("ids", [[1.5], [True], ["a"], [[1, 2]], [None], np.zeros(2, np.float64)])
@pytest.mark.parametrize("way", ["swap_in", "peek", "discard"])
def test_ids_of_a_wrong_kind(swap: st.SwapSystem, held: Held, way: str, ids: Any) -> None:
    """Floats would be rounded to somebody's id."""
    with pytest.raises(TypeError):
        getattr(swap, way)(ids)


def test_no_ids_and_no_pages(swap: st.SwapSystem, held: Held) -> None:
    """Empty calls do nothing and say so."""
    assert swap.swap_in([]).shape == (0, PAGE)
    assert swap.peek(np.zeros(0, np.uint64)).shape == (0, PAGE)
    swap.discard([])
    assert swap.swap_out(np.zeros((0, PAGE), np.uint8)).shape == (0,)


@pytest.mark.parametrize("way", ["swap_in", "peek"])
@pytest.mark.parametrize("kind", ["rows", "dtype", "gaps", "frozen", "list"])
def test_out_that_does_not_fit(swap: st.SwapSystem, held: Held, way: str, kind: str) -> None:
    """A wrong `out` must be refused before any entry is taken."""
    ids, _ = held
    outs: dict[str, Any] = {
        "rows": np.empty((2, PAGE), np.uint8),
        "dtype": np.empty((3, PAGE), np.int8),
        "gaps": np.empty((6, PAGE), np.uint8)[::2],
        "frozen": np.frombuffer(bytes(3 * PAGE), np.uint8).reshape(3, PAGE),
        "list": [bytearray(PAGE)] * 3,
    }
    with pytest.raises((TypeError, ValueError)):
        getattr(swap, way)(ids[:3], out=outs[kind])


def test_out_is_filled_and_returned(swap: st.SwapSystem, held: Held) -> None:
    """`out` that is copied from, not into, would leave the caller with old bytes."""
    ids, pages = held
    out = np.full((4, PAGE), 0xAA, np.uint8)
    assert swap.peek(ids[:4], out=out) is out
    assert (out == pages[:4]).all()


@pytest.mark.parametrize("nbytes", [-1, "-4K", 1.5, "many", None, True, 1 << 61])
def test_a_wrong_size_to_demote(swap: st.SwapSystem, held: Held, nbytes: Any) -> None:
    """A negative budget must not be taken for `all`."""
    with pytest.raises(ValueError, match="size"):
        swap.demote(nbytes, source="zswap")


def test_demote_with_unknown_names(swap: st.SwapSystem, held: Held) -> None:
    """Each names what there is instead."""
    with pytest.raises(st.GraphError, match="did you mean 'zswap'"):
        swap.demote(1, source="zswp")
    with pytest.raises(st.GraphError, match="tier"):
        swap.demote(1, source="zswap", target="tape")
    with pytest.raises(ValueError, match="no edge leads"):
        swap.demote(1, source="disk")
    with pytest.raises(ValueError, match="no edge leads"):
        swap.demote(1, source="zswap", target="disk")
    with pytest.raises(ValueError, match="no cgroup"):
        swap.demote(1, source="zswap", cgroup="/nobody")
    with pytest.raises(ValueError, match="referenced"):
        swap.demote(1, source="zswap", referenced="maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize("pages", [soft_pages(1), np.zeros((1, PAGE), np.uint8)])
def test_an_unknown_cgroup(swap: st.SwapSystem, held: Held, pages: Pages) -> None:
    """Charged to nobody, a page would escape every limit."""
    with pytest.raises(ValueError, match="no cgroup '/nobody'"):
        swap.swap_out(pages, "/nobody")
    with pytest.raises(ValueError, match="no cgroup '/nobody'"):
        swap.swap_out_page(pages[0].tobytes(), "/nobody")


def test_a_cgroup_of_another_system(swap: st.SwapSystem, held: Held) -> None:
    """Its number may be somebody else's here."""
    swap.cgroup("/a")
    with st.SwapSystem([st.MemorySpec(name="m", capacity="64K")], max_entries=1 << 16) as other:
        stranger = other.cgroup("/a")
        for page in (soft_pages(1), np.zeros((1, PAGE), np.uint8)):
            with pytest.raises(ValueError, match="another system"):
                swap.swap_out(page, stranger)
            with pytest.raises(ValueError, match="another system"):
                swap.swap_out_page(page[0].tobytes(), stranger)
        with pytest.raises(ValueError, match="another system"):
            swap.demote(1, source="zswap", cgroup=stranger)


def test_a_removed_cgroup(swap: st.SwapSystem, held: Held) -> None:
    """A handle to a removed cgroup is refused; made again under the same path, it is good again."""
    group = swap.cgroup("/a")
    swap.remove_cgroup("/a")
    with pytest.raises(ValueError, match="no cgroup"):
        swap.swap_out_page(soft_pages(1)[0].tobytes(), group)
    with pytest.raises(ValueError, match="no cgroup"):
        _ = group.spec
    swap.cgroup("/a")
    swap.swap_in_page(swap.swap_out_page(soft_pages(1)[0].tobytes(), group))


@pytest.mark.parametrize("path", ["", "a", "//", "/a/", "/a//b", "/..", "/a/./b", "/" + "x" * 300, "/a\n", "/x" * 65])
def test_a_cgroup_with_a_bad_path(swap: st.SwapSystem, held: Held, path: str) -> None:
    """A path that no kernel would take."""
    with pytest.raises(ValueError, match="cgroup"):
        swap.cgroup(path)


@pytest.mark.parametrize(
    "limits", [{"zswap_max": -1}, {"swap_max": "lots"}, {"memory_max": 1.5}, {"tiers_max": {"tape": 0}}]
)
def test_bad_limits(swap: st.SwapSystem, held: Held, limits: dict[str, Any]) -> None:
    """A limit that is refused leaves the limits that were there."""
    group = swap.cgroup("/a", swap_max="64K")
    with pytest.raises(ValueError):  # noqa: PT011  (each has its own words)
        group.set(**limits)
    assert group.spec == st.CgroupSpec(path="/a", swap_max="64K")
    swap.cgroup("/b")


def test_after_close(tmp_path: Path) -> None:
    """The memory is given back: any call that reached a kernel would read freed memory."""
    swap = st.SwapSystem(
        [st.FileSpec(name="disk", capacity="1M", path="disk.img")], folder=tmp_path, max_entries=1 << 16
    )
    group = swap.cgroup("/a")
    ids = swap.swap_out(raw_pages(3))
    swap.close()
    swap.close()
    assert not (tmp_path / "disk.img").exists()
    calls: list[Any] = [
        lambda: swap.swap_out(raw_pages(1)),
        lambda: swap.swap_out(np.zeros((1, PAGE), np.uint8)),
        lambda: swap.swap_out_page(bytes(PAGE)),
        lambda: swap.swap_out_page(b"ab" * 2048),
        lambda: swap.swap_in(ids),
        lambda: swap.swap_in_page(int(ids[0])),
        lambda: swap.peek(ids),
        lambda: swap.discard(ids),
        lambda: swap.demote(1, source="disk"),
        lambda: swap.run_background(),
        lambda: swap.cgroup("/b"),
        lambda: group.set(swap_max=0),
        lambda: group.spec,
        lambda: swap.remove_cgroup("/a"),
        lambda: swap.stats(),
        lambda: swap.check(),
        lambda: len(swap),
    ]
    for call in calls:
        with pytest.raises(st.ClosedError):
            call()


def test_a_path_that_is_taken(tmp_path: Path) -> None:
    """A file that is there is never overwritten, and nothing of the other tiers is left behind."""
    (tmp_path / "b.img").write_text("precious")
    tiers = [st.FileSpec(name=name, capacity="1M", path=f"{name}.img") for name in "ab"]
    with pytest.raises(st.ConfigError, match="b.img"):
        st.SwapSystem(tiers, folder=tmp_path, max_entries=1 << 16)
    assert (tmp_path / "b.img").read_text() == "precious"
    assert os.listdir(tmp_path) == ["b.img"]


def test_refused_pages_are_named(tmp_path: Path) -> None:
    """The error's ids are exactly the pages that are in: no more, no fewer, in the order of the call."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="128K"), st.MemorySpec(name="far", capacity="64K")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 16) as swap:
        pages = raw_pages(100)
        pages[90] = 0
        with pytest.raises(st.StoreRefusedError) as caught:
            swap.swap_out(pages)
        refused = caught.value
        inside = np.flatnonzero(refused.ids)
        assert isinstance(refused, OSError)
        assert refused.ids.shape == (100,)
        assert len(inside) == len(swap) == 49
        assert refused.ids[90]
        assert sum(refused.reasons.values()) == 51
        assert swap.stats().cgroups["/"].swap_fail_events == 51
        assert sum(sum(tier.refused.values()) for tier in swap.stats().tiers.values()) == 51
        assert (swap.swap_in(refused.ids[inside]) == pages[inside]).all()
        swap.check()


def test_a_single_refused_page_is_counted_once() -> None:
    """A single page that needed a second call used to be counted twice, and its plan to make room was lost."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="16K"), st.MemorySpec(name="far", capacity="16K")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 16) as swap:
        ids = [swap.swap_out_page(page.tobytes()) for page in raw_pages(8)]
        with pytest.raises(st.StoreRefusedError) as caught:
            swap.swap_out_page(raw_pages(1, 5)[0].tobytes())
        assert caught.value.ids.tolist() == [0]
        stats = swap.stats()
        assert stats.cgroups["/"].swap_fail_events == 1
        assert dict(stats.tiers["zswap"].refused) == caught.value.reasons == {"pool_limit": 1}
        assert len(swap) == 8
        swap.check()
        check_cold_lists(swap)
        assert (swap.swap_in(ids) == raw_pages(8)).all()


def test_a_single_page_goes_where_a_batch_goes() -> None:
    """Two zswap tiers with one compressor: the payload must be put into the one that was chosen."""
    tiers = [
        st.ZswapSpec(name="first", max_pool="16K", on_full="spill"),
        st.ZswapSpec(name="second", max_pool="64K", on_full="spill"),
        st.MemorySpec(name="far", capacity="1M"),
    ]
    with st.SwapSystem(tiers, [], clock=Clock(), max_entries=1 << 16) as swap:
        pages = raw_pages(30)
        ids = [swap.swap_out_page(page.tobytes()) for page in pages]
        assert [tier.entries for tier in swap.stats().tiers.values()] == [4, 16, 10]
        assert (swap.swap_in(ids) == pages).all()


# a tier that fails


class Failing:
    """Makes one method of a tier raise from its n-th call on, and what does the same for rows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tier: Any, method: str, after: int = 0) -> None:
        self.calls = 0
        self.after = after
        self.armed = True
        for name in (method, f"{method}_rows"):
            if hasattr(tier, name):
                monkeypatch.setattr(tier, name, partial(self._call, getattr(tier, name)))

    def _call(self, real: Any, *arguments: Any) -> Any:
        self.calls += 1
        if self.armed and self.calls > self.after:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*arguments)


def tier_of(swap: st.SwapSystem, name: str) -> Any:
    return swap.tiers[swap.graph.rank(name)]


def test_a_store_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the call's pages are in: not those of earlier batches, and not its zero pages either."""
    with st.SwapSystem([st.MemorySpec(name="far", capacity="4M")], clock=Clock(), max_entries=1 << 16) as swap:
        pages = raw_pages(150)
        pages[[3, 70, 140]] = 0
        failing = Failing(monkeypatch, tier_of(swap, "far"), "store", after=1)
        with pytest.raises(st.TierIOError, match="far.*still yours") as caught:
            swap.swap_out(pages)
        assert (caught.value.tier, caught.value.operation, caught.value.errno) == ("far", "swap-out", errno.EIO)
        assert len(swap) == 0
        swap.check()
        with pytest.raises(st.TierIOError):
            swap.swap_out_page(pages[0].tobytes())
        assert len(swap) == 0
        failing.armed = False
        ids = swap.swap_out(pages)
        swap.check()
        check_cold_lists(swap)
        assert (swap.swap_in(ids) == pages).all()


@pytest.mark.parametrize("name", ["zswap", "far", "disk"])
@pytest.mark.parametrize("way", ["swap_in", "peek", "page"])
def test_a_load_that_fails(
    swap: st.SwapSystem, held: Held, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    """Every entry of the call is still there afterwards."""
    ids, pages = held
    failing = Failing(monkeypatch, tier_of(swap, name), "load")
    if (way, name) == ("page", "zswap"):
        Failing(monkeypatch, tier_of(swap, name), "load_one")
    for entry, page in zip(ids.tolist(), pages, strict=True):
        where = int(swap.core.records[entry & 0xFFFFFFFF].tier)
        if way == "page" and swap.graph.tiers[where].name == name:
            with pytest.raises(st.TierIOError, match=f"still in '{name}'"):
                swap.swap_in_page(entry)
        elif way == "page":
            assert swap.peek([entry])[0].tobytes() == page.tobytes()
    if way != "page":
        with pytest.raises(st.TierIOError, match="still where they were") as caught:
            getattr(swap, way)(ids)
        assert caught.value.tier == name
    assert failing.calls
    failing.armed = False


@pytest.mark.parametrize("stamp_limit", range(70, 90))
def test_a_load_that_fails_while_stamps_start_again(monkeypatch: pytest.MonkeyPatch, stamp_limit: int) -> None:
    """Entries that a failed call had taken are let go of, also those that it took before everything was restamped."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 12, stamp_limit=stamp_limit) as swap:
        pages = soft_pages(20)
        ids = swap.swap_out(pages, last_used_ns=np.arange(20))
        failing = Failing(monkeypatch, tier_of(swap, "zswap"), "load")
        for _ in range(4):
            with pytest.raises(st.TierIOError):
                swap.swap_in(ids)
        assert swap.core.words["epoch"] > 0
        failing.armed = False
        assert (swap.swap_in(ids) == pages).all()


@pytest.mark.parametrize(("method", "name"), [("load", "zswap"), ("store", "disk")])
def test_a_demotion_that_fails(monkeypatch: pytest.MonkeyPatch, method: str, name: str) -> None:
    """The batch stays in its source, in its order, and the error names the tier that failed."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 16) as swap:
        pages = soft_pages(100)
        ids = swap.swap_out(pages, last_used_ns=np.arange(100))
        failing = Failing(monkeypatch, tier_of(swap, name), method)
        with pytest.raises(st.TierIOError, match="still in 'zswap'") as caught:
            swap.demote("1M", source="zswap")
        assert caught.value.tier == name
        assert "demotion" in caught.value.operation
        stats = swap.stats()
        assert (stats.tiers["zswap"].entries, stats.tiers["disk"].entries) == (100, 0)
        swap.check()
        check_cold_lists(swap)
        failing.armed = False
        swap.demote(1, source="zswap")
        moved = [int(tier) for tier in swap.core.records[:100]["tier"]]
        assert moved == sorted(moved, reverse=True), "the coldest goes first, as if nothing had failed"
        assert 0 < sum(moved) < 100
        assert (swap.swap_in(ids) == pages).all()


def test_room_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose room fails to be made for an I/O error: the call's pages are out, everybody else's are in."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="16K"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 16) as swap:
        pages = raw_pages(10)
        ids = swap.swap_out(pages[:3])
        failing = Failing(monkeypatch, tier_of(swap, "disk"), "store")
        with pytest.raises(st.TierIOError):
            swap.swap_out(pages[3:])
        with pytest.raises(st.TierIOError):
            for page in pages[3:5]:
                swap.swap_out_page(page.tobytes())
        swap.check()
        check_cold_lists(swap)
        assert len(swap) == 4
        failing.armed = False
        assert (swap.peek(ids) == pages[:3]).all()
        assert (swap.swap_in(swap.swap_out(pages)) == pages).all()
        assert (swap.swap_in(ids) == pages[:3]).all()


def test_a_background_move_that_fails_does_not_lose_the_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages are stored: an error of the worker behind them must not eat the ids that the caller needs."""
    edge = st.EdgeSpec(
        source="zswap", target="disk", when=st.Triggers(watermark=st.Watermark(high="50%", low="10%"), pressure=True)
    )
    tiers = [st.ZswapSpec(name="zswap", max_pool="128K"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, [edge], clock=Clock(), max_entries=1 << 16) as swap:
        failing = Failing(monkeypatch, tier_of(swap, "disk"), "store")
        pages = raw_pages(20)
        ids = swap.swap_out(pages[:18])
        single = [swap.swap_out_page(page.tobytes()) for page in pages[18:]]
        assert failing.calls
        assert len(swap) == 20
        swap.check()
        failing.armed = False
        assert (swap.swap_in([*ids.tolist(), *single]) == pages).all()


# bytes that rot


def rot(swap: st.SwapSystem, entry: int, tmp_path: Path) -> None:
    """Flip one bit of what is stored for the entry."""
    record = swap.core.records[entry & 0xFFFFFFFF]
    tier: Any = swap.tiers[int(record.tier)]
    if tier.name == "zswap":
        payload = bytearray(tier.payloads[record.slot])
        payload[5] ^= 1
        tier.payloads[record.slot] = bytes(payload)
    elif tier.name == "far":
        tier._pages[record.slot, 5] ^= 1
    else:
        with (tmp_path / "disk.img").open("r+b") as file:
            file.seek(int(record.slot) * PAGE + 5)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("name", ["zswap", "far", "disk"])
def test_rotten_bytes_are_never_returned(swap: st.SwapSystem, held: Held, tmp_path: Path, name: str) -> None:
    """A flipped bit must be an error that names the entry, which stays where it is."""
    ids, pages = held
    rank = swap.graph.rank(name)
    entry = next(each for each in ids.tolist() if swap.core.records[each & 0xFFFFFFFF].tier == rank)
    rot(swap, entry, tmp_path)
    for way in (swap.swap_in, swap.peek):
        with pytest.raises(st.CorruptEntryError) as caught:
            way(ids)
        assert (caught.value.entry, caught.value.tier) == (entry, name)
        assert caught.value.slot == swap.core.records[entry & 0xFFFFFFFF].slot
    with pytest.raises(st.CorruptEntryError):
        swap.swap_in_page(entry)
    assert len(swap) == 60
    rot(swap, entry, tmp_path)  # and back
    assert swap.peek([entry])[0].tobytes() == pages[ids.tolist().index(entry)].tobytes()


def test_rotten_bytes_are_not_laundered_by_a_move(tmp_path: Path) -> None:
    """A demotion that checksummed what it read would turn rotten bytes into good ones. The others move."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, clock=Clock(), max_entries=1 << 16) as swap:
        pages = soft_pages(100)
        ids = swap.swap_out(pages, last_used_ns=np.arange(100))
        rot(swap, int(ids[10]), tmp_path)
        done = swap.demote("1M", source="zswap")
        assert (done.entries, done.met) == (99, False)
        swap.check()
        check_cold_lists(swap)
        with pytest.raises(st.CorruptEntryError):
            swap.swap_in_page(int(ids[10]))
        keep = np.arange(100) != 10
        assert (swap.swap_in(ids[keep]) == pages[keep]).all()
        swap.discard(ids[10:11])
        assert len(swap) == 0


def test_a_worker_gives_up_on_rotten_bytes(tmp_path: Path) -> None:
    """A background worker that can move nothing must rest, not try the same entry a million times."""
    edge = st.EdgeSpec(
        source="zswap", target="disk", when=st.Triggers(watermark=st.Watermark(high="50%", low="0%"), pressure=True)
    )
    tiers = [st.ZswapSpec(name="zswap", max_pool="64K"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, [edge], clock=Clock(), max_entries=1 << 16) as swap:
        ids = swap.swap_out(raw_pages(7))
        for entry in ids.tolist():
            rot(swap, entry, tmp_path)
        loads = Counting(swap.tiers[0])
        more = swap.swap_out(raw_pages(3, 2))
        assert loads.calls < 50
        swap.check()
        assert (swap.swap_in(more) == raw_pages(3, 2)).all()


class Counting:
    """Counts a tier's loads."""

    def __init__(self, tier: Any) -> None:
        self.calls = 0
        self._real = tier.load
        tier.load = self

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        assert self.calls < 5000, "the worker never rests"
        return self._real(*arguments)


def test_a_single_page_too_many() -> None:
    """The table is full: the call says so, and whatever it dropped, it was nobody else's page."""
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="1M")], max_entries=8) as swap:
        pages = soft_pages(9)
        ids = [swap.swap_out_page(page.tobytes()) for page in pages[:8]]
        with pytest.raises(MemoryError):
            swap.swap_out_page(pages[8].tobytes())
        assert [swap.swap_in_page(entry) for entry in ids] == [page.tobytes() for page in pages[:8]]
        swap.check()


def test_a_cgroup_that_there_is_not(swap: st.SwapSystem) -> None:
    """What is asked of one is refused, not answered with zeros."""
    for ask in (swap.subtree, swap.subtree_inversion, swap.cgroup_spec):
        with pytest.raises(ValueError, match="/nowhere"):
            ask("/nowhere")
