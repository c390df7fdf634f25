"""The virtual clock, by hand: queueing, transfer, latency, thinking, and who waits for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from configs import run_text, write_trace

ONE = """
version: 1
tiers:
  disk: {kind: file, capacity: 16M, latency: {read: 4ms, write: 3ms, call: 500us}, bandwidth: 4M/s}
cgroups:
  /a: {memory.max: 8K}
workloads:
  - {cgroup: /a, kind: trace, path: a.u32, contents: random, think: 10us}
run: {reclaim_batch: 1, warmup: 0%}
"""
PAGE_NS = 976_562  # 4096 bytes at 4 MiB/s
CALL, READ, WRITE, THINK = 500_000, 4_000_000, 3_000_000, 10_000


def run(folder: Path, pages: list[int], text: str = ONE, *sets: str) -> Any:
    write_trace(folder / "a.u32", [(page, False) for page in pages])
    return run_text(folder, text, *sets).variants["base"]


def test_hits_take_the_time_to_think(tmp_path: Path) -> None:
    """Two pages fit: nothing but thinking."""
    result = run(tmp_path, [0, 1, 0, 1, 1])
    assert result.time.virtual_s == 5 * THINK / 1e9
    assert (result.hits, result.time.stall_s) == (3, 0)


def test_a_write_is_submitted_not_waited_for(tmp_path: Path) -> None:
    """A third page pushes one out: the device is busy, the program goes on."""
    result = run(tmp_path, [0, 1, 2])
    assert result.swap_outs == 1
    assert result.time.virtual_s == 3 * THINK / 1e9


def test_a_read_queues_behind_the_write(tmp_path: Path) -> None:
    """The fault on page 0 starts when the write of page 0 has left the device, and completes a latency later; then the
    write that made room for it keeps the device busy for nobody."""
    result = run(tmp_path, [0, 1, 2, 0])
    write_until = 3 * THINK + CALL + PAGE_NS
    fault = write_until + CALL + PAGE_NS + READ - 4 * THINK
    assert result.fault_latency_ns.mean == pytest.approx(fault, abs=10)
    assert result.time.stall_s == pytest.approx(fault / 1e9, abs=1e-8)
    assert result.time.virtual_s == pytest.approx((4 * THINK + fault) / 1e9, abs=1e-8)


def test_an_idle_device_is_ready(tmp_path: Path) -> None:
    """With enough thinking in between, a fault is call + transfer + latency."""
    result = run(tmp_path, [0, 1, 2, 0], ONE, "workloads.0.think=1s")
    assert result.fault_latency_ns.mean == pytest.approx(CALL + PAGE_NS + READ, abs=2)


def test_compression_is_waited_for_and_decompression(tmp_path: Path) -> None:
    """Zswap's work is the program's own: both count into the fault that causes them."""
    text = ONE.replace(
        "  disk:", "  zswap: {kind: zswap, max_pool: 1M, latency: {read: 8us, write: 9us}}\n  disk:"
    ).replace("memory.max: 8K", "memory.max: 64K")
    result = run(tmp_path, [*range(60), 0], text, "charge_zswap=false")
    assert result.tiers["zswap"].loads == 1
    assert result.fault_latency_ns.mean == 8_000 + 9_000


def test_direct_demotion_is_waited_for(tmp_path: Path) -> None:
    """Room made at once in a full pool: the reader waits for the reads and the decompression, not for the device's write."""
    text = ONE.replace("  disk:", "  near: {kind: memory, capacity: 1M, latency: {read: 1us, write: 2us}}\n  disk:")
    result = run(tmp_path, [*range(259), 100], text)
    assert result.edges["near->disk"].entries >= 1
    assert result.fault_latency_ns.mean == 1_000 + 2_000


def test_percentiles(tmp_path: Path) -> None:
    """Ninety-nine quick faults and one slow: the mean is exact, the percentiles right within a bucket."""
    text = ONE.replace("  disk:", "  near: {kind: memory, capacity: 1M, latency: {read: 10us}}\n  disk:").replace(
        "bandwidth: 4M/s", "bandwidth: 4G/s"
    )
    pages = [*range(259), *([258 - 3 - i for i in range(99)])]
    result = run(tmp_path, [*pages, 0], text, "workloads.0.think=1s")
    latency = result.fault_latency_ns
    assert (result.tiers["near"].loads, result.tiers["disk"].loads) == (99, 1)
    slow = CALL + READ + 953
    assert latency.mean == pytest.approx((99 * 10_000 + slow) / 100, rel=0.001)
    assert latency.p50 == pytest.approx(10_000, rel=0.016)
    assert latency.p999 == pytest.approx(slow, rel=0.016)


TWO = """
version: 1
tiers:
  disk: {kind: file, capacity: 16M, latency: {read: 4ms}}
cgroups:
  /a: {memory.max: 8K}
  /b: {memory.max: 8K}
workloads:
  - {cgroup: /a, kind: scan, pages: 4, passes: 50, contents: random, think: 1ms}
  - {cgroup: /b, kind: scan, pages: 2, passes: 50, contents: random, think: 1ms}
run: {reclaim_batch: 1, warmup: 0%}
"""


def test_by_references_everybody_waits(tmp_path: Path) -> None:
    """One clock for all: the faults of /a delay /b."""
    result = run_text(tmp_path, TWO).variants["base"]
    faults = 4 * 50 - 4
    assert result.cgroups["/a"].faults == result.faults == faults
    assert result.time.virtual_s == pytest.approx((300 + 4 * faults) / 1e3)


def test_by_time_only_the_faulting_workload_waits(tmp_path: Path) -> None:
    """/b is through after 100 ms, whatever /a suffers; the run ends with /a's last fault."""
    result = run_text(tmp_path, TWO, "run.interleave=time", "run.until=100ms").variants["base"]
    assert result.cgroups["/b"].refs == 100
    assert result.cgroups["/a"].refs == 4 + (100 - 4) // 5 + 1
    whole = run_text(tmp_path, TWO, "run.interleave=time").variants["base"]
    assert whole.cgroups["/a"].refs == 200
    assert whole.time.virtual_s == pytest.approx((3 + 1 + 196 * 5) / 1e3, abs=2e-3)


def test_by_time_a_start_is_a_time(tmp_path: Path) -> None:
    """A workload that starts later does nothing before."""
    for until, refs in (("20ms", 0), ("30ms", 6), ("200ms", 100)):
        result = run_text(
            tmp_path, TWO, "run.interleave=time", "workloads.1.start=25ms", f"run.until={until}"
        ).variants["base"]
        assert result.cgroups["/b"].refs == pytest.approx(refs, abs=1)
