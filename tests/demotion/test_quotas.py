"""Quotas: over any window an edge writes at most rate x window + burst + one batch, and no less than it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from numba import config
from stores import PAGE, Clock, pages_of, where

import swaptiers as st
from swaptiers.demotion.quota import Quota

SECOND = 10**9
IS_SMALL = bool(config.DISABLE_JIT)
"""Interpreted, a reference takes milliseconds: fewer of them then, in less memory, with a smaller burst."""
PAGES, REFS, MEMORY, POOL = (200, 800, "140K", "56K") if IS_SMALL else (3000, 30000, "2M", "800K")
BATCH, BURST, RATE = (2, 16 << 10, 2 << 20) if IS_SMALL else (8, 256 << 10, 2 << 20)
CONFIG = """
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 1M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 64M, latency: {read: 70us, write: 20us, call: 2us}, bandwidth: 1G/s}
edges: [{from: zswap, to: ssd, policy: lru, batch: BATCH, when: {WHEN}, quota: QUOTA}]
cgroups: {/web: {memory.max: MEMORY, memory.zswap.max: POOL}}
workloads: [{cgroup: /web, kind: zipf, pages: PAGES, alpha: 0.6, refs: REFS, writes: 20%}]
run: {sample: 1ms, payload: sizes}
on_full: spill
"""
TRIGGERS = {
    "pressure": "pressure: true",
    "watermark": "watermark: {high: 50%, low: 30%}",
    "age": "age: {older_than: 10ms, every: 1ms}",
    "limit": "limit: true",
}


def run(folder: Path, when: str, quota: str) -> Any:
    path = folder / "quota.yaml"
    text = CONFIG.replace("WHEN", TRIGGERS[when]).replace("QUOTA", quota)
    for name in ("PAGES", "REFS", "MEMORY", "POOL", "BATCH"):
        text = text.replace(name, str(globals()[name]))
    path.write_text(text)
    return st.run(path).variants["base"]


@pytest.mark.parametrize("when", sorted(TRIGGERS))
def test_bytes_over_any_window(tmp_path: Path, when: str) -> None:
    """Whichever trigger asks: no window between two samples holds more than it may."""
    batch = BATCH * PAGE
    result = run(tmp_path, when, f"{{bytes: {RATE}, every: 1s, burst: {BURST}}}")
    times = result.series.column("time_ns")
    written = [entries * PAGE for entries in result.series.column("edge.zswap->ssd.entries")]
    assert written[-1] > BURST + batch, "a quota that stops everything would pass, too"
    for i in range(len(times)):
        for k in range(i + 1, len(times)):
            assert written[k] - written[i] <= RATE * (times[k] - times[i]) / SECOND + BURST + batch
    assert result.edges["zswap->ssd"].refused["quota"] > 0


@pytest.mark.skipif(IS_SMALL, reason="in a short run what is not used while the pool fills weighs too much")
def test_the_quota_is_used_up(tmp_path: Path) -> None:
    """Where there is always more to move, an edge moves what it may, less at most a few batches."""
    result = run(tmp_path, "watermark", f"{{bytes: {RATE // 2}, every: 1s}}")
    allowed = RATE // 2 * result.time.virtual_s
    moved = result.edges["zswap->ssd"].entries * PAGE
    assert allowed * 0.9 < moved <= allowed + BATCH * PAGE


def test_time_over_the_whole_run(tmp_path: Path) -> None:
    """A quota of time bounds how long the edge's moves keep devices and CPU busy."""
    free = run(tmp_path, "watermark", "{time: 1s, every: 1s}")
    tight = run(tmp_path, "watermark", "{time: 500us, every: 100ms}")
    per_page_ns = 8_000 + PAGE  # decompression, and the transfer at 1 ns per byte
    spent = tight.edges["zswap->ssd"].entries * per_page_ns
    assert spent <= 0.005 * tight.time.virtual_s * SECOND + BATCH * (per_page_ns + 100_000)
    assert 0 < tight.edges["zswap->ssd"].entries < free.edges["zswap->ssd"].entries


def test_requests_stop_at_the_quota() -> None:
    """A request is told that the quota stopped it, and goes on when time has passed."""
    clock = Clock()
    tiers = [st.ZswapSpec(name="zswap", max_pool="8M"), st.MemorySpec(name="disk", capacity="2M")]
    edge = st.EdgeSpec(source="zswap", target="disk", batch=4, when=st.Triggers(request=True), quota="64K/s")
    with st.SwapSystem(tiers, [edge], clock=clock, on_full="spill", max_entries=1 << 16) as swap:
        ids = swap.swap_out(pages_of(PAGE, 60))
        first = swap.demote("1M", source="zswap")
        assert (first.entries, first.met) == (4, False)
        assert "quota" in first.refused
        assert swap.demote("1M", source="zswap").entries == 0
        clock.now = SECOND // 4 + 1000  # 16 KiB, four pages, and what rounding takes
        assert swap.demote("1M", source="zswap").entries == 4
        assert where(swap, ids).count("disk") == 8


def test_a_plan_that_fails_gives_its_quota_back() -> None:
    """A write that never happened does not count against the edge."""
    clock = Clock()
    tiers = [st.ZswapSpec(name="zswap", max_pool="8M"), st.MemorySpec(name="disk", capacity="2M")]
    edge = st.EdgeSpec(source="zswap", target="disk", batch=4, when=st.Triggers(request=True), quota="64K/s")
    with st.SwapSystem(tiers, [edge], clock=clock, on_full="spill", max_entries=1 << 16) as swap:
        swap.swap_out(pages_of(PAGE, 20))
        store = swap.tiers[1].store

        def fail(*_: Any) -> None:
            raise OSError(5, "Input/output error")

        swap.tiers[1].store = fail  # type: ignore[method-assign]
        with pytest.raises(st.TierIOError):
            swap.demote("16K", source="zswap")
        swap.tiers[1].store = store  # type: ignore[method-assign]
        assert swap.demote("16K", source="zswap").met


@settings(max_examples=6 if IS_SMALL else 60)
@given(
    rate=some.integers(10_000, 1 << 30),
    burst=some.integers(0, 1 << 20),
    waits=some.lists(some.integers(0, SECOND // 4), min_size=1, max_size=30),
)
def test_any_windows_of_a_store(rate: int, burst: int, waits: list[int]) -> None:
    """The bucket as arithmetic: any sequence of requests at any times, every window checked."""
    clock, batch = Clock(), 3
    tiers = [st.ZswapSpec(name="zswap", max_pool="8M"), st.MemorySpec(name="disk", capacity="2M")]
    quota = Quota(written_bytes=rate, burst=burst)
    edge = st.EdgeSpec(source="zswap", target="disk", batch=batch, when=st.Triggers(request=True), quota=quota)
    moved: list[tuple[int, int]] = []
    with st.SwapSystem(tiers, [edge], clock=clock, on_full="spill", max_entries=1 << 16) as swap:
        swap.swap_out(pages_of(500, 120))
        for wait in waits:
            clock.now += wait
            moved.append((clock.now, swap.demote("20K", source="zswap").entries * PAGE))
    for i in range(len(moved)):
        for k in range(i, len(moved)):
            window = moved[k][0] - moved[i][0]
            assert sum(n for _, n in moved[i : k + 1]) <= rate * window / SECOND + burst + batch * PAGE


@pytest.mark.parametrize(
    ("quota", "says"),
    [
        ("fast", "rate"),
        ("{bytes: 1M, burst: 1s}", "burst is a size"),
        ("{bytes: 1M, time: 1s}", "of bytes or of time"),
        ("{every: 1s}", "of bytes or of time"),
        ("{bytes: 1M, evry: 1s}", "did you mean 'every'"),
        ("{time: 2s, every: 1s}", "at most"),
        ("{bytes: 1, every: 1s}", "at least 1024 bytes"),
        ("{bytes: 1M, every: 0s}", "above 0"),
    ],
)
def test_no_quota(tmp_path: Path, quota: str, says: str) -> None:
    """A quota that can't be kept is refused with its place."""
    with pytest.raises(st.ConfigError, match=says) as raised:
        run(tmp_path, "age", quota)
    assert raised.value.line == 7
