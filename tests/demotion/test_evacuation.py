"""Evacuation and removal of a tier: everything leaves, ids stay valid, limits hold, and it can be stopped and resumed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores import PAGE, check_whole, pages_of, tier_of, where

import swaptiers as st
from swaptiers.testing import WrappedTier

REQUEST = st.Triggers(request=True)


def three(*edges: tuple[str, str], ssd: Any = None, on_full: Any = "spill", **terms: Any) -> st.SwapSystem:
    """Zswap of 4 MiB, ssd of 2 MiB, disk of 2 MiB."""
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", max_pool="4M"),
        ssd or st.FileSpec(name="ssd", capacity="2M"),
        st.FileSpec(name="disk", capacity="2M"),
    ]
    specs = [st.EdgeSpec(source=a, target=b, **{"when": REQUEST, **terms}) for a, b in edges]
    return st.SwapSystem(tiers, specs, on_full=on_full, max_entries=1 << 16)


def fill_ssd(swap: st.SwapSystem, n: int, seed: int = 1, cgroup: str = "/") -> tuple[Any, Any]:
    """Pages in the ssd: through zswap, along the edge."""
    pages = pages_of(1500, n, seed)
    ids = swap.swap_out(pages, cgroup)
    swap.demote("4M", source="zswap", target="ssd", cgroup=cgroup)
    assert where(swap, ids) == ["ssd"] * n
    return ids, pages


def test_along_its_edge() -> None:
    """With an edge and room below, everything goes down, under the ids that it had."""
    with three(("zswap", "ssd"), ("ssd", "disk")) as swap:
        ids, pages = fill_ssd(swap, 200)
        done = swap.evacuate("ssd")
        assert (done.entries, done.left, done.done, done.targets) == (200, 0, True, {"disk": 200})
        assert where(swap, ids) == ["disk"] * 200
        assert swap.stats().edges["ssd->disk"].by_trigger == {"evacuation": 200}
        check_whole(swap, ids, pages)


def test_back_up() -> None:
    """Without an edge out of it, a tier's entries go back up: no tier that is slower is entered without an edge."""
    with three(("zswap", "ssd")) as swap:
        ids, pages = fill_ssd(swap, 100)
        done = swap.evacuate("ssd")
        assert done.targets == {"zswap": 100}
        assert where(swap, ids) == ["zswap"] * 100
        check_whole(swap, ids, pages)


def test_both_ways() -> None:
    """What the edge's target has no room for goes up."""
    with three(("zswap", "ssd"), ("ssd", "disk")) as swap:
        ids, pages = fill_ssd(swap, 400)
        swap.cgroup("/x", zswap_max=0, tiers_max={"ssd": 0})
        others = swap.swap_out(pages_of(PAGE, 300, 9), "/x")
        assert where(swap, others) == ["disk"] * 300
        done = swap.evacuate("ssd")
        assert done.targets == {"disk": 212, "zswap": 188}
        assert done.refused["full"] > 0
        check_whole(swap, ids, pages)


def test_limits_hold() -> None:
    """What no limit allows anywhere stays, and the result says why; nothing is lost, and it goes on when there is room."""
    with three(("zswap", "ssd"), ("ssd", "disk")) as swap:
        swap.cgroup("/a")
        ids, pages = fill_ssd(swap, 60, cgroup="/a")
        swap.cgroup("/a", zswap_max=0, tiers_max={"disk": 20 * PAGE})
        done = swap.evacuate("ssd")
        assert (done.entries, done.left, done.done) == (20, 40, False)
        assert done.refused["tiers_max"] > 0
        with pytest.raises(st.TierBusyError, match="still holds 40 entries"):
            swap.remove_tier("ssd")
        check_whole(swap, ids, pages)
        swap.cgroup("/a", tiers_max={})
        assert swap.evacuate("ssd").done
        check_whole(swap, ids, pages)


def test_nothing_new_comes_in() -> None:
    """Stores and moves pass the tier by until it is readmitted."""
    with three(("zswap", "ssd"), ("ssd", "disk")) as swap:
        swap.evacuate("ssd")
        swap.cgroup("/x", zswap_max=0)
        assert where(swap, swap.swap_out(pages_of(PAGE, 5), "/x")) == ["disk"] * 5
        swap.swap_out(pages_of(PAGE, 5, 2))
        done = swap.demote("4M", source="zswap", target="ssd")
        assert (done.entries, done.refused) == (0, {"draining": done.refused["draining"]})
        swap.readmit("ssd")
        assert swap.demote("4M", source="zswap", target="ssd").entries == 5


def test_stopped_and_resumed() -> None:
    """`progress` sees each batch and can stop; the next call goes on where that one ended."""
    with three(("zswap", "ssd"), ("ssd", "disk"), batch=16) as swap:
        ids, pages = fill_ssd(swap, 200)
        seen: list[tuple[int, int]] = []

        def three_batches(done: st.Evacuated) -> bool:
            seen.append((done.entries, done.left))
            return len(seen) < 3

        first = swap.evacuate("ssd", progress=three_batches)
        assert seen == [(16, 184), (32, 168), (48, 152)]
        assert (first.entries, first.left, first.done) == (48, 152, False)
        check_whole(swap, ids, pages)
        assert swap.evacuate("ssd").entries == 152


def test_a_log_and_kept_slots() -> None:
    """Out of a log the live payloads go; slots that are kept for pages in memory are given up."""
    log = st.FileSpec(name="ssd", layout="log", capacity="2M", segment="64K")
    with three(("zswap", "ssd"), ("ssd", "disk"), ssd=log) as swap:
        ids, pages = fill_ssd(swap, 150)
        assert swap.evacuate("ssd").done
        assert swap.stats().tiers["ssd"].stored_bytes == 0
        check_whole(swap, ids, pages)
    with three(("zswap", "ssd"), ("ssd", "disk"), ssd=st.FileSpec(name="ssd", capacity="2M", keep_clean=True)) as swap:
        ids, pages = fill_ssd(swap, 50)
        swap.swap_in(ids[:20], keep_clean=True)
        assert swap.evacuate("ssd").entries == 30
        assert swap.forget_clean(ids[:20]) == 0
        swap.check()


def test_out_of_zswap_into_slots_and_back() -> None:
    """Any kind of tier can be evacuated, the fastest too; then pages are stored in the next one."""
    with three(("zswap", "ssd"), ("ssd", "disk")) as swap:
        pages = pages_of(1500, 80)
        ids = swap.swap_out(pages)
        assert swap.remove_tier("zswap").targets == {"ssd": 80}
        assert where(swap, swap.swap_out(pages_of(900, 3, 2))) == ["ssd"] * 3
        assert tier_of(swap, swap.swap_out_page(bytes(pages[0]))) == "ssd"
        check_whole(swap, ids, pages)


def test_removing_a_tier(tmp_path: Path) -> None:
    """Its file is gone, its name unknown, its edges dead; every entry is somewhere else under its old id."""
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", max_pool="4M"),
        st.FileSpec(name="ssd", capacity="2M", path="ssd.swap"),
        st.FileSpec(name="disk", capacity="2M", path="disk.swap"),
    ]
    edges = [st.EdgeSpec(source="zswap", target="ssd"), st.EdgeSpec(source="ssd", target="disk")]
    with st.SwapSystem(tiers, edges, folder=tmp_path, max_entries=1 << 16) as swap:
        ids, pages = fill_ssd(swap, 100)
        assert swap.remove_tier("ssd").done
        assert [path.name for path in tmp_path.iterdir()] == ["disk.swap"]
        for call in (
            lambda: swap.evacuate("ssd"),
            lambda: swap.readmit("ssd"),
            lambda: swap.demote("1M", source="ssd"),
            lambda: swap.demote("1M", source="zswap", target="ssd"),
        ):
            with pytest.raises(st.GraphError, match="no tier 'ssd'"):
                call()
        assert swap.stats().tiers["ssd"].entries == 0
        check_whole(swap, ids, pages)
    assert list(tmp_path.iterdir()) == []


class Leaving(WrappedTier):
    """Is removed, by somebody else, between the moment at which it is asked to read and the one at which it reads."""

    is_asked = False
    remove: Any = None

    def load(self, slots: Any, lengths: Any) -> Any:
        if self.remove and not self.is_asked:
            self.is_asked = True
            self.remove()
        return super().load(slots, lengths)


@pytest.mark.parametrize("kind", ["zswap", "memory", "file", "log"])
@pytest.mark.parametrize("way", ["peek", "peek_page"])
def test_removed_while_it_is_read(kind: str, way: str) -> None:
    """The entry is elsewhere by then, and is read there."""
    leaving = {
        "zswap": st.ZswapSpec(name="leaving", max_pool="4M"),
        "memory": st.MemorySpec(name="leaving", capacity="1M"),
        "file": st.FileSpec(name="leaving", capacity="1M"),
        "log": st.FileSpec(name="leaving", capacity="1M", layout="log", segment="64K"),
    }[kind]
    tiers: list[Any] = [leaving, st.FileSpec(name="disk", capacity="2M")]
    wrapped: list[Leaving] = []

    def wrap(tier: Any) -> Any:
        wrapped.append(Leaving(tier))
        return wrapped[-1]

    with st.SwapSystem(tiers, [st.EdgeSpec(source="leaving", target="disk")], wrap=wrap, max_entries=1 << 12) as swap:
        pages = pages_of(1000, 5)
        ids = swap.swap_out(pages)
        wrapped[0].remove = lambda: swap.remove_tier("leaving")
        if way == "peek":
            assert (swap.peek(ids) == pages).all()
        else:
            assert swap.peek_page(int(ids[0])) == pages[0].tobytes()
        assert set(where(swap, ids)) == {"disk"}
        check_whole(swap, ids, pages)


def test_the_only_tier_stays() -> None:
    """A system without tiers is no system."""
    with (
        st.SwapSystem([st.MemorySpec(name="far", capacity="2M")], []) as swap,
        pytest.raises(st.GraphError, match="only"),
    ):
        swap.remove_tier("far")


def test_a_failing_target() -> None:
    """An I/O error ends the call; what has left has left, the rest is where it was, and it can be resumed."""
    with three(("zswap", "ssd"), ("ssd", "disk"), batch=16) as swap:
        ids, pages = fill_ssd(swap, 100)
        disk, calls = swap.tiers[2], [0]
        good = disk.store

        def fails_once(*arguments: Any) -> None:
            calls[0] += 1
            if calls[0] == 3:
                raise OSError(28, "No space left on device")
            good(*arguments)

        disk.store = fails_once  # type: ignore[method-assign]
        with pytest.raises(st.TierIOError, match="still in 'ssd'"):
            swap.evacuate("ssd")
        assert where(swap, ids).count("disk") == 32
        check_whole(swap, ids, pages)
        assert swap.evacuate("ssd").entries == 68


def test_while_others_store_and_take() -> None:
    """Threads that go on using the system lose nothing, and the tier ends up empty."""
    with three(("zswap", "ssd"), ("ssd", "disk"), on_full="demote", when=st.Triggers(pressure=True), batch=8) as swap:
        ids, pages = fill_ssd(swap, 300)
        errors: list[BaseException] = []
        stop = threading.Event()

        def work(seed: int) -> None:
            try:
                turn = 0
                while not stop.is_set():
                    turn += 1
                    mine = pages_of(2000, 6, seed * 1000 + turn)
                    held = swap.swap_out(mine)
                    assert np.array_equal(swap.swap_in(held), mine)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        try:
            done = swap.evacuate("ssd")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert errors == []
        assert done.entries == 300
        assert swap.stats().tiers["ssd"].entries == 0
        check_whole(swap, ids, pages)


CONFIG = """
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 1M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 4M, latency: {read: 70us, write: 20us}}
  disk:  {kind: file, capacity: 64M, latency: {read: 4ms, write: 4ms, call: 4ms}}
cgroups: {/web: {memory.max: 2M, memory.zswap.max: 800K}}
workloads: [{cgroup: /web, kind: zipf, pages: 2000, refs: 20000, writes: 20%}]
actions: [{at: 500ms, evacuate: ssd}]
run: {payload: PAYLOAD}
"""


def test_in_an_experiment(tmp_path: Path) -> None:
    """A timed action: the tier is empty from then on, the numbers are the same with and without bytes."""
    runs = []
    for payload in ("real", "sizes"):
        path = tmp_path / f"{payload}.yaml"
        path.write_text(CONFIG.replace("PAYLOAD", payload))
        runs.append(st.run(path).variants["base"])
    real, sizes = runs
    assert real.actions[0]["done"]
    assert real.actions[0]["targets"].keys() == {"disk"}
    assert real.tiers["ssd"].entries == 0 < real.tiers["ssd"].stores + real.tiers["ssd"].demoted_in
    assert (real.integrity.mismatched, real.integrity.lost) == (0, 0)
    assert (real.tiers, real.edges, real.fault_latency_ns) == (sizes.tiers, sizes.edges, sizes.fault_latency_ns)


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("{at: 1s, evacuate: sdd}", "did you mean 'ssd'"),
        ("{at: 1s, evacuate: ssd, demote: 1M}", "demotes .* or evacuates"),
        ("{at: 1s}", "demotes .* or evacuates"),
    ],
)
def test_no_action(tmp_path: Path, action: str, says: str) -> None:
    """An action that can't be is refused with its place."""
    path = tmp_path / "x.yaml"
    path.write_text(CONFIG.replace("PAYLOAD", "sizes").replace("{at: 500ms, evacuate: ssd}", action))
    with pytest.raises(st.ConfigError, match=says) as raised:
        st.run(path)
    assert raised.value.line == 10
