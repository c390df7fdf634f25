"""The contract of `swaptiers.tiers.base.Tier` as a suite: whoever writes a tier subclasses it in a file of tests.

    from swaptiers.testing import TierContract

    class TestMyTier(TierContract):
        def spec(self):
            return MySpec(name="mine", capacity="4M")

Every test opens the tier anew, in a folder of its own.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from swaptiers.codecs import Buffer
from swaptiers.system import SwapSystem
from swaptiers.testing.checkers import check_pages, nothing_left
from swaptiers.tiers.base import Tier, TierSpec
from swaptiers.tiers.opening import open_tier
from swaptiers.tiers.specs import CLUSTER_SLOTS, AnyTierSpec, ZswapSpec

Slots = npt.NDArray[np.int64]
KINDS = ("raw", "half", "small", "text")
RAW = ("raw",)
THREADS = 4


def page_of(kind: str, seed: int, page_size: int) -> bytes:
    """A page that does not compress, compresses to about half, to a few bytes, or as text does."""
    draw = random.Random(f"{kind}:{seed}")
    if kind == "raw":
        return draw.randbytes(page_size)
    if kind == "half":
        return draw.randbytes(page_size // 2) + bytes(page_size // 2)
    if kind == "small":
        return draw.randbytes(16) * (page_size // 16)
    return " ".join(str(draw.randrange(1000)) for _ in range(page_size)).encode()[:page_size]


class TierContract:
    """What every tier keeps. A subclass gives its `spec`; a tier around another also overrides `wrap`, and one whose
    slots are not plain numbers from 0 overrides `places`."""

    page_size = 4096
    slots = 4 * CLUSTER_SLOTS
    """How many slots are asked for where the tier is opened by itself."""

    def spec(self) -> TierSpec:
        """The terms of the tier under test, with room for at least 512 pages."""
        raise NotImplementedError

    def wrap(self, tier: Tier) -> Tier:
        """What the tests see of the tier that was opened."""
        return tier

    def places(self, payloads: Sequence[Buffer]) -> Slots:
        """A slot for each payload, all different, as the core would give them out: some side by side, some scattered."""
        near = len(payloads) // 2
        far = random.Random(len(payloads)).sample(range(self.slots // 2, self.slots), len(payloads) - near)
        return np.array([*range(7, 7 + near), *far], np.int64)

    # what the tests are written with

    @pytest.fixture
    def tier(self, tmp_path: Path) -> Iterator[Tier]:
        """The tier, empty."""
        made = self.open(tmp_path)
        yield made
        made.close()

    def open(self, folder: Path) -> Tier:
        return self.wrap(open_tier(self.spec(), self.slots, self.page_size, folder))

    def pages(self, n: int, seed: int = 0, kinds: Sequence[str] = KINDS) -> list[bytes]:
        return [page_of(kinds[i % len(kinds)], seed * 10_000 + i, self.page_size) for i in range(n)]

    def payloads(self, tier: Tier, n: int, seed: int = 0, kinds: Sequence[str] = KINDS) -> list[Buffer]:
        """Of different lengths if the tier compresses; all equally long with `kinds=RAW`."""
        return [tier.encode(page) for page in self.pages(n, seed, kinds)]

    @staticmethod
    def load(tier: Tier, slots: Slots, payloads: Sequence[Buffer]) -> list[bytes]:
        """What is in the slots of these payloads."""
        lengths = np.array([len(payload) for payload in payloads], np.int32)
        return [bytes(each) for each in tier.load(slots, lengths)]

    @staticmethod
    def held(payloads: Sequence[Buffer]) -> list[bytes]:
        return [bytes(payload) for payload in payloads]

    # encoding

    def test_it_has_its_name(self, tier: Tier) -> None:
        """Errors and counters would name another tier."""
        assert tier.name == self.spec().name
        assert isinstance(tier.compressed, bool)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
    def test_a_payload_is_its_page(self, tier: Tier, kind: str, buffer: Any) -> None:
        """A page must come back from its payload bit for bit, from whatever buffer it came; no payload is longer."""
        page = page_of(kind, 1, self.page_size)
        payload = tier.encode(buffer(page))
        assert bytes(tier.decode(payload)) == page
        assert 0 < len(payload) <= self.page_size
        assert tier.compressed or len(payload) == self.page_size

    # storing and loading

    @pytest.mark.parametrize("n", [1, 2, 63, 512])
    def test_what_is_stored_is_loaded(self, tier: Tier, n: int) -> None:
        """Payload by payload in its own slot, in batches of any size and in no order; and again, since a load takes
        nothing away."""
        payloads = self.payloads(tier, n)
        slots = self.places(payloads)
        tier.store(slots, payloads)
        assert self.load(tier, slots, payloads) == self.held(payloads)
        assert self.load(tier, slots, payloads) == self.held(payloads)

    def test_a_load_is_in_the_order_that_was_asked(self, tier: Tier) -> None:
        """A tier that reads in the order of its slots must not return so; one slot may be asked for twice."""
        payloads = self.payloads(tier, 20)
        slots = self.places(payloads)
        tier.store(slots, payloads)
        order = [*range(19, -1, -1), 3, 3]
        chosen = [payloads[i] for i in order]
        assert self.load(tier, slots[order], chosen) == self.held(chosen)
        assert self.load(tier, slots[4:5], payloads[4:5]) == self.held(payloads[4:5])

    def test_slots_may_come_as_any_view(self, tier: Tier) -> None:
        """The system hands over columns of its tables: strided, read-only."""
        payloads = self.payloads(tier, 8)
        wide = np.zeros((8, 3), np.int64)
        wide[:, 1] = self.places(payloads)
        slots = wide[:, 1]
        slots.flags.writeable = False
        tier.store(slots, payloads)
        assert self.load(tier, slots, payloads) == self.held(payloads)
        tier.free(slots)

    def test_nothing_to_do_is_no_error(self, tier: Tier) -> None:
        """A batch whose pages all went elsewhere is empty."""
        none = np.zeros(0, np.int64)
        tier.store(none, [])
        assert list(tier.load(none, np.zeros(0, np.int32))) == []
        tier.free(none)

    def test_payloads_are_kept_not_borrowed(self, tier: Tier) -> None:
        """The caller's buffer is the caller's again after `store`: what it becomes then must not reach the tier."""
        page = page_of("raw", 5, self.page_size)
        buffer = bytearray(page)
        payload = tier.encode(memoryview(buffer))
        expected = bytes(payload)
        slots = self.places([payload])
        tier.store(slots, [payload])
        buffer[:] = bytes(self.page_size)
        assert self.load(tier, slots, [expected]) == [expected]

    def test_what_was_loaded_stays(self, tier: Tier) -> None:
        """A payload in hand must not become somebody else's when its slot does."""
        payloads, others = self.payloads(tier, 4, kinds=RAW), self.payloads(tier, 4, 9, RAW)
        slots = self.places(payloads)
        tier.store(slots, payloads)
        loaded = list(tier.load(slots, np.array([len(each) for each in payloads], np.int32)))
        single = tier.load(slots[:1], np.array([len(payloads[0])], np.int32))[0]
        tier.free(slots)
        tier.store(slots, others)
        assert self.held(loaded) == self.held(payloads)
        assert bytes(single) == bytes(payloads[0])

    # slots that are used again

    def test_the_last_store_counts(self, tier: Tier) -> None:
        """A slot that was freed and given out again holds its new payload, and its neighbours theirs."""
        payloads, others = self.payloads(tier, 30, kinds=RAW), self.payloads(tier, 30, 3, RAW)
        slots = self.places(payloads)
        tier.store(slots, payloads)
        again = np.arange(0, 30, 3)
        tier.free(slots[again])
        new = [others[i] for i in again.tolist()]
        tier.store(slots[again], new)
        expected = self.held(payloads)
        for i, payload in zip(again.tolist(), new, strict=True):
            expected[i] = bytes(payload)
        assert self.load(tier, slots, expected) == expected

    def test_freeing_touches_nothing_else(self, tier: Tier) -> None:
        """Freed slots' neighbours keep theirs; a slot that never held anything, or is freed twice, is no error."""
        payloads = self.payloads(tier, 30)
        slots = self.places(payloads)
        tier.store(slots[:28], payloads[:28])
        tier.free(slots[1::2])
        tier.free(slots[1::2])
        assert self.load(tier, slots[:28:2], payloads[:28:2]) == self.held(payloads[:28:2])

    def test_any_sequence(self, tier: Tier) -> None:
        """Against a dict: two hundred stores and frees in any order, all payloads looked at now and then."""
        draw = random.Random(1)
        made = self.payloads(tier, 60)
        places = self.places(made).tolist()
        kept: dict[int, bytes] = {}
        for turn in range(200):
            slots = draw.sample(places, draw.randint(1, 12))
            tier.free(np.array(slots, np.int64))
            for slot in slots:
                kept.pop(slot, None)
            if draw.random() < 0.7:
                # a slot is as large as what it was given out for
                chosen = [made[places.index(slot)] for slot in slots]
                tier.store(np.array(slots, np.int64), chosen)
                kept.update(zip(slots, self.held(chosen), strict=True))
            if turn % 20 == 19:
                assert self.load(tier, np.array([*kept], np.int64), [*kept.values()]) == [*kept.values()]

    # several threads, and the end

    def test_several_threads(self, tier: Tier) -> None:
        """On different slots at once: each finds its own payloads, whatever the others do meanwhile."""
        payloads = self.payloads(tier, 40 * THREADS)
        slots = self.places(payloads)
        start = threading.Barrier(THREADS)

        def work(number: int) -> None:
            mine, own = slots[number::THREADS], payloads[number::THREADS]
            start.wait()
            for _ in range(10):
                tier.store(mine, own)
                assert self.load(tier, mine, own) == self.held(own)
                for i in range(0, 40, 7):
                    page = tier.decode(tier.load(mine[i : i + 1], np.array([len(own[i])], np.int32))[0])
                    assert bytes(tier.encode(page)) == bytes(own[i])
                tier.free(mine)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(THREADS)))

    def test_closing_leaves_nothing(self, tmp_path: Path) -> None:
        """No file, no open descriptor; and closing once more does nothing."""
        with nothing_left(tmp_path):
            tier = self.open(tmp_path)
            payloads = self.payloads(tier, 10)
            tier.store(self.places(payloads), payloads)
            tier.close()
            tier.close()

    def test_it_starts_empty(self, tmp_path: Path) -> None:
        """A second one in the same place knows nothing of the first, and does not refuse to be."""
        for seed in range(2):
            tier = self.open(tmp_path)
            payloads = self.payloads(tier, 10, seed)
            slots = self.places(payloads)
            tier.store(slots, payloads)
            assert self.load(tier, slots, payloads) == self.held(payloads)
            tier.close()

    # in a system

    def test_under_a_system(self, tmp_path: Path) -> None:
        """Pages swapped out into it, demoted into it, read, taken back and discarded: bit for bit, and the accounts
        balance."""
        pages = [bytes(self.page_size), *self.pages(120)]
        tiers: list[Any] = [ZswapSpec(name="above", max_pool="128K"), self.spec()]
        with nothing_left(tmp_path), self._system(tiers, tmp_path) as swap:
            ids = swap.swap_out(np.frombuffer(b"".join(pages), np.uint8).reshape(-1, self.page_size)).tolist()
            held = dict(zip(ids, pages, strict=True))
            swap.demote("64K", source="above")
            assert swap.stats().tiers[tiers[1].name].entries
            check_pages(swap, held)
            for entry in ids[::3]:
                assert swap.swap_in_page(entry) == held.pop(entry)
            swap.discard(ids[1::3])
            for entry in ids[1::3]:
                del held[entry]
            more = swap.swap_out_page(pages[5])
            check_pages(swap, {**held, more: pages[5]})

    def test_alone_in_a_system(self, tmp_path: Path) -> None:
        """As the only tier: batches and single pages go straight into it."""
        pages = self.pages(100)
        tiers: list[Any] = [self.spec()]
        with nothing_left(tmp_path), self._system(tiers, tmp_path) as swap:
            ids = swap.swap_out(np.frombuffer(b"".join(pages[:-1]), np.uint8).reshape(-1, self.page_size)).tolist()
            ids.append(swap.swap_out_page(pages[-1]))
            check_pages(swap, dict(zip(ids, pages, strict=True)))
            assert [page.tobytes() for page in swap.swap_in(ids)] == pages
            check_pages(swap, {})

    def _system(self, tiers: Sequence[AnyTierSpec], folder: Path) -> SwapSystem:
        name = tiers[-1].name
        return SwapSystem(
            tiers,
            page_size=self.page_size,
            folder=folder,
            max_entries=1 << 12,
            wrap=lambda tier: self.wrap(tier) if tier.name == name else tier,
        )
