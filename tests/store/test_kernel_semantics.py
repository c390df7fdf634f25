"""What mm/zswap.c and the cgroup files promise, one test each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import swaptiers as st

PAGE = 4096
Pages = npt.NDArray[np.uint8]


def raw_pages(n: int, seed: int = 0) -> Pages:
    """Pages that don't compress."""
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


def half_pages(n: int, seed: int = 0) -> Pages:
    """Pages that compress to a bit more than half: about 2,080 bytes with lz4."""
    pages = raw_pages(n, seed)
    pages[:, PAGE // 2 :] = 0
    return pages


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


def system(max_pool: str = "1M", edge: dict[str, Any] | None = None, **options: Any) -> st.SwapSystem:
    """Zswap above a disk. `edge`: terms of the edge between them; None = there is none."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool=max_pool, raw=options.pop("raw", "keep")),
        st.MemorySpec(name="disk", capacity="4M"),
    ]
    edges = [] if edge is None else [st.EdgeSpec(source="zswap", target="disk", **edge)]
    options.setdefault("on_full", "spill")
    return st.SwapSystem(tiers, edges, clock=Clock(), max_entries=1 << 16, **options)


REQUEST = {"when": st.Triggers(request=True)}


@pytest.fixture
def on_request() -> Iterator[st.SwapSystem]:
    with system(edge=REQUEST) as swap:
        yield swap


def tier_of(swap: st.SwapSystem, entry: int) -> str:
    return swap.graph.tiers[int(swap.core.records[int(entry) & 0xFFFF_FFFF].tier)].name


def where(swap: st.SwapSystem, ids: Any) -> list[str]:
    return [tier_of(swap, entry) for entry in ids.tolist()]


def test_lists_are_per_cgroup(on_request: st.SwapSystem) -> None:
    """list_lru per memcg: a request for one cgroup moves its coldest, and none of another's that are colder still."""
    for path in ("/a", "/b"):
        on_request.cgroup(path)
    older = on_request.swap_out(raw_pages(5, 1), "/b")
    ids = on_request.swap_out(raw_pages(8, 2), "/a")
    on_request.demote(3 * PAGE, source="zswap", cgroup="/a")
    assert where(on_request, older) == ["zswap"] * 5
    assert where(on_request, ids) == ["disk"] * 3 + ["zswap"] * 5


def test_descendants_take_turns(on_request: st.SwapSystem) -> None:
    """A request for a subtree goes round robin over its cgroups, as shrink_worker() does over memcgs."""
    edge = st.EdgeSpec(source="zswap", target="disk", batch=1, when=st.Triggers(request=True))
    tiers = [st.ZswapSpec(name="zswap", max_pool="1M"), st.MemorySpec(name="disk", capacity="4M")]
    with st.SwapSystem(tiers, [edge], clock=Clock(), max_entries=1 << 16) as swap:
        for path in ("/p/a", "/p/b", "/p/c"):
            swap.cgroup(path)
            swap.swap_out(raw_pages(4, len(path)), path)
        swap.demote(6 * PAGE, source="zswap", cgroup="/p")
        assert [swap.stats().cgroups[path].zswpwb for path in ("/p/a", "/p/b", "/p/c")] == [2, 2, 2]


def test_a_second_chance() -> None:
    """A stored entry is referenced: writeback finds it, clears that and rotates it; the second time it goes."""
    edge = {"policy": "second-chance", "batch": 4, **REQUEST}
    with system(edge=edge) as swap:
        swap.swap_out(raw_pages(4))
        first = swap.demote(PAGE, source="zswap", referenced="rotate")
        assert (first.rotated, first.entries > 0) == (4, True)
        edge_counters = swap.stats().edges["zswap->disk"]
        assert (edge_counters.rotated, edge_counters.scanned) == (4, 4 + first.entries)


def test_the_pool_limit_latches() -> None:
    """Once a store met max_pool, stores are refused until the pool is at 90 % of it, though there is room again."""
    with system(max_pool="160K") as swap:  # 40 pages; 90 % = 36
        ids = swap.swap_out(raw_pages(41))
        assert where(swap, ids) == ["zswap"] * 40 + ["disk"]
        assert swap.stats().tiers["zswap"].pool_limit_hit == 1
        swap.discard(ids[:3])
        more = swap.swap_out(raw_pages(1, 2))
        assert where(swap, more) == ["disk"], "37 pages are above the threshold"
        assert swap.stats().tiers["zswap"].refused == {"pool_limit": 1, "hysteresis": 1}
        swap.discard(ids[3:4])
        assert where(swap, swap.swap_out(raw_pages(1, 3))) == ["zswap"], "36 pages are at the threshold"


def test_room_made_at_once_does_not_latch() -> None:
    """`pressure` makes room within the store: no refusal, no hysteresis."""
    with system(max_pool="160K", edge={"when": st.Triggers(pressure=True), "batch": 1}, on_full="demote") as swap:
        ids = swap.swap_out(raw_pages(50))
        assert where(swap, ids) == ["disk"] * 10 + ["zswap"] * 40
        stats = swap.stats().tiers["zswap"]
        assert (stats.refused, stats.pool_limit_hit) == ({}, 0)


def test_a_limit_worker_goes_down_to_the_threshold() -> None:
    """shrink_worker(): the store that met the limit is refused, the worker writes back behind it to 90 %."""
    with system(max_pool="160K", edge={"when": st.Triggers(limit=True), "batch": 1, "policy": "fifo"}) as swap:
        ids = swap.swap_out(raw_pages(41))
        assert tier_of(swap, int(ids[40])) == "disk"
        stats = swap.stats()
        assert stats.tiers["zswap"].pool_bytes == 36 * PAGE
        assert where(swap, ids)[:4] == ["disk"] * 4, "the oldest go"
        assert stats.edges["zswap->disk"].by_trigger == {"limit": 4}


def test_pages_that_do_not_compress_are_kept_raw(on_request: st.SwapSystem) -> None:
    """Stored at page size, so that the order of writeback stays right."""
    ids = on_request.swap_out(raw_pages(3))
    stats = on_request.stats().tiers["zswap"]
    assert (stats.entries, stats.stored_bytes, stats.pool_bytes) == (3, 3 * PAGE, 3 * PAGE)
    assert (on_request.swap_in(ids) == raw_pages(3)).all()


def test_raw_pages_are_refused_where_writeback_is_off(on_request: st.SwapSystem) -> None:
    """With memory.zswap.writeback 0 a raw page could never leave: it is not taken, and may not go to a device either."""
    group = on_request.cgroup("/a", zswap_writeback=False)
    with pytest.raises(st.StoreRefusedError) as caught:
        on_request.swap_out(raw_pages(2), group)
    assert set(caught.value.reasons) == {"incompressible"}
    assert where(on_request, on_request.swap_out(half_pages(2), group)) == ["zswap"] * 2


def test_writeback_off_holds_for_the_subtree(on_request: st.SwapSystem) -> None:
    """Neither a request nor a full pool may move or store anything of the subtree outside zswap."""
    on_request.cgroup("/a", zswap_writeback=False)
    below = on_request.cgroup("/a/b", zswap_writeback=True)
    ids = on_request.swap_out(half_pages(6), below)
    assert on_request.demote("1M", source="zswap").entries == 0
    assert where(on_request, ids) == ["zswap"] * 6
    below.set(zswap_max=0)
    with pytest.raises(st.StoreRefusedError):
        on_request.swap_out(half_pages(1, 9), below)


def test_memory_zswap_max(on_request: st.SwapSystem) -> None:
    """Counted in stored bytes, at every ancestor; below it stores go on, at it they are refused and spill."""
    on_request.cgroup("/a", zswap_max=5 * PAGE)
    on_request.cgroup("/a/b")
    ids = on_request.swap_out(raw_pages(8), "/a/b")
    assert where(on_request, ids) == ["zswap"] * 5 + ["disk"] * 3
    stats = on_request.stats()
    assert stats.tiers["zswap"].refused == {"zswap_max": 3}
    assert stats.cgroups["/a"].zswap_max_events == 3
    assert stats.cgroups["/a"].zswap_bytes == stats.cgroups["/a/b"].zswap_bytes == 5 * PAGE
    other = on_request.swap_out(raw_pages(2, 5), "/")
    assert where(on_request, other) == ["zswap"] * 2


def test_memory_zswap_max_shrinks_once_first() -> None:
    """zswap_store() calls shrink_memcg() once before it refuses: with a `limit` edge the oldest makes room."""
    with system(edge={"when": st.Triggers(limit=True), "batch": 1, "policy": "fifo"}) as swap:
        swap.cgroup("/a", zswap_max=5 * PAGE)
        ids = swap.swap_out(raw_pages(8), "/a")
        assert where(swap, ids) == ["disk"] * 3 + ["zswap"] * 5
        assert swap.stats().tiers["zswap"].refused == {}


def test_memory_swap_max_counts_entries_outside_zswap(on_request: st.SwapSystem) -> None:
    """Entries in zswap are memory, not swap: only what is on the device counts, and a move there counts too."""
    group = on_request.cgroup("/a", swap_max=3 * PAGE)
    ids = on_request.swap_out(raw_pages(6), group)
    assert on_request.stats().cgroups["/a"].swap_bytes == 0
    done = on_request.demote("1M", source="zswap", cgroup=group)
    assert (done.entries, done.met) == (3, False)
    assert where(on_request, ids) == ["disk"] * 3 + ["zswap"] * 3
    assert on_request.stats().cgroups["/a"].swap_bytes == 3 * PAGE


def test_legacy_swap_charge_counts_everything() -> None:
    """Today's kernel: a page in zswap and a zero page hold a swap slot, and memory.swap.max counts it."""
    with system(edge=REQUEST, legacy_swap_charge=True) as swap:
        group = swap.cgroup("/a", swap_max=3 * PAGE)
        pages = raw_pages(4)
        pages[1] = 0
        with pytest.raises(st.StoreRefusedError) as caught:
            swap.swap_out(pages, group)
        assert (caught.value.ids > 0).tolist() == [True, True, True, False]
        assert caught.value.reasons == {"swap_max": 1}
        assert swap.demote("1M", source="zswap", cgroup=group).entries == 2  # a move changes nothing for the charge


def test_memory_swap_tiers_max(on_request: st.SwapSystem) -> None:
    """0 keeps new pages of the subtree out of a tier; pages that are there already stay."""
    group = on_request.cgroup("/a")
    there = on_request.swap_out(raw_pages(2), group)
    group.set(tiers_max={"zswap": 0})
    ids = on_request.swap_out(raw_pages(2, 3), group)
    assert where(on_request, ids) == ["disk"] * 2
    assert where(on_request, there) == ["zswap"] * 2
    group.set(tiers_max={"zswap": 0, "disk": 0})
    with pytest.raises(st.StoreRefusedError) as caught:
        on_request.swap_out(raw_pages(1, 4), group)
    assert caught.value.reasons == {"forbidden": 1}
    assert on_request.demote("1M", source="zswap", cgroup=group).entries == 0


def test_zero_pages_enter_no_tier(on_request: st.SwapSystem) -> None:
    """swap_writeout() asks for zeros before zswap; they take no space anywhere, and come back."""
    ids = on_request.swap_out(np.zeros((5, PAGE), np.uint8))
    stats = on_request.stats()
    assert stats.zero == {"stores": 5, "loads": 0, "entries": 5}
    assert sum(tier.entries for tier in stats.tiers.values()) == 0
    assert not on_request.peek(ids).any()
    assert not any(on_request.peek_page(int(ids[0])))
    assert not any(on_request.swap_in_page(int(ids[0])))
    assert on_request.stats().zero == {"stores": 5, "loads": 7, "entries": 4}
    assert not on_request.swap_in(ids[1:]).any()
    assert on_request.stats().zero == {"stores": 5, "loads": 11, "entries": 0}


def test_loads_are_exclusive(on_request: st.SwapSystem) -> None:
    """zswap_load() frees the entry: its bytes and its charge are gone with the page."""
    ids = on_request.swap_out(half_pages(4), on_request.cgroup("/a"))
    on_request.swap_in(ids)
    stats = on_request.stats()
    assert stats.tiers["zswap"].pool_bytes == stats.cgroups["/a"].zswap_bytes == 0
    assert (stats.cgroups["/a"].zswpout, stats.cgroups["/a"].zswpin) == (4, 4)


def test_a_removed_cgroups_entries_go_to_its_parent(on_request: st.SwapSystem) -> None:
    """memcg_reparent_list_lrus(): the pages and their charge are the parent's, and the ids stay good."""
    for path in ("/p", "/p/a"):
        on_request.cgroup(path)
    ids = on_request.swap_out(half_pages(4), "/p/a")
    charged = on_request.stats().cgroups["/p"].zswap_bytes
    on_request.remove_cgroup("/p/a")
    stats = on_request.stats()
    assert "/p/a" not in stats.cgroups
    assert (stats.cgroups["/p"].entries, stats.cgroups["/p"].zswap_bytes) == (4, charged)
    assert on_request.demote("1M", source="zswap", cgroup="/p").entries == 4
    assert (on_request.swap_in(ids) == half_pages(4)).all()


def three_tiers(last: str) -> st.SwapSystem:
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="64K"),
        st.MemorySpec(name="far", capacity="64K"),
        st.MemorySpec(name="disk", capacity=last),
    ]
    edges = [st.EdgeSpec(source=a, target=b, batch=1) for a, b in (("zswap", "far"), ("far", "disk"))]
    return st.SwapSystem(tiers, edges, clock=Clock(), max_entries=1 << 16)


def test_no_tier_is_skipped() -> None:
    """The chain rule: what leaves zswap goes to the next tier, and what has to give way there goes on."""
    with three_tiers("1M") as swap:
        ids = swap.swap_out(raw_pages(40))
        assert where(swap, ids) == ["disk"] * 8 + ["far"] * 16 + ["zswap"] * 16
        assert swap.stats().edges["zswap->far"].entries == 24
        assert swap.stats().edges["far->disk"].entries == 8


def test_a_full_chain_pushes_back(tmp_path: Path) -> None:
    """With the last tier full nothing can move: the store is refused, everything else is where it was."""
    with three_tiers("64K") as swap:
        with pytest.raises(st.StoreRefusedError) as caught:
            swap.swap_out(raw_pages(50))
        ids = caught.value.ids
        assert int((ids == 0).sum()) == 2
        assert where(swap, ids[:48]) == ["disk"] * 16 + ["far"] * 16 + ["zswap"] * 16
        assert swap.stats().edges["zswap->far"].backpressure > 0
        assert (swap.swap_in(ids[:48]) == raw_pages(50)[:48]).all()


def test_the_letters_chain(tmp_path: Path) -> None:
    """`request` edges move nothing by themselves; a request moves out of the tier that it names and no other."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="1M"),
        st.MemorySpec(name="tier1", capacity="1M"),
        st.MemorySpec(name="tier2", capacity="1M"),
    ]
    edges = [
        st.EdgeSpec(source="zswap", target="tier1", when=st.Triggers(request=True)),
        st.EdgeSpec(source="tier1", target="tier2", when=st.Triggers(request=True)),
    ]
    with st.SwapSystem(tiers, edges, clock=Clock(), max_entries=1 << 16) as swap:
        ids = swap.swap_out(raw_pages(10))
        assert swap.demote("8K", source="tier1").entries == 0
        swap.demote("1M", source="zswap")
        assert where(swap, ids) == ["tier1"] * 10
        assert swap.demote("1M", source="tier1").entries == 10
        assert where(swap, ids) == ["tier2"] * 10


@pytest.mark.parametrize(("batch", "rotated", "moved"), [(1, 16, 0), (64, 256, 64)])
def test_the_worker_gives_up_after_sixteen_failures(batch: int, rotated: int, moved: int) -> None:
    """shrink_worker() stops after 16 shrinks that wrote nothing: one entry at a time, each with its second chance to come,
    it has moved none when it goes to sleep; in batches it goes round the pool and down to the threshold."""
    edge = {"when": st.Triggers(limit=True), "policy": "second-chance", "batch": batch}
    with system(edge=edge) as swap:
        swap.swap_out(raw_pages(256))
        assert swap.stats().edges["zswap->disk"].wakeups == 0
        swap.swap_out(raw_pages(1, 1))
        counted = swap.stats().edges["zswap->disk"]
        assert (counted.wakeups, counted.rotated, counted.entries) == (1, rotated, moved)
        swap.swap_out(raw_pages(1, 2))
        if batch == 1:  # the next rejected store wakes it again
            counted = swap.stats().edges["zswap->disk"]
            assert (counted.wakeups, counted.rotated, counted.entries) == (2, 32, 0)
