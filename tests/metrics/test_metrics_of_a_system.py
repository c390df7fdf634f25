"""SwapSystem.metrics(): what a scrape says is what stats() says."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

import swaptiers as st
from tests.metrics.exposed import check_with_promtool, needs_prometheus, samples_of, value

ODD = '/we"b\\n {odd="ü"}'
"""A path that would end a label value early if it were not escaped."""


def filled() -> st.SwapSystem:
    """A system with entries in both tiers, a zero page, some loads and a demotion."""
    swap = st.SwapSystem(
        [st.ZswapSpec(name="zswap", max_pool="1M"), st.MemorySpec(name="slow", capacity="4M")],
        [st.EdgeSpec(source="zswap", target="slow")],
    )
    pages = np.random.default_rng(1).integers(0, 4, (100, 4096), dtype=np.uint8)
    pages[7] = 0
    ids = swap.swap_out(pages, cgroup=swap.cgroup(ODD))
    swap.demote("64K", source="zswap", cgroup=ODD)
    swap.swap_in(ids[90:])
    return swap


def test_a_scrape_says_what_stats_says() -> None:
    """A number under another's name, a label value that is not escaped, nanoseconds where seconds are promised."""
    with filled() as swap:
        found, stats = samples_of(swap.metrics().text()), swap.stats()
    for tier, t in stats.tiers.items():
        assert value(found, "swaptiers_tier_entries", tier=tier) == t.entries > 0
        assert value(found, "swaptiers_tier_stored_bytes", tier=tier) == t.stored_bytes
        assert value(found, "swaptiers_tier_pool_bytes", tier=tier) == t.pool_bytes
        assert value(found, "swaptiers_tier_stores_total", tier=tier) == t.stores
        assert value(found, "swaptiers_tier_loads_total", tier=tier) == t.loads
        assert value(found, "swaptiers_tier_demoted_in_total", tier=tier) == t.demoted_in
        assert value(found, "swaptiers_tier_demoted_out_total", tier=tier) == t.demoted_out
        assert value(found, "swaptiers_tier_written_bytes_total", tier=tier) == t.written_bytes
        assert value(found, "swaptiers_tier_state", tier=tier, state="open") == 1
        assert value(found, "swaptiers_tier_state", tier=tier, state="quarantined") == 0
        assert value(found, "swaptiers_tier_failures_total", tier=tier, failure="corrupt") == 0
    assert value(found, "swaptiers_tier_capacity_bytes", tier="zswap") == 1 << 20
    assert value(found, "swaptiers_tier_capacity_bytes", tier="slow") == 4 << 20
    edge = stats.edges["zswap->slow"]
    assert value(found, "swaptiers_edge_entries_total", edge="zswap->slow", trigger="request") == edge.entries > 0
    assert value(found, "swaptiers_edge_entries_total", edge="zswap->slow", trigger="pressure") == 0
    assert value(found, "swaptiers_edge_freed_bytes_total", edge="zswap->slow") == edge.freed_bytes
    own = stats.cgroups[ODD]
    assert value(found, "swaptiers_cgroup_entries", cgroup=ODD) == own.entries == 90
    assert value(found, "swaptiers_cgroup_zswpout_total", cgroup=ODD) == own.zswpout > 0
    assert value(found, "swaptiers_cgroup_swap_bytes", cgroup="/") == stats.cgroups["/"].swap_bytes
    assert value(found, "swaptiers_zero_page_entries") == 1
    assert value(found, "swaptiers_entries") == stats.entries == 90


def test_triggers_add_up_to_the_entries() -> None:
    """There is no plain total beside the triggers, so their sum has to be it."""
    with filled() as swap:
        found, stats = samples_of(swap.metrics().text()), swap.stats()
    moved = [number for (name, _), number in found.items() if name == "swaptiers_edge_entries_total"]
    assert sum(moved) == stats.edges["zswap->slow"].entries


def test_a_limit_that_is_changed_is_shown() -> None:
    """The capacity is what is allowed now, not what the config said."""
    with filled() as swap:
        swap.set_zswap("zswap", max_pool_percent=50)
        found = samples_of(swap.metrics().text())
    assert value(found, "swaptiers_tier_capacity_bytes", tier="zswap") == 128 << 20


def test_in_a_registry() -> None:
    """Registered once, it is asked anew at each scrape; of a closed system nothing is told, and nothing raises."""
    registry = CollectorRegistry()
    with filled() as swap:
        registry.register(swap.metrics())
        before = samples_of(generate_latest(registry).decode())
        swap.swap_out(np.ones((3, 4096), np.uint8))
        after = samples_of(generate_latest(registry).decode())
        assert value(after, "swaptiers_entries") == value(before, "swaptiers_entries") + 3
    assert samples_of(generate_latest(registry).decode()) == {}


@needs_prometheus
def test_promtool_has_nothing_to_say() -> None:
    """Names, suffixes, base units and HELP texts as Prometheus wants them."""
    with filled() as swap:
        check_with_promtool(swap.metrics().text())


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and the command that brings it, instead of an ImportError from within."""
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "prometheus_client" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with filled() as swap, pytest.raises(st.ConfigError, match=r"pip install 'swaptiers\[metrics\]'"):
        swap.metrics()
