"""Tiers that fail in every way there is: nothing acknowledged is lost, nothing wrong is returned, every account balances."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cold_lists import check_cold_lists

import swaptiers as st
from swaptiers.core.constants import STORED
from swaptiers.testing import Fault, FaultyTier, SeededFaults, SlowTier, WrappedTier, check_pages, nothing_left
from swaptiers.testing.contract import KINDS, page_of
from swaptiers.testing.faults import HONEST, POSSIBLE
from swaptiers.testing.torture.own_kinds import DictSpec

PAGE = 4096
TIERS = ("zswap", "far", "disk")
LAYOUTS = ("slots", "slots", "log", "log")
"""Of the disk, by seed."""
FAILS = (st.TierIOError, MemoryError)
Model = dict[int, bytes]
Make = Callable[..., st.SwapSystem]


def pages_of(n: int, seed: int = 0) -> list[bytes]:
    """Every ninth is empty."""
    return [bytes(PAGE) if i % 9 == 8 else page_of(KINDS[i % 4], seed * 1000 + i, PAGE) for i in range(n)]


def array_of(pages: list[bytes]) -> Any:
    return np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes systems of three tiers, which are closed at the end and leave nothing."""
    made: list[st.SwapSystem] = []

    def system(wrap: Any = FaultyTier, layout: Any = "slots", **options: Any) -> st.SwapSystem:
        tiers = [
            st.ZswapSpec(name="zswap", max_pool="96K"),
            st.MemorySpec(name="far", capacity="1M"),
            st.FileSpec(name="disk", capacity="8M", path=f"{len(made)}.swap", layout=layout),
        ]
        made.append(st.SwapSystem(tiers, folder=tmp_path, max_entries=1 << 14, wrap=wrap, **options))
        return made[-1]

    with nothing_left(tmp_path):
        yield system
        for swap in made:
            disarm(swap)
            swap.close()


def disarm(swap: st.SwapSystem) -> None:
    for tier in swap.tiers:
        if isinstance(tier, FaultyTier):
            tier.disarm()


def tier_of(swap: st.SwapSystem, name: str) -> Any:
    return swap.tiers[swap.graph.rank(name)]


def filled(swap: st.SwapSystem, seed: int = 0) -> Model:
    """Pages in each of its tiers: what the system holds."""
    pages = pages_of(300, seed)
    model = dict(zip(swap.swap_out(array_of(pages)).tolist(), pages, strict=True))
    swap.demote("400K", source="far")
    assert all(tier.entries > 10 for tier in swap.stats().tiers.values())
    return model


def in_tier(swap: st.SwapSystem, model: Model, name: str) -> list[int]:
    records = swap.core.records
    rank = swap.graph.rank(name)
    return [entry for entry in model if records[entry & 0xFFFF_FFFF].tier == rank]


def sound(swap: st.SwapSystem, model: Model) -> None:
    check_pages(swap, model)
    check_cold_lists(swap)


def use(swap: st.SwapSystem, model: Model, draw: random.Random, number: int) -> None:
    """One random call; the model follows what the system says: exactly what is acknowledged counts."""
    way = draw.randrange(7)
    some = draw.sample(sorted(model), min(len(model), draw.randint(1, 30)))
    if way == 0:
        pages = pages_of(draw.randint(1, 90), number)
        try:
            ids = swap.swap_out(array_of(pages))
        except st.StoreRefusedError as refused:
            ids = refused.ids
        model.update({entry: page for entry, page in zip(ids.tolist(), pages, strict=True) if entry})
    elif way == 1:
        page = page_of(draw.choice(KINDS), number, PAGE)
        model[swap.swap_out_page(page)] = page
    elif way == 2:
        got = swap.swap_in(some)
        assert [page.tobytes() for page in got] == [model.pop(entry) for entry in some]
    elif way == 3 and some:
        assert swap.swap_in_page(some[0]) == model.pop(some[0])
    elif way == 4:
        assert [page.tobytes() for page in swap.peek(some)] == [model[entry] for entry in some]
    elif way == 5:
        swap.discard(some)
        for entry in some:
            del model[entry]
    else:
        swap.demote(draw.randrange(200_000), source=draw.choice(["zswap", "far"]))


FAILING = [(operation, kind) for operation in POSSIBLE for kind in POSSIBLE[operation] if kind in HONEST]


@pytest.mark.parametrize(("operation", "kind"), FAILING)
@pytest.mark.parametrize("name", TIERS)
def test_a_tier_that_fails(make: Make, name: str, operation: Any, kind: Any) -> None:
    """Whatever fails, now and then or always: what was acknowledged is there, what was not is not, and once the tier is
    well again everything goes on."""
    swap = make()
    model = filled(swap)
    tier = tier_of(swap, name)
    draw = random.Random(f"{name}{operation}{kind}")
    for first, times in ((0, 1), (1, 2), (0, None)):
        tier.arm([Fault(operation, kind, first=first, times=times)])
        for number in range(12):
            try:
                use(swap, model, draw, number)
            except FAILS as error:
                assert isinstance(error, MemoryError) is (kind == "memory")
                if isinstance(error, st.TierIOError):
                    assert (error.tier, error.errno) == (name, errno.EIO)
        tier.disarm()
        sound(swap, model)
    if operation not in ("close", "encode", "decode") or name == "zswap":
        assert tier.injected[(operation, kind)] or operation == "close"


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_failures(make: Make, seed: int) -> None:
    """All tiers fail at random, in every way that a device may admit. Nothing acknowledged is lost."""
    swap = make(lambda tier: FaultyTier(tier, armed=False), layout=LAYOUTS[seed])
    model = filled(swap, seed)
    draw = random.Random(seed)
    plan = SeededFaults(seed=seed, rate=0.05, kinds=HONEST, operations=("encode", "decode", "store", "load", "free"))
    for _ in range(4):
        for tier in swap.tiers:
            tier.arm(plan)  # type: ignore[attr-defined]
        for number in range(60):
            try:
                use(swap, model, draw, number)
            except FAILS:
                continue
        disarm(swap)
        sound(swap, model)
    assert sum(sum(tier.injected.values()) for tier in swap.tiers) > 40  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_lies(make: Make, seed: int) -> None:
    """Writes that are lost or go astray, bits that flip on the way: found by checksum whenever the page is read. What is
    returned is right, always; what can't be had is named, and its entry is there to be discarded."""
    plan = SeededFaults(seed=seed, rate=0.05, kinds=("lost", "stray", "flip"))
    swap = make(lambda tier: FaultyTier(tier, plan), layout=LAYOUTS[seed])
    draw = random.Random(seed)
    model: Model = {}
    bad: set[int] = set()
    for number in range(120):
        try:
            use(swap, model, draw, number)
        except st.CorruptEntryError as error:
            assert error.tier in TIERS
            swap.discard([error.entry])  # a page that can't be moved takes its place for ever
            del model[error.entry]
        except st.StoreRefusedError as refused:
            assert set(refused.ids.tolist()) == {0}
    disarm(swap)
    for entry, page in list(model.items()):
        try:
            assert swap.peek([entry])[0].tobytes() == page
        except st.CorruptEntryError as error:
            assert error.entry == entry
            bad.add(entry)
    assert sum(sum(tier.injected.values()) for tier in swap.tiers) > 5  # type: ignore[attr-defined]
    found = sum(each.get("corrupt", 0) for each in swap.stats().failures.values())
    assert found >= len(bad)
    assert found, "no lie was found out"
    swap.discard(sorted(bad))
    sound(swap, {entry: page for entry, page in model.items() if entry not in bad})


@pytest.mark.parametrize("name", TIERS)
def test_a_bit_that_flips_on_its_way_out(make: Make, name: str) -> None:
    """Wrong bytes on one read: the entry, its tier and slot are named, it stays, and the next read is right."""
    swap = make()
    model = filled(swap)
    ids = in_tier(swap, model, name)[:20]
    for way in ("swap_in", "peek", "page"):
        tier_of(swap, name).arm([Fault("load", "flip", pick=7)])
        with pytest.raises(st.CorruptEntryError) as caught:
            swap.swap_in_page(ids[0]) if way == "page" else getattr(swap, way)(ids)
        assert caught.value.entry in ids
        assert caught.value.tier == name
        assert caught.value.slot == swap.core.records[caught.value.entry & 0xFFFF_FFFF].slot
    assert swap.stats().failures[name] == {"corrupt": 3}
    sound(swap, model)


def test_a_flip_is_not_laundered_by_a_move(make: Make) -> None:
    """A move that checksummed what it read would make a wrong page a good one. The entry stays, the others move."""
    swap = make()
    model = filled(swap)
    before = swap.stats().tiers["far"].entries
    tier_of(swap, "far").arm([Fault("load", "flip", pick=3)])
    done = swap.demote("100K", source="far")
    assert done.entries == before - swap.stats().tiers["far"].entries > 0
    assert swap.stats().failures["far"] == {"corrupt": 1}
    sound(swap, model)


def test_an_error_in_the_middle_of_a_batch(make: Make) -> None:
    """The call's pages are out, all of them, also those that were written; their slots serve the next call."""
    swap = make()
    model = filled(swap)
    batch = array_of(pages_of(400, 3))
    for kind in ("short", "torn", "error", "memory"):
        for name in TIERS:
            tier_of(swap, name).arm([Fault("store", kind, first=1, errno=errno.ENOSPC)])
            with pytest.raises(FAILS):
                swap.swap_out(batch)
            assert tier_of(swap, name).injected[("store", kind)] == 1
            disarm(swap)
            sound(swap, model)
    pages = pages_of(200, 4)
    model.update(zip(swap.swap_out(array_of(pages)).tolist(), pages, strict=True))
    sound(swap, model)


def test_free_that_fails_loses_nothing(make: Make) -> None:
    """The pages of the call are in hand, and the slot's next page simply overwrites what could not be forgotten."""
    swap = make()
    model = filled(swap)
    for tier in swap.tiers:
        tier.arm([Fault("free", times=None)])  # type: ignore[attr-defined]
    ids = sorted(model)[:100]
    assert [page.tobytes() for page in swap.swap_in(ids)] == [model.pop(entry) for entry in ids]
    one = min(model)
    assert swap.swap_in_page(one) == model.pop(one)
    swap.demote("50K", source="zswap")
    swap.discard([entry := min(model)])
    del model[entry]
    pages = pages_of(100, 9)
    model.update(zip(swap.swap_out(array_of(pages)).tolist(), pages, strict=True))
    assert sum(each.get("free", 0) for each in swap.stats().failures.values()) >= 4
    disarm(swap)
    sound(swap, model)


def test_cleaning_up_hides_no_earlier_error(make: Make) -> None:
    """A store fails, and freeing its slots fails too: what is raised is about the store."""
    swap = make()
    for tier in swap.tiers:
        tier.arm([Fault("store", errno=errno.ENOSPC, times=None), Fault("free", times=None)])  # type: ignore[attr-defined]
    with pytest.raises(st.TierIOError, match="swap-out failed") as caught:
        swap.swap_out(array_of(pages_of(10)))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(st.TierIOError, match="swap-out failed"):
        swap.swap_out_page(page_of("text", 1, PAGE))
    disarm(swap)
    sound(swap, {})


class Holding(WrappedTier):
    """Knows which slots hold a payload."""

    def __init__(self, tier: Any) -> None:
        super().__init__(tier)
        self.held: set[int] = set()

    def store(self, slots: Any, payloads: Any) -> None:
        super().store(slots, payloads)
        self.held.update(slots.tolist())

    def free(self, slots: Any) -> None:
        super().free(slots)
        self.held.difference_update(slots.tolist())


@pytest.mark.parametrize("kind", ["short", "torn"])
def test_no_payload_is_left_behind(make: Make, kind: Any) -> None:
    """Of a store or a move that fails half way, the tier is told to forget what it has: else it keeps it, and its memory."""
    swap = make(wrap=lambda tier: FaultyTier(Holding(tier), armed=False))
    model = filled(swap)
    tier_of(swap, "zswap").arm([Fault("store", kind)])
    with pytest.raises(st.TierIOError):
        swap.swap_out(array_of(pages_of(20, 5)))
    tier_of(swap, "disk").arm([Fault("store", kind)])
    with pytest.raises(st.TierIOError):
        swap.demote("64K", source="far")
    disarm(swap)
    for rank, tier in enumerate(swap.tiers):
        records = swap.core.records[: int(swap.core.st.row_top)]
        here = records[(records["backing"] == STORED) & (records["tier"] == rank)]
        assert tier.held == set(here["slot"].tolist())  # type: ignore[attr-defined]
    sound(swap, model)


def test_what_failed_is_counted(make: Make) -> None:
    """Per tier and operation: a device on its way out is seen in the numbers before it is missed."""
    swap = make()
    model = filled(swap)
    tier_of(swap, "disk").arm([Fault("load", times=None), Fault("store", times=2)])
    with pytest.raises(st.TierIOError):
        swap.swap_in(in_tier(swap, model, "disk")[:3])
    for _ in range(2):
        with pytest.raises(st.TierIOError, match="still in 'far'"):
            swap.demote("8K", source="far")
    assert swap.stats().failures == {"zswap": {}, "far": {}, "disk": {"load": 1, "store": 2}}
    disarm(swap)
    sound(swap, model)


@pytest.mark.parametrize("kind", ["error", "memory", "interrupt"])
@pytest.mark.parametrize("single", [False, True])
def test_a_failing_background_is_not_the_stores(make: Make, kind: Any, single: bool) -> None:
    """The step behind a store fails after its pages are in: an error that hid their ids would leave them in for ever. So the
    store succeeds and the error is kept; a Ctrl-C is raised, and then none of the call's pages are in."""
    when = st.Triggers(watermark=st.Watermark(high="10%", low="5%"))
    edges = [st.EdgeSpec(source="zswap", target="far", when=when), st.EdgeSpec(source="far", target="disk")]
    swap = make(edges=edges)
    pages = pages_of(8)[:1] if single else pages_of(60)
    model: Model = {}
    tier_of(swap, "far").arm([Fault("store", kind, times=None)])
    for _ in range(20):
        try:
            ids = [swap.swap_out_page(pages[0])] if single else swap.swap_out(array_of(pages)).tolist()
        except KeyboardInterrupt:
            assert kind == "interrupt"
            break
        except st.StoreRefusedError as refused:
            ids = refused.ids.tolist()
        model.update({entry: page for entry, page in zip(ids, pages, strict=True) if entry})
        if swap.background_error is not None:
            break
    assert tier_of(swap, "far").injected[("store", kind)]
    assert kind == "interrupt" or isinstance(swap.background_error, FAILS)
    disarm(swap)
    sound(swap, model)


def test_a_hanging_device_holds_up_nobody_else(make: Make) -> None:
    """The lock is not held while a device is asked: others store, read and move in all tiers meanwhile."""
    swap = make(SlowTier)
    model = filled(swap)
    disk, far = in_tier(swap, model, "disk"), in_tier(swap, model, "far")
    hangs = [tier_of(swap, "disk").hang("load"), tier_of(swap, "disk").hang("store")]
    failed: list[BaseException] = []
    taken: list[bytes] = []

    def stuck(call: Callable[[], Any]) -> threading.Thread:
        def run() -> None:
            try:
                taken.append(call())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [stuck(lambda: swap.swap_in_page(disk[0])), stuck(lambda: swap.demote("40K", source="far"))]
    for hang in hangs:
        hang.wait()
    assert swap.swap_in_page(disk[1]) == model.pop(disk[1])
    with pytest.raises(st.BusyEntryError):
        swap.swap_in_page(disk[0])
    pages = pages_of(30, 6)
    model.update(zip(swap.swap_out(array_of(pages)).tolist(), pages, strict=True))
    assert swap.demote("4K", source="far").entries
    assert [page.tobytes() for page in swap.peek(far)] == [model[entry] for entry in far]
    assert swap.stats().entries == len(model)
    for hang in hangs:
        hang.release()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert model.pop(disk[0]) in taken
    sound(swap, model)


def test_an_entry_taken_while_it_is_moved(make: Make) -> None:
    """The mover hangs in its write: whoever takes the page gets it, and the copy that lands later is dropped."""
    swap = make(SlowTier)
    model = filled(swap)
    hang = tier_of(swap, "disk").hang("store")
    mover = threading.Thread(target=lambda: swap.demote("40K", source="far"))
    mover.start()
    hang.wait()
    planned = [entry for entry in model if swap.core.records[entry & 0xFFFF_FFFF].marks & 8]
    assert planned
    assert swap.swap_in_page(planned[0]) == model.pop(planned[0])
    swap.discard(planned[1:3])
    for entry in planned[1:3]:
        del model[entry]
    hang.release()
    mover.join(60)
    sound(swap, model)


def test_an_entry_taken_before_it_is_read_by_its_mover(tmp_path: Path) -> None:
    """A tier may say that a slot which was freed holds nothing: that is no failure of the tier, and the others move."""
    tiers = [DictSpec(name="far", capacity="1M"), st.FileSpec(name="disk", capacity="1M")]
    with st.SwapSystem(tiers, folder=tmp_path, max_entries=1 << 14, wrap=SlowTier) as swap:
        pages = [page_of("text", seed, PAGE) for seed in range(20)]
        model = dict(zip(swap.swap_out(array_of(pages)).tolist(), pages, strict=True))
        hang = tier_of(swap, "far").hang("load")
        done: list[Any] = []
        mover = threading.Thread(target=lambda: done.append(swap.demote("40K", source="far")))
        mover.start()
        hang.wait()
        planned = [entry for entry in model if swap.core.records[entry & 0xFFFF_FFFF].marks & 8]
        for entry in planned[:2]:
            swap.discard([entry])
            del model[entry]
        hang.release()
        mover.join(60)
        assert done
        assert done[0].entries >= len(planned) - 2 > 0
        assert swap.stats().failures["far"] == {}
        sound(swap, model)


class JumpingClock:
    """A clock that somebody sets: forwards, backwards, and far."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.now = 10**12

    def __call__(self) -> int:
        self.now += self.draw.choice([0, 1, 10**3, 10**9, -(10**3), -(10**9), 10**15, -(10**14)])
        self.now = max(0, min(self.now, 1 << 60))
        return self.now


@pytest.mark.parametrize("policy", ["lru", "fifo", "second-chance", "age"])
def test_a_clock_that_jumps(make: Make, policy: Any) -> None:
    """Order may suffer from a clock that goes backwards or years ahead; pages and accounts do not."""
    when = st.Triggers(
        pressure=True,
        watermark=st.Watermark(high="50%", low="30%"),
        age=st.AgeTrigger(older_than="1s", every="1ms"),
    )
    terms: dict[str, Any] = {"policy": policy, "when": when, "older_than": "1ms" if policy == "age" else None}
    edges = [st.EdgeSpec(source="zswap", target="far", **terms), st.EdgeSpec(source="far", target="disk", **terms)]
    swap = make(lambda tier: tier, edges=edges, clock=JumpingClock(1))
    model: Model = {}
    draw = random.Random(policy)
    for number in range(120):
        try:
            use(swap, model, draw, number)
            swap.run_background()
        except st.StoreRefusedError as refused:
            assert refused.ids.tolist() == [0]
    sound(swap, model)
