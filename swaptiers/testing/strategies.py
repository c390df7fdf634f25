"""Hypothesis strategies: pages of every kind, and small systems that can be built."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as some
from hypothesis.strategies import DrawFn

from swaptiers.cgroups import CgroupSpec
from swaptiers.demotion.terms import AgeTrigger, EdgeSpec, Triggers, Watermark
from swaptiers.system_spec import SystemSpec
from swaptiers.tiers.specs import AnyTierSpec, FileSpec, MemorySpec, ZswapSpec

PATHS = ("/", "/a", "/a/b", "/a/b/c", "/d")
POLICIES: tuple[Any, ...] = ("lru", "fifo", "second-chance", "age", "largest", "random")
SLOTS = 256
"""The least that a tier of whole pages can have."""


@some.composite
def pages(draw: DrawFn, page_size: int = 4096) -> bytes:
    """A page: empty, incompressible, small when compressed, or about half."""
    kind = draw(some.sampled_from(("zero", "raw", "small", "half")))
    source = random.Random(draw(some.integers(0, 1 << 30)))
    if kind == "zero":
        return bytes(page_size)
    if kind == "raw":
        return source.randbytes(page_size)
    if kind == "small":
        return source.randbytes(64) * (page_size // 64)
    return source.randbytes(page_size // 2) + bytes(page_size // 2)


@some.composite
def tiers(draw: DrawFn, page_size: int = 4096) -> list[AnyTierSpec]:
    """One to four tiers, small enough to be filled; the first ones compress, if any does."""
    pools = draw(some.integers(0, 2))
    slotted = draw(some.integers(0 if pools else 1, 2))
    made: list[AnyTierSpec] = [
        ZswapSpec(
            name=f"pool{number}",
            compressor=draw(some.sampled_from(("lz4", "zstd"))),
            max_pool=draw(some.sampled_from((6, 24, 100))) * page_size,
            raw=draw(some.sampled_from(("keep", "keep", "refuse"))) if slotted else "keep",
        )
        for number in range(pools)
    ]
    for number in range(slotted):
        kind: Any = draw(some.sampled_from((MemorySpec, FileSpec)))
        made.append(kind(name=f"slots{number}", capacity=SLOTS * page_size))
    return made


@some.composite
def triggers(draw: DrawFn) -> Triggers:
    """At least one, and seldom all."""
    high = draw(some.integers(1, 100))
    given: dict[str, Any] = {
        "pressure": True,
        "watermark": Watermark(high=high / 100, low=draw(some.integers(0, high)) / 100),
        "age": AgeTrigger(older_than=draw(some.integers(0, 50)), every=draw(some.integers(1, 50))),
        "request": True,
    }
    chosen = draw(some.lists(some.sampled_from(sorted(given)), min_size=1, max_size=3, unique=True))
    return Triggers(**{name: given[name] for name in chosen})


@some.composite
def edges(draw: DrawFn, names: Sequence[str]) -> list[EdgeSpec]:
    """From each tier to the next, so that each is reached, and perhaps past some."""
    pairs = list(itertools.pairwise(names))
    others = [pair for pair in itertools.combinations(names, 2) if pair not in pairs]
    if others:
        pairs += draw(some.lists(some.sampled_from(others), unique=True, max_size=2))
    made = []
    for source, target in pairs:
        policy = draw(some.sampled_from(POLICIES))
        made.append(
            EdgeSpec(
                source=source,
                target=target,
                policy=policy,
                older_than=draw(some.integers(0, 50)) if policy == "age" else None,
                when=draw(triggers()),
                batch=draw(some.sampled_from((1, 3, 64, 1024))),
            )
        )
    return made


@some.composite
def systems(draw: DrawFn, page_size: int = 4096) -> SystemSpec:
    """A system that `SwapSystem.from_spec` builds: tiers, edges (a chain, a graph, or none and spilling) and cgroups with
    limits now and then."""
    chosen = draw(tiers(page_size))
    shape = draw(some.sampled_from(("chain", "graph", "none")))
    limit = some.one_of(some.none(), some.none(), some.integers(0, 40).map(lambda n: n * page_size))
    return SystemSpec(
        page_size=page_size,
        tiers=chosen,
        edges=draw(edges([tier.name for tier in chosen])) if shape == "graph" else None if shape == "chain" else (),
        on_full="spill" if shape == "none" else draw(some.sampled_from(("demote", "spill", "refuse"))),
        legacy_swap_charge=draw(some.booleans()),
        cgroups=[
            CgroupSpec(
                path=path, zswap_max=draw(limit), swap_max=draw(limit), zswap_writeback=draw(some.integers(0, 4)) > 0
            )
            for path in PATHS
        ],
    )


__all__ = ["PATHS", "edges", "pages", "systems", "tiers", "triggers"]
