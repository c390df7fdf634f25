"""Everything together: random graphs of every kind of tier and edge, evacuations, kept slots and plans, against a dict.

As test_state_machine, whose rules it has, over systems that are drawn whole.
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from cold_lists import check_cold_lists
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from test_state_machine import PAGE, PATHS, SwapMachine

import swaptiers as st

SEGMENT = 64 << 10
STEPS_IN_CI = 2000
KINDS = ("zswap", "dense", "memory", "slots", "keeping", "log", "denselog")
POLICIES = ("lru", "fifo", "second-chance", "age", "largest", "random", f"{__name__}:Whims")
CONDITIONS: tuple[tuple[str | None, ...], ...] = (
    (None, None),
    ("raw", None),
    ("not raw", "raw"),
    ("ratio > 0.5", "ratio <= 0.3"),
    ("cgroup in [/a]", None),
    ("raw and cgroup not in [/d]", "not raw"),
)
steps_taken = [0]


class Whims:
    """A user's policy that takes every third candidate, the youngest first."""

    max_candidates = 50

    def __init__(self) -> None:
        self.decisions = 0

    def suggest(self, candidates: Any) -> Any:
        return np.arange(len(candidates))[::-3]

    def decided(self, candidates: Any, accepted: Any, refused: dict[int, str]) -> None:
        self.decisions += len(accepted) + len(refused)


def tier_of_kind(kind: str, name: str) -> Any:
    """A small tier."""
    if kind in ("zswap", "dense"):
        return st.ZswapSpec(name=name, compressor="lz4" if kind == "zswap" else "zstd", max_pool="32K")
    if kind == "memory":
        return st.MemorySpec(name=name, capacity="32K")
    if kind in ("slots", "keeping"):
        return st.FileSpec(name=name, capacity="64K", keep_clean=kind == "keeping", keep_below="80%")
    return st.FileSpec(
        name=name, layout="log", compressor="lz4" if kind == "log" else "zstd", segment=SEGMENT, capacity=8 * SEGMENT,
        max_live="8%", cleaning="demote" if kind == "denselog" else "copy",
    )  # fmt: skip


@some.composite
def triggers(draw: Any, is_zswap: bool) -> st.Triggers:
    """Any trigger, or several."""
    chosen = {name: draw(some.booleans()) for name in ("pressure", "limit", "watermark", "age")}
    return st.Triggers(
        pressure=chosen["pressure"],
        limit=chosen["limit"] and is_zswap,
        watermark=st.Watermark(high="70%", low="40%") if chosen["watermark"] else None,
        age=st.AgeTrigger(older_than="20ns", every="10ns") if chosen["age"] else None,
        request=True,
    )


@some.composite
def systems(draw: Any) -> tuple[list[Any], list[st.EdgeSpec]]:
    """Two to five tiers in any order, and edges from faster to slower ones."""
    kinds = draw(some.lists(some.sampled_from(KINDS), min_size=2, max_size=5))
    tiers = [tier_of_kind(kind, f"t{i}") for i, kind in enumerate(kinds)]
    edges: list[st.EdgeSpec] = []
    for i, source in enumerate(tiers):
        targets = (
            draw(some.lists(some.sampled_from(range(i + 1, len(tiers))), max_size=2, unique=True))
            if (i + 1 < len(tiers))
            else []
        )
        conditions = draw(some.sampled_from(CONDITIONS))
        for target, only in zip(targets, conditions, strict=False):
            edges.append(draw(edge_between(source, tiers[target], only)))
    return tiers, edges


@some.composite
def edge_between(draw: Any, source: Any, target: Any, only: str | None) -> st.EdgeSpec:
    """An edge with any terms that fit its ends."""
    about_contents = only is not None and ("raw" in only or "ratio" in only)
    policy = draw(some.sampled_from(POLICIES))
    same = source.is_compressed and target.is_compressed and source.compressor == target.compressor
    return st.EdgeSpec(
        source=source.name,
        target=target.name,
        policy=policy,
        older_than="5ns" if policy == "age" else None,
        only=None if about_contents and not source.is_compressed else only,
        when=draw(triggers(isinstance(source, st.ZswapSpec))),
        batch=draw(some.sampled_from([1, 3, 64])),
        share=draw(some.sampled_from(["round-robin", "proportional", "borrow"])),
        keep_compressed=same and draw(some.booleans()),
        quota=draw(
            some.sampled_from(
                [None, None, st.Quota(written_bytes="8K", every="10ns"), st.Quota(time="5ns", every="10ns")]
            )
        ),
    )


class WholeMachine(SwapMachine):
    """As SwapMachine, with every term of tiers and edges."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, bytes] = {}
        self.removed: set[str] = set()

    @initialize(
        drawn=systems(),
        on_full=some.sampled_from(["demote", "spill", "refuse"]),
        legacy=some.booleans(),
        stamp_limit=some.integers(300, 500),
    )
    def build(  # type: ignore[override]
        self, drawn: tuple[list[Any], list[st.EdgeSpec]], on_full: Any, legacy: bool, stamp_limit: int
    ) -> None:
        tiers, edges = drawn
        self.folder = tempfile.TemporaryDirectory()
        options: dict[str, Any] = {
            "legacy_swap_charge": legacy,
            "folder": self.folder.name,
            "clock": self.clock,
            "max_entries": 1 << 16,
            "stamp_limit": stamp_limit,
            "generation_limit": 3,
        }
        try:
            self.swap = st.SwapSystem(tiers, edges, on_full=on_full, **options)
        except st.GraphError:  # some tier can't be reached: then by spilling
            self.swap = st.SwapSystem(tiers, edges, on_full="spill", **options)
        self.tiers = [tier.name for tier in tiers]

    # evacuation

    @rule(data=some.data(), batches=some.sampled_from([0, 1, 1000]))
    def evacuate(self, data: Any, batches: int) -> None:
        tier = data.draw(some.sampled_from(self.tiers), "tier")
        if tier in self.removed:
            return
        calls = [0]

        def progress(done: st.Evacuated) -> bool:
            calls[0] += 1
            return calls[0] < batches

        before = self.system.stats().tiers[tier].entries
        done = self.system.evacuate(tier, progress=progress)
        assert done.left == self.system.stats().tiers[tier].entries
        assert done.entries == sum(done.targets.values()) == before - done.left
        if data.draw(some.booleans(), "readmit"):
            self.system.readmit(tier)

    @precondition(lambda self: self.swap is not None and len(self.removed) < len(self.tiers) - 1)
    @rule(data=some.data())
    def remove_tier(self, data: Any) -> None:
        tier = data.draw(some.sampled_from(self.tiers), "tier")
        if tier in self.removed or data.draw(some.integers(0, 3), "seldom"):
            return
        try:
            assert self.system.remove_tier(tier).done
            self.removed.add(tier)
        except st.TierBusyError as error:
            assert error.left == self.system.stats().tiers[tier].entries > 0
            self.system.readmit(tier)

    # the swap cache

    @precondition(lambda self: self.pages)
    @rule(data=some.data())
    def swap_in_clean(self, data: Any) -> None:
        ids = self._some(data)
        got = self.system.swap_in(ids, keep_clean=True)
        for entry, page in zip(ids, got, strict=True):
            assert page.tobytes() == self.pages[entry]
            self.read[entry] = self.pages.pop(entry)

    @precondition(lambda self: self.read)
    @rule(data=some.data(), changed=some.booleans())
    def swap_out_clean(self, data: Any, changed: bool) -> None:
        ids = data.draw(some.lists(some.sampled_from(sorted(self.read)), unique=True, min_size=1, max_size=9), "ids")
        pages = np.frombuffer(b"".join(self.read.pop(entry) for entry in ids), np.uint8).reshape(-1, PAGE).copy()
        pages[0, 9] ^= 255 if changed else 0
        try:
            again = self.system.swap_out(pages, self._cgroup(data), clean=ids)
        except st.StoreRefusedError as refused:
            again = refused.ids
        for old, new, page in zip(ids, again.tolist(), pages, strict=True):
            if new:
                assert new not in self.pages
                self.pages[new] = page.tobytes()
            if new != old:
                self.gone.append(old)

    @precondition(lambda self: self.read)
    @rule()
    def forget_clean(self) -> None:
        self.system.forget_clean(sorted(self.read))
        self.gone = (self.gone + sorted(self.read))[-300:]
        self.read.clear()

    # requests

    @rule(data=some.data(), nbytes=some.integers(0, 40_000), named=some.booleans())
    def demote(self, data: Any, nbytes: int, named: bool) -> None:  # type: ignore[override]
        edges = [e for e in self.system.graph.edges if not {e.source, e.target} & self.removed]
        if not edges:
            return
        edge = data.draw(some.sampled_from(edges), "edge")
        asked: dict[str, Any] = {
            "source": edge.source,
            "target": edge.target if named else None,
            "cgroup": self._cgroup(data),
            "referenced": data.draw(some.sampled_from(["ignore", "rotate"]), "referenced"),
        }
        counted, records = self.system.stats(), self._records()
        plan = self.system.plan(nbytes, **asked)
        assert (self.system.stats(), self._records()) == (counted, records)
        assert {e for move in plan.moves for e in move.ids.tolist()} <= set(self.pages)
        before = counted.entries
        done = self.system.demote(nbytes, **asked)
        assert done.met == (done.freed_bytes >= nbytes)
        assert self.system.stats().entries == before

    def _records(self) -> bytes:
        core = self.system.core
        return bytes(core.records[: int(core.st.row_top)].tobytes())

    @rule(
        data=some.data(),
        zswap_max=some.sampled_from([None, None, 0, 2000, 20_000]),
        swap_max=some.sampled_from([None, None, 0, 3 * PAGE, 20 * PAGE]),
        writeback=some.sampled_from([True, True, False]),
        tier_max=some.sampled_from([None, None, 0, 2 * PAGE]),
    )
    def limit(self, data: Any, zswap_max: Any, swap_max: Any, writeback: bool, tier_max: Any) -> None:
        tier = data.draw(some.sampled_from(self.tiers), "tier")
        cgroup = self.system.cgroup(self._cgroup(data))
        cgroup.set(zswap_max=zswap_max, swap_max=swap_max, zswap_writeback=writeback, tiers_max={tier: tier_max})

    # what must hold

    @invariant()
    def accounts_balance(self) -> None:
        if self.swap is None:
            return
        steps_taken[0] += 1
        self.swap.check()
        assert len(self.swap) == len(self.pages)
        check_cold_lists(self.swap)
        stats = self.swap.stats()
        assert stats.entries == len(self.pages)
        for rank, spec in enumerate(self.swap.graph.tiers):
            tier = stats.tiers[spec.name]
            if spec.name in self.removed:
                assert tier.entries == 0
            if isinstance(spec, st.FileSpec):
                assert tier.pool_bytes <= spec.capacity, rank

    def teardown(self) -> None:
        if self.swap is None:
            return
        swap = self.swap
        swap.forget_clean(sorted(self.read))
        ids = sorted(self.pages)
        assert [page.tobytes() for page in swap.peek(ids)] == [self.pages[entry] for entry in ids]
        assert [page.tobytes() for page in swap.swap_in(ids)] == [self.pages[entry] for entry in ids]
        swap.check()
        stats = swap.stats()
        assert (stats.entries, sum(tier.stored_bytes + tier.kept for tier in stats.tiers.values())) == (0, 0)
        assert all(group.zswap_bytes == group.swap_bytes == 0 for group in stats.cgroups.values())
        swap.close()
        self.folder.cleanup()


SETTINGS = settings(
    max_examples=90,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def test_whole_machine() -> None:
    """Whatever is done in whatever order, no page is lost and every account is right; and the machine did enough."""
    run_state_machine_as_test(WholeMachine, settings=SETTINGS)
    assert steps_taken[0] >= STEPS_IN_CI
    assert len(PATHS) > 1
