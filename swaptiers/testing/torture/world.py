"""A system as an episode sets it up, drawn from a seed: every kind of tier, any graph, any terms."""

from __future__ import annotations

import random
from typing import Any

import attrs

from swaptiers.demotion.quota import Quota
from swaptiers.demotion.terms import AgeTrigger, EdgeSpec, Triggers, Watermark
from swaptiers.errors import GraphError
from swaptiers.graph import TierGraph
from swaptiers.testing.torture.own_kinds import WHIMS, DictSpec
from swaptiers.tiers.base import OnFull
from swaptiers.tiers.specs import AnyTierSpec, FileSpec, MemorySpec, ZswapSpec

SEGMENT = 64 << 10
KINDS = ("zswap", "dense", "picky", "memory", "slots", "direct", "keeping", "log", "denselog", "dict")
POLICIES = ("lru", "fifo", "second-chance", "age", "largest", "random", WHIMS)
SHARES: tuple[Any, ...] = ("round-robin", "proportional", "borrow")
CONDITIONS: tuple[tuple[str | None, ...], ...] = (
    (None, None),
    (None, None),
    ("raw", None),
    ("not raw", "raw"),
    ("ratio > 0.5", "ratio <= 0.3"),
    ("cgroup in [/a]", None),
    ("raw and cgroup not in [/d]", "not raw"),
)
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/d")


@attrs.frozen(kw_only=True)
class World:
    """The arguments of a SwapSystem."""

    tiers: tuple[AnyTierSpec, ...]
    edges: tuple[EdgeSpec, ...] | None = None
    on_full: OnFull = "demote"
    charge_zswap: bool = True
    legacy_swap_charge: bool = False
    quarantine_after: int | None = 8
    stamp_limit: int = (1 << 31) - 1
    generation_limit: int = (1 << 24) - 1

    def is_possible(self) -> bool:
        """False if no system can be built of it."""
        try:
            TierGraph.build(self.tiers, self.edges, self.on_full)
        except GraphError:
            return False
        return True


def draw_world(draw: random.Random) -> World:
    """A world of one to five tiers, each small enough to be filled."""
    kinds = [draw.choice(KINDS) for _ in range(draw.choice((1, 2, 2, 3, 3, 4, 5)))]
    tiers = tuple(_tier(draw, kind, f"t{number}") for number, kind in enumerate(kinds))
    edges = None if draw.random() < 0.1 else tuple(_edges(draw, tiers))
    world = World(
        tiers=tiers,
        edges=edges,
        on_full=draw.choice(("demote", "demote", "spill", "refuse")),
        charge_zswap=draw.random() < 0.7,
        legacy_swap_charge=draw.random() < 0.3,
        quarantine_after=draw.choice((None, 8, 8, 2)),
        stamp_limit=draw.choice((350, 500, (1 << 31) - 1)),
        generation_limit=draw.choice((3, (1 << 24) - 1)),
    )
    return world if world.is_possible() else attrs.evolve(world, on_full="spill")


def _tier(draw: random.Random, kind: str, name: str) -> AnyTierSpec:
    if kind in ("zswap", "dense", "picky"):
        return ZswapSpec(
            name=name,
            compressor="zstd" if kind == "dense" else "lz4",
            max_pool=draw.choice(("24K", "48K", "100K")),
            raw="refuse" if kind == "picky" else "keep",
        )
    capacity: Any = draw.choice(("32K", "64K", "256K", "1M"))
    if kind == "memory":
        return MemorySpec(name=name, capacity=capacity)
    if kind == "dict":
        return DictSpec(name=name, capacity=capacity)
    path = f"{name}.swap" if draw.random() < 0.7 else None
    if kind in ("log", "denselog"):
        return FileSpec(
            name=name,
            path=path,
            layout="log",
            compressor="lz4" if kind == "log" else "zstd",
            segment=SEGMENT,
            capacity=8 * SEGMENT,
            max_live=draw.choice(("8%", "30%")),
            cleaning=draw.choice(("copy", "demote")),
        )
    is_keeping = kind == "keeping"
    return FileSpec(
        name=name, path=path, capacity=capacity, direct=kind == "direct", keep_clean=is_keeping,
        keep_below="80%" if is_keeping else "50%",
    )  # fmt: skip


def _edges(draw: random.Random, tiers: tuple[AnyTierSpec, ...]) -> list[EdgeSpec]:
    """From faster tiers to slower ones, at most two from each."""
    made = []
    for place, source in enumerate(tiers):
        below = tiers[place + 1 :]
        targets = draw.sample(below, min(len(below), draw.choice((1, 1, 1, 2, 2, 0))))
        for target, only in zip(targets, draw.choice(CONDITIONS), strict=False):
            made.append(_edge(draw, source, target, only))
    return made


def _edge(draw: random.Random, source: AnyTierSpec, target: AnyTierSpec, only: str | None) -> EdgeSpec:
    """An edge with any terms that fit its ends."""
    if only is not None and ("raw" in only or "ratio" in only) and not source.is_compressed:
        only = None
    policy = draw.choice(POLICIES)
    made, read = getattr(source, "compressor", None), getattr(target, "compressor", None)
    return EdgeSpec(
        source=source.name,
        target=target.name,
        policy=policy,
        options={"fails_every": 5} if policy == WHIMS and draw.random() < 0.3 else {},
        older_than="5ns" if policy == "age" else None,
        only=only,
        when=_triggers(draw, isinstance(source, ZswapSpec)),
        batch=draw.choice((1, 3, 64)),
        share=draw.choice(SHARES),
        keep_compressed=made is not None and made == read and draw.random() < 0.5,
        quota=draw.choice((None, None, None, Quota(written_bytes="8K", every="10ns"), Quota(time="5ns", every="10ns"))),
    )


def _triggers(draw: random.Random, is_zswap: bool) -> Triggers:
    return Triggers(
        pressure=draw.random() < 0.7,
        limit=is_zswap and draw.random() < 0.3,
        watermark=Watermark(high="70%", low="40%") if draw.random() < 0.3 else None,
        age=AgeTrigger(older_than="20ns", every="10ns") if draw.random() < 0.3 else None,
        request=True,
    )
