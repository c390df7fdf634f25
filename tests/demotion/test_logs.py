"""A store with a tier whose layout is a log: segments fill, die, are cleaned, and every entry is found where it went."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from stores import PAGE, check_whole, pages_of, where

import swaptiers as st

SEGMENT = 64 << 10


def log_store(
    *,
    live: str = "50%",
    cleaning: Any = "copy",
    batch: int = 64,
    edges: str = "both",
    path: str | None = None,
    folder: Path | None = None,
) -> st.SwapSystem:
    """Zswap above a log of 16 segments above a disk."""
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", max_pool="256K"),
        st.FileSpec(
            name="log",
            layout="log",
            capacity=16 * SEGMENT,
            segment=SEGMENT,
            max_live=live,
            cleaning=cleaning,
            path=path,
        ),
        st.FileSpec(name="disk", capacity="8M"),
    ]
    pressed = st.Triggers(pressure=True)
    terms = [st.EdgeSpec(source="zswap", target="log", keep_compressed=True, when=pressed, batch=batch)]
    if edges == "both":
        terms.append(st.EdgeSpec(source="log", target="disk", when=pressed, batch=batch))
    on_full: Any = "demote" if edges == "both" else "spill"
    return st.SwapSystem(tiers, terms, on_full=on_full, max_entries=1 << 16, folder=folder or ".")


def churn(swap: st.SwapSystem, rounds: int, seed: int, sizes: Any = (300, 1000, 2500, PAGE)) -> dict[int, bytes]:
    """Store, take back and discard at random; what must be there at the end."""
    random = np.random.default_rng(seed)
    held: dict[int, bytes] = {}
    for turn in range(rounds):
        pages = np.concatenate(
            [pages_of(int(random.choice(sizes)), 1, int(random.integers(1 << 30))) for _ in range(8)]
        )
        for entry, page in zip(swap.swap_out(pages).tolist(), pages, strict=True):
            held[entry] = page.tobytes()
        gone = random.choice(sorted(held), min(len(held) // 3, 7), replace=False).tolist()
        if turn % 2:
            assert [page.tobytes() for page in swap.swap_in(gone)] == [held[entry] for entry in gone]
        else:
            swap.discard(gone)
        for entry in gone:
            del held[entry]
    return held


def check_held(swap: st.SwapSystem, held: dict[int, bytes]) -> None:
    swap.check()
    assert len(swap) == len(held)
    ids = sorted(held)
    assert [page.tobytes() for page in swap.peek(ids)] == [held[entry] for entry in ids]


@pytest.mark.parametrize("cleaning", ["copy", "demote"])
def test_churn(cleaning: str) -> None:
    """Hundreds of segments' worth go through sixteen: each copy and each reuse of a segment must be right."""
    with log_store(cleaning=cleaning) as swap:
        held = churn(swap, 500, 1)
        check_held(swap, held)
        log = swap.stats().tiers["log"]
        assert log.written_bytes > 3 * 16 * SEGMENT
        assert log.pool_bytes <= 16 * SEGMENT
        assert (log.cleaned_entries > 0) == (cleaning == "copy")
        swap.swap_in(sorted(held))
        swap.check()
        assert swap.stats().tiers["log"].stored_bytes == 0


def test_payloads_are_kept_as_they_are(tmp_path: Path) -> None:
    """keep_compressed moves the very payload: the file has what zswap had, and no page is compressed a second time."""
    with log_store(path="log.file", folder=tmp_path) as swap:
        pages = pages_of(1000, 20)
        ids = swap.swap_out(pages)
        rows = [int(entry) & 0xFFFF_FFFF for entry in ids]
        payloads = [
            bytes(swap.tiers[0].load(np.array([swap.core.records[row].slot]), np.array([0]))[0]) for row in rows
        ]
        calls: list[int] = []
        encode = swap.tiers[1].encode
        swap.tiers[1].encode = lambda page: calls.append(1) or encode(page)  # type: ignore[method-assign, func-returns-value]
        swap.demote("1M", source="zswap", target="log")
        assert where(swap, ids) == ["log"] * 20
        assert calls == []
        assert (tmp_path / "log.file").read_bytes()[: sum(map(len, payloads))] == b"".join(payloads)
        check_whole(swap, ids, pages)


def test_dead_segments_need_no_copying() -> None:
    """What was discarded as a whole is reused as it is: a queue through a log has no write amplification."""
    with log_store() as swap:
        for turn in range(60):
            ids = swap.swap_out(pages_of(PAGE - 600, 32, turn))
            swap.demote("1M", source="zswap", target="log")
            swap.discard(ids)
        log = swap.stats().tiers["log"]
        assert log.written_bytes > 5 * 16 * SEGMENT
        assert log.cleaned_bytes == 0
        swap.check()


def test_full_means_what_is_alive() -> None:
    """A log is full at max_live, not when its file is; then its own edge makes room, or the store spills."""
    for edges in ("both", "one"):
        with log_store(live="50%", edges=edges) as swap:
            held = {}
            for seed in range(40):
                pages = pages_of(2000, 16, seed)
                held |= dict(zip(swap.swap_out(pages).tolist(), (page.tobytes() for page in pages), strict=True))
            log = swap.stats().tiers["log"]
            assert log.stored_bytes <= 8 * SEGMENT
            assert log.stored_bytes > 7 * SEGMENT
            assert swap.stats().tiers["disk"].entries > 0
            check_held(swap, held)


def test_stores_straight_into_a_log() -> None:
    """A page that spills into a log is compressed for it, written before its id is given out, and counted as pswpout."""
    with log_store(edges="one") as swap:
        swap.cgroup("/a", zswap_max=0)
        pages = np.concatenate([pages_of(700, 30), pages_of(PAGE, 10)])
        ids = swap.swap_out(pages, "/a")
        assert where(swap, ids) == ["log"] * 40
        one = swap.swap_out_page(pages_of(900, 1, 5)[0].tobytes(), "/a")
        assert swap.swap_in_page(one) == pages_of(900, 1, 5)[0].tobytes()
        stats = swap.stats()
        assert stats.cgroups["/a"].pswpout == 41
        assert stats.tiers["log"].stored_bytes < 30 * 750 + 10 * PAGE
        check_whole(swap, ids, pages)


def test_only_a_log() -> None:
    """A log as the fastest tier: single pages and batches take the same road."""
    spec = st.FileSpec(name="log", layout="log", capacity=16 * SEGMENT, segment=SEGMENT, max_live="50%")
    with st.SwapSystem([spec], [], max_entries=1 << 16) as swap:
        pages = pages_of(1500, 64)
        ids = np.array([swap.swap_out_page(page.tobytes()) for page in pages], np.uint64)
        check_whole(swap, ids, pages)
        for _ in range(30):
            swap.discard(ids[::2])
            ids[::2] = swap.swap_out(pages[::2])
            check_whole(swap, ids, pages)
        assert swap.stats().tiers["log"].written_bytes > 16 * SEGMENT


@pytest.mark.parametrize("what", ["store", "load"])
def test_cleaning_that_fails_loses_nothing(what: str) -> None:
    """An I/O error in the middle of cleaning: everything is where it was, the call says so, and later cleaning works."""
    with log_store(batch=4) as swap:
        held = churn(swap, 100, 2)
        tier = swap.tiers[1]
        good = getattr(tier, what)
        failed = 0
        for seed in range(3, 60):
            setattr(tier, what, _failing(good, seed % 9 + 1, lasting=what == "load"))  # one load is tried again
            try:
                held |= churn(swap, 12, seed)
            except st.TierIOError as error:
                failed += 1
                assert "log" in str(error)
            setattr(tier, what, good)
            swap.check()
        assert failed > 5
        ids = sorted(held)  # of the rounds that did not fail: those that did keep what they had stored until then
        assert set(ids) <= _alive(swap)
        assert [page.tobytes() for page in swap.peek(ids)] == [held[entry] for entry in ids]


def _alive(swap: st.SwapSystem) -> set[int]:
    st_ = swap.core.st
    records = swap.core.records[: int(st_.row_top)]
    rows = np.flatnonzero((records["backing"] == 2) | (records["backing"] == 1))
    return {(((int(st_.id_tag) << 24) | int(records[row].generation)) << 32) | int(row) for row in rows}


def _failing(good: Any, after: int, *, lasting: bool) -> Any:
    left = [after]

    def call(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 or (lasting and left[0] < 0):
            raise OSError(5, "Input/output error")
        return good(*arguments)

    return call


def test_many_threads(tmp_path: Path) -> None:
    """Stores, takes and cleaning at once: an entry that is taken while it is copied keeps its bytes, and only one place."""
    with log_store(batch=8) as swap:
        held: dict[int, dict[int, bytes]] = {}
        errors: list[BaseException] = []

        def work(seed: int) -> None:
            try:
                held[seed] = churn(swap, 120, seed)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        together: dict[int, bytes] = {}
        for each in held.values():
            together |= each
        check_held(swap, together)
        assert swap.stats().tiers["log"].cleanings > 0


def live_by_hand(swap: st.SwapSystem) -> npt.NDArray[np.int64]:
    records = swap.core.records[: int(swap.core.st.row_top)]
    mine = records[(records["backing"] == 2) & (records["tier"] == 1)]
    live: npt.NDArray[np.int64] = np.bincount(mine["slot"] // SEGMENT, weights=mine["length"]).astype(np.int64)
    return live


def test_nothing_lies_across_or_over_another() -> None:
    """No two payloads share a byte, and none lies across the end of its segment."""
    with log_store() as swap:
        for turn in range(8):
            churn(swap, 40, turn)
            records = swap.core.records[: int(swap.core.st.row_top)]
            mine = records[(records["backing"] == 2) & (records["tier"] == 1)]
            order = np.argsort(mine["slot"])
            starts, ends = mine["slot"][order], (mine["slot"] + mine["length"])[order]
            assert (starts[1:] >= ends[:-1]).all()
            assert (starts // SEGMENT == (ends - 1) // SEGMENT).all()
            assert live_by_hand(swap).sum() == swap.stats().tiers["log"].stored_bytes


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"direct": True}, "direct is for layout: slots"),
        ({"keep_clean": True}, "keep_clean is for layout: slots"),
        ({"segment": "1K"}, "64K to 1G"),
        ({"capacity": "256K"}, "at least 8 of them"),
        ({"max_live": "90%"}, "max_live is at most"),
        ({"layout": "slots"}, "belongs to layout: log"),
    ],
)
def test_terms_that_can_not_be(terms: dict[str, Any], says: str) -> None:
    """A log that could never be cleaned, or keys of the other layout, are refused."""
    good = {"name": "log", "layout": "log", "capacity": 16 * SEGMENT, "segment": SEGMENT, "max_live": "50%"}
    with pytest.raises(ValueError, match=says):
        st.FileSpec(**{**good, **terms})


def test_keep_compressed_wants_one_compressor() -> None:
    """A payload that the target can't decompress would be lost."""
    tiers: list[Any] = [
        st.ZswapSpec(name="zswap", compressor="zstd"),
        st.FileSpec(name="log", layout="log", capacity="4M"),
        st.MemorySpec(name="far", capacity="4M"),
    ]
    for target, says in (("log", "'zswap' has zstd and 'log' lz4"), ("far", "'far' none")):
        edge = st.EdgeSpec(source="zswap", target=target, keep_compressed=True)
        with pytest.raises(st.GraphError, match=says):
            st.SwapSystem(tiers, [edge], on_full="spill")


@pytest.mark.parametrize("cleaning", ["copy", "demote"])
def test_what_edges_tell_apart(cleaning: Any) -> None:
    """A segment holds entries of every class of the edges out of the log: all are copied, or each goes along its own edge. One
    that were left behind would keep its segment for ever."""
    tiers: list[Any] = [
        st.FileSpec(name="log", layout="log", capacity=8 * SEGMENT, segment=SEGMENT, cleaning=cleaning),
        st.MemorySpec(name="far", capacity="8M"),
        st.FileSpec(name="disk", capacity="8M"),
    ]
    terms = [st.EdgeSpec(source="log", target="disk", only="raw"), st.EdgeSpec(source="log", target="far")]
    with st.SwapSystem(tiers, terms, max_entries=1 << 12) as swap:
        held: dict[int, bytes] = {}
        for turn in range(30):
            sizes = (300, 2500, PAGE) * 5
            pages = np.concatenate([pages_of(nbytes, 1, 100 * turn + i) for i, nbytes in enumerate(sizes)])
            ids = swap.swap_out(pages).tolist()
            swap.discard(ids[:6] + ids[9:])
            held |= {entry: page.tobytes() for entry, page in zip(ids[6:9], pages[6:9], strict=True)}
        stats = swap.stats()
        if cleaning == "copy":
            assert stats.tiers["log"].cleaned_entries > 0
        else:
            moved = stats.tiers["disk"].demoted_in
            assert moved > 0
            assert stats.tiers["far"].demoted_in == 2 * moved
            assert [stats.edges[name].by_trigger["cleaning"] > 0 for name in ("log->disk", "log->far")] == [True, True]
        check_held(swap, held)


def test_a_copy_to_the_first_address_that_fails() -> None:
    """Address 0 is an address: it is given back as all others are."""
    tiers: list[Any] = [st.FileSpec(name="log", layout="log", capacity=8 * SEGMENT, segment=SEGMENT)]
    with st.SwapSystem(tiers, [], on_full="refuse", max_entries=1 << 12) as swap:
        log = swap.tiers[0]
        store, begun = log.store, False
        failed: set[str] = set()

        def fails_at_0(slots: Any, payloads: Any) -> None:
            if begun and slots[0] == 0:
                raise OSError(5, "Input/output error")
            store(slots, payloads)

        log.store = fails_at_0  # type: ignore[method-assign]
        random = np.random.default_rng(6)  # one with which cleaning comes there too
        held: dict[int, bytes] = {}
        for turn in range(80):
            pages = np.concatenate([pages_of(2500, 1, 100 * turn + i) for i in range(12)])
            try:
                held |= dict(zip(swap.swap_out(pages).tolist(), [page.tobytes() for page in pages], strict=True))
            except st.TierIOError as error:
                failed.add(error.operation)
            begun = True
            swap.check()
            while len(held) > 60:
                entry = int(random.choice(sorted(held)))
                swap.discard_page(entry)
                del held[entry]
        assert failed == {"cleaning", "swap-out"}
        check_held(swap, held)


def test_segments_are_used_again() -> None:
    """Many times what the file has room for: a segment that does not come back is missed when all have been used once."""
    tiers = [st.FileSpec(name="log", layout="log", capacity=8 * SEGMENT, segment=SEGMENT)]
    with st.SwapSystem(tiers, [], on_full="refuse", max_entries=1 << 10) as swap:
        for turn in range(40):
            pages = pages_of(PAGE, 16, turn)
            assert np.array_equal(swap.swap_in(swap.swap_out(pages)), pages)
        swap.check()
        assert swap.stats().tiers["log"].pool_bytes <= 2 * SEGMENT
