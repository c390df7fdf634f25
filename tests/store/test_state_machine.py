"""A SwapSystem against a dict of pages: whatever is asked of it, no page is lost, changed or there twice."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from cold_lists import check_cold_lists
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import swaptiers as st

PAGE = 4096
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/d")
SHAPES: dict[str, list[tuple[str, str]] | None] = {
    "chain": None,
    "none": [],
    "branch": [("zswap", "far"), ("zswap", "disk"), ("far", "disk")],
    "past the middle": [("zswap", "disk"), ("zswap", "far")],
    "two codecs": [("zswap", "dense"), ("dense", "far"), ("far", "disk")],
}
WHEN = {
    "pressure": st.Triggers(pressure=True),
    "limit": st.Triggers(limit=True),
    "both": st.Triggers(pressure=True, limit=True),
    "watermark": st.Triggers(watermark=st.Watermark(high="70%", low="40%")),
    "aged": st.Triggers(pressure=True, age=st.AgeTrigger(older_than="20ns", every="10ns")),
    "request": st.Triggers(request=True),
}


def page_of(kind: str, seed: int) -> bytes:
    """A page: all zeros, incompressible, compressible to a few hundred bytes, or to about half."""
    random = np.random.default_rng(seed)
    if kind == "zero":
        return bytes(PAGE)
    if kind == "raw":
        return random.bytes(PAGE)
    if kind == "small":
        return random.bytes(64) * (PAGE // 64)
    return random.bytes(PAGE // 2) + bytes(PAGE // 2)


PAGES = some.builds(page_of, some.sampled_from(["zero", "raw", "small", "half"]), some.integers(0, 1 << 30))


class SwapMachine(RuleBasedStateMachine):
    """Pages by entry id, and a system that must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[int, bytes] = {}
        self.gone: list[int] = []
        self.cgroups = {"/"}
        self.now = 0
        self.swap: st.SwapSystem | None = None

    @initialize(
        shape=some.sampled_from(sorted(SHAPES)),
        on_full=some.sampled_from(["demote", "spill", "refuse"]),
        policy=some.sampled_from(["lru", "fifo", "second-chance", "age"]),
        share=some.sampled_from(["round-robin", "proportional", "borrow"]),
        when=some.sampled_from(sorted(WHEN)),
        raw=some.sampled_from(["keep", "refuse"]),
        batch=some.sampled_from([1, 3, 64]),
        legacy=some.booleans(),
        stamp_limit=some.integers(250, 400),
    )
    def build(
        self,
        shape: str,
        on_full: Any,
        policy: Any,
        share: Any,
        when: str,
        raw: Any,
        batch: int,
        legacy: bool,
        stamp_limit: int,
    ) -> None:
        tiers: list[Any] = [
            st.ZswapSpec(name="zswap", max_pool="24K", raw=raw),
            st.MemorySpec(name="far", capacity="32K"),
            st.FileSpec(name="disk", capacity="256K"),
        ]
        if shape == "two codecs":
            tiers.insert(1, st.ZswapSpec(name="dense", compressor="zstd", max_pool="24K"))
        reachable = on_full == "spill" or SHAPES[shape] != []
        edges = SHAPES[shape] if reachable else None
        terms: list[st.EdgeSpec] | None = None
        if edges is not None:
            terms = [
                attrs.evolve(self._edge(source, target, policy, when, batch), share=share) for source, target in edges
            ]
        self.folder = tempfile.TemporaryDirectory()
        self.tiers = [tier.name for tier in tiers]
        self.swap = st.SwapSystem(
            tiers,
            terms,
            on_full=on_full,
            legacy_swap_charge=legacy,
            folder=self.folder.name,
            clock=self.clock,
            max_entries=1 << 16,
            stamp_limit=stamp_limit,
            generation_limit=3,
        )

    @staticmethod
    def _edge(source: str, target: str, policy: Any, when: str, batch: int) -> st.EdgeSpec:
        asked = "pressure" if when == "limit" and source not in ("zswap", "dense") else when
        asked = "pressure" if when == "both" and source not in ("zswap", "dense") else asked
        older_than = "5ns" if policy == "age" else None
        return st.EdgeSpec(
            source=source, target=target, policy=policy, older_than=older_than, when=WHEN[asked], batch=batch
        )

    def clock(self) -> int:
        return self.now

    @property
    def system(self) -> st.SwapSystem:
        assert self.swap is not None
        return self.swap

    # what goes in

    @rule(
        pages=some.lists(PAGES, max_size=12),
        repeat=some.sampled_from([1, 1, 8]),
        late=some.integers(0, 30),
        data=some.data(),
    )
    def swap_out(self, pages: list[bytes], repeat: int, late: int, data: Any) -> None:
        pages = pages * repeat
        cgroup = self._cgroup(data)
        array = np.frombuffer(b"".join(pages), np.uint8).reshape(len(pages), PAGE)
        uses = np.array([self.now - (i * 7 + late) % 31 for i in range(len(pages))], np.int64)
        if len(self.pages) + len(pages) > 200:
            return
        try:
            ids = self.system.swap_out(array, cgroup, last_used_ns=uses)
        except st.StoreRefusedError as refused:
            ids = refused.ids
            assert sum(refused.reasons.values()) == int((ids == 0).sum()) > 0
        assert len(ids) == len(pages)
        for entry, page in zip(ids.tolist(), pages, strict=True):
            self._remember(entry, page)

    @rule(page=PAGES, data=some.data())
    def swap_out_page(self, page: bytes, data: Any) -> None:
        if len(self.pages) > 200:
            return
        with contextlib.suppress(st.StoreRefusedError):
            entry = self.system.swap_out_page(page, self._cgroup(data))
            assert entry
            self._remember(entry, page)

    def _remember(self, entry: int, page: bytes) -> None:
        if entry:
            assert entry not in self.pages, "an id that is in use was given out again"
            assert entry not in self.gone, "an id was used for a second page"
            self.pages[entry] = page

    # what comes out

    def _some(self, data: Any) -> list[int]:
        return data.draw(some.lists(some.sampled_from(sorted(self.pages)), unique=True, max_size=20), "ids")

    def _forget(self, ids: list[int]) -> list[bytes]:
        self.gone = (self.gone + ids)[-300:]
        return [self.pages.pop(entry) for entry in ids]

    @precondition(lambda self: self.pages)
    @rule(data=some.data(), as_array=some.booleans())
    def swap_in(self, data: Any, as_array: bool) -> None:
        ids = self._some(data)
        wanted: Any = np.array(ids, np.uint64) if as_array else ids
        got = self.system.swap_in(wanted)
        assert [page.tobytes() for page in got] == self._forget(ids)

    @precondition(lambda self: self.pages)
    @rule(data=some.data())
    def swap_in_page(self, data: Any) -> None:
        entry = data.draw(some.sampled_from(sorted(self.pages)), "id")
        assert [self.system.swap_in_page(entry)] == self._forget([entry])

    @precondition(lambda self: self.pages)
    @rule(data=some.data())
    def peek(self, data: Any) -> None:
        ids = self._some(data)
        got: npt.NDArray[np.uint8] = self.system.peek(ids)
        assert [page.tobytes() for page in got] == [self.pages[entry] for entry in ids]

    @precondition(lambda self: self.pages)
    @rule(data=some.data())
    def discard(self, data: Any) -> None:
        ids = self._some(data)
        self.system.discard(ids)
        self._forget(ids)

    @precondition(lambda self: self.gone)
    @rule(data=some.data(), way=some.sampled_from(["swap_in", "peek", "discard", "page"]))
    def stale(self, data: Any, way: str) -> None:
        """A call with one stale id, wherever it stands, changes nothing."""
        bad = data.draw(some.sampled_from([*self.gone, 0, 12345, -1]), "stale id")
        ids = self._some(data) if self.pages else []
        ids.insert(data.draw(some.integers(0, len(ids)), "place"), bad)
        with pytest.raises(st.StaleEntryError):
            if way == "page":
                self.system.swap_in_page(bad)
            else:
                getattr(self.system, way)(ids)

    @precondition(lambda self: self.pages)
    @rule(data=some.data(), way=some.sampled_from(["swap_in", "discard"]))
    def twice(self, data: Any, way: str) -> None:
        ids = self._some(data)
        if ids:
            with pytest.raises(st.BusyEntryError):
                getattr(self.system, way)([*ids, ids[0]])

    # what moves

    @rule(
        data=some.data(),
        nbytes=some.integers(0, 40_000),
        named=some.booleans(),
        referenced=some.sampled_from(["ignore", "rotate"]),
    )
    def demote(self, data: Any, nbytes: int, named: bool, referenced: Any) -> None:
        if not self.system.graph.edges:
            return
        edge = data.draw(some.sampled_from(self.system.graph.edges), "edge")
        before = self.system.stats()
        done = self.system.demote(
            nbytes,
            source=edge.source,
            target=edge.target if named else None,
            cgroup=self._cgroup(data),
            referenced=referenced,
        )
        after = self.system.stats()
        assert after.entries == before.entries
        assert done.met == (done.freed_bytes >= nbytes)
        source = before.tiers[edge.source].entries - after.tiers[edge.source].entries
        assert source == done.entries - (after.tiers[edge.source].demoted_in - before.tiers[edge.source].demoted_in)

    @rule(steps=some.sampled_from([1, 1 << 20]))
    def run_background(self, steps: int) -> None:
        self.system.run_background(steps)

    @rule(ns=some.integers(1, 50))
    def time_passes(self, ns: int) -> None:
        self.now += ns

    # cgroups

    def _cgroup(self, data: Any) -> str:
        return data.draw(some.sampled_from(sorted(self.cgroups)), "cgroup")

    @rule(path=some.sampled_from(PATHS))
    def add_cgroup(self, path: str) -> None:
        self.system.cgroup(path)
        while path != "/":
            self.cgroups.add(path)
            path = path.rsplit("/", 1)[0] or "/"

    @rule(data=some.data())
    def remove_cgroup(self, data: Any) -> None:
        path = self._cgroup(data)
        if path == "/" or any(other.startswith(path + "/") for other in self.cgroups):
            with pytest.raises(ValueError, match=r"root|below"):
                self.system.remove_cgroup(path)
        else:
            self.system.remove_cgroup(path)
            self.cgroups.remove(path)

    @rule(
        data=some.data(),
        zswap_max=some.sampled_from([None, None, 0, 2000, 20_000]),
        swap_max=some.sampled_from([None, None, 0, 3 * PAGE, 20 * PAGE]),
        writeback=some.sampled_from([True, True, False]),
        tier_max=some.sampled_from([None, None, 0, 2 * PAGE]),
        tier_low=some.sampled_from([0, 3 * PAGE, None]),
    )
    def limit(self, data: Any, zswap_max: Any, swap_max: Any, writeback: bool, tier_max: Any, tier_low: Any) -> None:
        tier = data.draw(some.sampled_from(self.tiers), "tier")
        cgroup = self.system.cgroup(self._cgroup(data))
        cgroup.set(zswap_max=zswap_max, swap_max=swap_max, zswap_writeback=writeback, tiers_max={tier: tier_max})
        cgroup.set(tiers_low={tier: tier_low})

    # what must hold

    @invariant()
    def accounts_balance(self) -> None:
        if self.swap is None:
            return
        self.swap.check()
        assert len(self.swap) == len(self.pages)
        check_cold_lists(self.swap)
        stats = self.swap.stats()
        assert stats.entries == len(self.pages)
        assert sum(each.entries for each in stats.cgroups.values()) == len(self.pages)
        for name, tier in stats.tiers.items():
            assert tier.entries == tier.stores + tier.demoted_in - tier.demoted_out - self._left(name), name
        assert stats.tiers["far"].pool_bytes <= 32 << 10
        assert stats.tiers["disk"].pool_bytes <= 256 << 10

    def _left(self, name: str) -> int:
        """Entries that left the tier upwards: swapped in or discarded, as the tier's own accounts have it."""
        tier = self.system.stats().tiers[name]
        return tier.stores + tier.demoted_in - tier.demoted_out - tier.entries

    def teardown(self) -> None:
        if self.swap is None:
            return
        ids = sorted(self.pages)
        assert [page.tobytes() for page in self.swap.peek(ids)] == [self.pages[entry] for entry in ids]
        assert [page.tobytes() for page in self.swap.swap_in(ids)] == [self.pages[entry] for entry in ids]
        self.swap.check()
        stats = self.swap.stats()
        assert (stats.entries, sum(tier.pool_bytes for tier in stats.tiers.values())) == (0, 0)
        assert all(group.zswap_bytes == group.swap_bytes == 0 for group in stats.cgroups.values())
        self.swap.close()
        self.folder.cleanup()


SwapMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestSwapMachine = SwapMachine.TestCase
