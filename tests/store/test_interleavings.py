"""The placement stamps, proved: two movers, a reader and a discarder over one entry, in every order of their steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cold_lists import check_cold_lists
from schedules import Stage, SteppedTier, every_order, put_on

import swaptiers as st

PAGE = 4096
SLOTS = 256
REQUEST = st.Triggers(request=True)
OTHER = (st.StaleEntryError, st.BusyEntryError)
"""What a reader or a discarder is told who came too late."""


def page_of(number: int) -> bytes:
    return np.random.default_rng(number).bytes(PAGE)


class Scene:
    """One entry in `near`, and whoever is after it. `fill`: near is full, so that a slot that is freed is used again."""

    def __init__(self, folder: Path, reader: str, actors: tuple[str, ...], *, fill: bool = False) -> None:
        self.stage = Stage()
        failing = ("reader",) if reader == "fails" else ()
        tiers: list[Any] = [st.MemorySpec(name=name, capacity=SLOTS * PAGE) for name in ("near", "far", "deep")]
        edges = [st.EdgeSpec(source="near", target=target, when=REQUEST) for target in ("far", "deep")]
        self.swap = st.SwapSystem(
            tiers, edges, folder=folder, max_entries=1 << 10, on_full="spill",
            wrap=lambda tier: SteppedTier(tier, self.stage, failing),
        )  # fmt: skip
        self.page, self.other = page_of(1), page_of(2)
        self.entry = self.swap.swap_out_page(self.page, last_used_ns=0)
        self.rest = []
        if fill:
            pages = np.frombuffer(page_of(3) * (SLOTS - 1), np.uint8).reshape(-1, PAGE)
            self.rest = self.swap.swap_out(pages, last_used_ns=1).tolist()
        put_on(self.stage, self.swap)
        every = {
            "mover": lambda: self.swap.demote(PAGE, source="near", target="far", used_before_ns=1),
            "second": lambda: self.swap.demote(PAGE, source="near", target="deep", used_before_ns=1),
            "reader": lambda: self.read(reader),
            "discarder": lambda: self.swap.discard([self.entry]),
            "replacer": self.replace,
        }
        self.stage.start({name: every[name] for name in actors})

    def read(self, way: str) -> bytes:
        if way == "peek":
            return self.swap.peek([self.entry])[0].tobytes()
        if way == "batch":
            return self.swap.swap_in([self.entry])[0].tobytes()
        return self.swap.swap_in_page(self.entry)

    def replace(self) -> int:
        """The entry goes, and another page comes into its slot, the only one that is free."""
        self.swap.discard([self.entry])
        return self.swap.swap_out_page(self.other)

    def check(self, way: str) -> None:
        swap, result = self.swap, self.stage.result
        with swap:
            assert swap._parts.lock._lock.acquire(blocking=False)
            swap._parts.lock._lock.release()
            taken, discarded = False, "discarder" in result and result["discarder"] is None
            if "reader" not in result:
                pass
            elif way == "fails":
                assert isinstance(result["reader"], (st.TierIOError, *OTHER)), repr(result["reader"])
            elif isinstance(result["reader"], bytes):
                assert result["reader"] == self.page, "the reader got another page"
                taken = way != "peek"
            else:
                assert isinstance(result["reader"], OTHER), repr(result["reader"])
            if "discarder" in result and not discarded:
                assert isinstance(result["discarder"], OTHER), repr(result["discarder"])
            if "replacer" in result:
                discarded = isinstance(result["replacer"], int)
                assert discarded or isinstance(result["replacer"], OTHER), repr(result["replacer"])
            for mover in ("mover", "second"):
                assert isinstance(result.get(mover), st.Demoted | None), repr(result.get(mover))
            assert taken + discarded <= 1, "two had it"
            held = {entry: page_of(3) for entry in self.rest}
            if not (taken or discarded):
                held[self.entry] = self.page
            if isinstance(result.get("replacer"), int):
                held[result["replacer"]] = self.other
            self.accounts(held)

    def accounts(self, held: dict[int, bytes]) -> None:
        """Exactly one place for each entry, no slot that nobody has, and every page is right."""
        swap = self.swap
        swap.check()
        check_cold_lists(swap)
        stats = swap.stats()
        assert stats.entries == sum(tier.entries for tier in stats.tiers.values()) == len(held)
        for rank, tier in enumerate(stats.tiers.values()):
            used = swap.core._tier_tables[rank, "clusters_at"]["used"].sum()
            assert used == tier.entries, f"tier {rank}: {used} slots taken by {tier.entries} entries"
        ids = list(held)
        for entry, page in zip(ids, swap.peek(ids), strict=True):
            assert page.tobytes() == held[entry]
        assert not swap.core.flights


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else runs while an actor does: it need not wait for others."""
    monkeypatch.setattr("swaptiers.demotion.engine.PATIENCE_S", 0)


def orders(folder: Path, reader: str, actors: tuple[str, ...], *, fill: bool = False) -> int:
    def play() -> tuple[Stage, Any]:
        scene = Scene(folder, reader, actors, fill=fill)

        def check(order: list[str]) -> None:
            try:
                scene.check(reader)
            except BaseException as error:
                error.add_note(f"in the order {' '.join(order)}")
                raise

        return scene.stage, check

    return every_order(play)


@pytest.mark.parametrize("reader", ["peek", "page", "batch", "fails"])
def test_two_movers_a_reader_and_a_discarder(tmp_path: Path, reader: str) -> None:
    """A mover that commits though its entry was taken, or listed again and moved by the other, would leave two places for
    one page, none, or a slot that nobody has."""
    assert orders(tmp_path, reader, ("mover", "second", "reader", "discarder")) > 100


@pytest.mark.parametrize(
    ("reader", "actors"), [("peek", "reader"), ("page", "reader"), ("fails", "reader"), ("", "mover")]
)
def test_a_slot_that_is_used_again(tmp_path: Path, reader: str, actors: str) -> None:
    """The entry goes, and another page comes into its slot, while the first is being read, there or by a mover."""
    assert orders(tmp_path, reader, (actors, "replacer"), fill=True) > 5
