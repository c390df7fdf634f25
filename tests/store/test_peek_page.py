"""One page looked at, the short way: what `peek` of one id does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st

PAGE = 4096


def pages_of(n: int, seed: int = 1) -> Any:
    pages = np.random.default_rng(seed).integers(0, 16, (n, PAGE), np.uint8)
    pages[0] = 0
    return pages


def tiers(kind: str) -> list[Any]:
    """Zswap above a tier of that kind."""
    below = {
        "file": st.FileSpec(name="below", capacity="4M"),
        "log": st.FileSpec(name="below", capacity="4M", layout="log", segment="64K"),
        "memory": st.MemorySpec(name="below", capacity="4M"),
        "zstd": st.ZswapSpec(name="below", compressor="zstd", max_pool="4M"),
    }
    return [st.ZswapSpec(name="zswap", max_pool="4M"), below[kind]]


@pytest.mark.parametrize("kind", ["file", "log", "memory", "zstd"])
def test_it_is_peek_of_one(kind: str) -> None:
    """The same page and the same accounts from every kind of tier, above and below, and for a zero page."""
    found = []
    for one_by_one in (True, False):
        clock = iter(range(10, 10**6))
        with st.SwapSystem(tiers(kind), clock=lambda clock=clock: next(clock)) as swap:  # type: ignore[misc]
            pages = pages_of(40)
            ids = swap.swap_out(pages, last_used_ns=1)
            swap.demote("40K", source="zswap")
            for entry, page in zip(ids.tolist(), pages, strict=True):
                same = swap.peek_page(entry) if one_by_one else swap.peek([entry])[0].tobytes()
                assert same == page.tobytes()
            swap.check()
            stats = swap.stats()
            found.append((stats.tiers, stats.zero, stats.entries, swap.inversion()))
            assert (swap.swap_in(ids) == pages).all()
    assert found[0] == found[1]
    assert 0 < found[0][0]["below"].loads < 40


def test_it_is_a_use() -> None:
    """What was looked at is the hottest: the others move first."""
    with st.SwapSystem(tiers("file")) as swap:
        ids = swap.swap_out(pages_of(33)[1:])
        swap.peek_page(int(ids[0]))
        swap.demote("1", source="zswap")
        assert swap.stats().tiers["below"].entries < 32
        row = int(ids[0]) & 0xFFFF_FFFF
        swap.demote("30K", source="zswap")
        assert swap.core.records[row].tier == 0


def test_ids_that_name_nothing() -> None:
    """A stale, foreign or impossible id gives no page."""
    with st.SwapSystem(tiers("file")) as swap, st.SwapSystem(tiers("file")) as other:
        entry = swap.swap_out_page(b"x" * PAGE)
        foreign = other.swap_out_page(b"y" * PAGE)
        assert swap.peek_page(np.uint64(entry)) == b"x" * PAGE  # type: ignore[arg-type]
        swap.discard([entry])
        for bad in (entry, foreign, -1, 1 << 63, 0):
            with pytest.raises(st.StaleEntryError):
                swap.peek_page(bad)
    with pytest.raises(st.ClosedError):
        swap.peek_page(entry)


def test_bytes_that_are_not_what_was_stored(tmp_path: Path) -> None:
    """Wrong bytes are an error that names the entry, and the entry stays; the failure is counted once."""
    below = st.FileSpec(name="below", capacity="4M", path="below")
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="4M"), below], folder=tmp_path) as swap:
        entry = swap.swap_out_page(pages_of(2)[1].tobytes())
        swap.demote("1M", source="zswap")
        slot = int(swap.core.records[entry & 0xFFFF_FFFF].slot)
        with (tmp_path / "below").open("r+b") as file:
            file.seek(slot * PAGE)
            file.write(b"wrong")
        with pytest.raises(st.CorruptEntryError) as caught:
            swap.peek_page(entry)
        assert caught.value.entry == entry
        assert len(swap) == 1
        assert swap.stats().failures["below"]["corrupt"] == 1


def test_while_others_move_and_store() -> None:
    """A page that is moved or reused between the look and the read would come back as another's."""
    with st.SwapSystem(tiers("log")) as swap:
        pages = pages_of(64)
        ids = swap.swap_out(pages).tolist()
        wrong: list[int] = []
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                for i, entry in enumerate(ids):
                    if swap.peek_page(entry) != pages[i].tobytes():
                        wrong.append(i)

        looking = [threading.Thread(target=look) for _ in range(2)]
        for thread in looking:
            thread.start()
        for seed in range(10):
            swap.demote("20K", source="zswap")
            swap.discard(swap.swap_out(pages_of(64, seed + 2)))
        over.set()
        for thread in looking:
            thread.join()
        assert wrong == []
        swap.check()


@pytest.mark.parametrize("call", ["peek_page", "swap_in_page"])
@pytest.mark.parametrize("between", ["move", "use", "discard", "take", "reuse"])
def test_what_comes_between(monkeypatch: pytest.MonkeyPatch, call: str, between: str) -> None:
    """The page is read before the entry is asked for with the lock: what others do in that instant must count."""
    first, second = pages_of(3)[1:]
    with st.SwapSystem(tiers("file"), clock=iter(range(10**6)).__next__) as swap:
        entry = swap.swap_out_page(first.tobytes())
        zswap: Any = swap.tiers[0]
        real = zswap.load_one

        def load_one(slot: int, length: int) -> Any:
            payload = real(slot, length)
            monkeypatch.setattr(zswap, "load_one", real)
            if between == "move":
                assert swap.demote("1", source="zswap").entries == 1
            elif between == "use":
                swap.peek([entry])
            elif between == "take":
                swap.swap_in([entry])
            else:
                swap.discard([entry])
                if between == "reuse":
                    assert swap.swap_out_page(second.tobytes()) & 0xFFFF_FFFF == entry & 0xFFFF_FFFF
            return payload

        monkeypatch.setattr(zswap, "load_one", load_one)
        if between in ("move", "use"):
            assert getattr(swap, call)(entry) == first.tobytes()
            assert len(swap) == (call == "peek_page")
        else:
            with pytest.raises(st.StaleEntryError):
                getattr(swap, call)(entry)
            assert len(swap) == (between == "reuse")
        swap.check()


# and its sibling


@pytest.mark.parametrize("kind", ["file", "log", "memory", "zstd"])
def test_discard_page_is_discard_of_one(kind: str) -> None:
    """The same accounts, and the slot can be used again; an id that is over, or nobody's, is refused as `discard` does."""
    found = []
    for one_by_one in (True, False):
        with st.SwapSystem(tiers(kind), clock=lambda: 7) as swap:
            pages = pages_of(40)
            ids = swap.swap_out(pages, last_used_ns=1).tolist()
            swap.demote("40K", source="zswap")
            for entry in ids[::2]:
                if one_by_one:
                    swap.discard_page(entry)
                else:
                    swap.discard([entry])
            swap.check()
            again = swap.swap_out(pages[::2], last_used_ns=2)
            found.append((swap.stats().tiers, swap.stats().zero, swap.inversion()))
            assert (swap.peek(ids[1::2]) == pages[1::2]).all()
            assert (swap.peek(again) == pages[::2]).all()
            with pytest.raises(st.StaleEntryError):
                swap.discard_page(ids[0])
            with pytest.raises(st.StaleEntryError):
                swap.discard_page(-1)
    assert found[0] == found[1]
    with pytest.raises(st.ClosedError):
        swap.discard_page(ids[1])


def test_a_discarded_page_is_not_kept_in_memory() -> None:
    """What zswap held of it is let go of at once, not when its slot is used again."""
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="4M")]) as swap:
        entry = int(swap.swap_out_page(b"x" * PAGE))
        held: Any = swap.tiers[0]
        assert sum(payload is not None for payload in held.payloads) == 1
        swap.discard_page(entry)
        assert not any(held.payloads)
