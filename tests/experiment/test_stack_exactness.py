"""A chain of tiers under `lru` is one LRU stack cut at the capacities: compared with stack distances."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from configs import run_text, write_trace
from stacks import PATTERNS, expected_loads

CHAIN = """
version: 1
charge_zswap: false
tiers:
  near: {{kind: memory, capacity: {near}K}}
  far:  {{kind: memory, capacity: {far}K}}
  disk: {{kind: file, capacity: 64M}}
edges:
  - {{from: near, to: far, policy: lru, when: {{pressure: true}}, batch: {batch}}}
  - {{from: far, to: disk, policy: lru, when: {{pressure: true}}, batch: {batch}}}
cgroups:
  /a: {{memory.max: {memory}K}}
workloads:
  - {{cgroup: /a, kind: trace, path: a.u32, contents: random}}
run: {{reclaim_batch: {reclaim}, payload: {payload}, inversion: exact, warmup: 0%}}
"""
NEAR, FAR = 256, 320


def loads(
    folder: Path, pages: list[int], seed: int, memory: int, *, reclaim: int = 1, batch: int = 1, payload: str = "sizes"
) -> dict[int, int]:
    draw = random.Random(seed)
    write_trace(folder / "a.u32", [(page, draw.random() < 0.3) for page in pages])
    text = CHAIN.format(near=NEAR * 4, far=FAR * 4, memory=memory * 4, reclaim=reclaim, batch=batch, payload=payload)
    result = run_text(folder, text).variants["base"]
    tiers = result.tiers
    assert result.integrity.mismatched == result.integrity.lost == 0
    if payload == "real":
        assert result.integrity.verified == result.swap_ins
    if reclaim == batch == 1:
        assert result.inversion.late_faults in (0, None)
        assert result.inversion.pairs in (0, None)
    found = {0: result.hits, 1: tiers["near"].loads, 2: tiers["far"].loads, 3: tiers["disk"].loads}
    return {level: count for level, count in found.items() if count} | {-1: result.first_touches}


def trace(pattern: str, seed: int) -> tuple[list[int], int]:
    draw = random.Random(seed)
    pages = draw.choice([300, 900, 1500])
    return PATTERNS[pattern](draw, pages, 3000), draw.choice([1, 16, 100])


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_a_chain_is_an_lru_stack(tmp_path: Path, pattern: str, seed: int) -> None:
    """Evicting before taking, a list out of order, or a move that skips a tier shifts pages between levels."""
    pages, memory = trace(pattern, 1000 * seed + len(pattern))
    expected = expected_loads(pages, [memory, NEAR, FAR])
    assert loads(tmp_path, pages, seed, memory) == dict(expected)


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_the_same_with_real_bytes(tmp_path: Path, pattern: str) -> None:
    """Real bytes stop the replay for lengths and run a log: nothing of that may change a decision."""
    pages, memory = trace(pattern, 77)
    expected = expected_loads(pages, [memory, NEAR, FAR])
    assert loads(tmp_path, pages, 77, memory, payload="real") == dict(expected)


def test_larger_batches_are_not_exact(tmp_path: Path) -> None:
    """So that the tests above can fail: reclaiming four pages at a time is another stack."""
    pages, _ = trace("zipf", 5)
    expected = dict(expected_loads(pages, [100, NEAR, FAR]))
    assert loads(tmp_path, pages, 5, 100) == expected
    assert loads(tmp_path, pages, 5, 100, reclaim=4) != expected


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_the_kernels_batch_is_close_to_exact(tmp_path: Path, pattern: str) -> None:
    """With reclaim_batch 32, swap-ins from each level are within 2 % of all references of exact LRU."""
    draw = random.Random(3)
    pages = PATTERNS[pattern](draw, 3000, 12000)
    expected = expected_loads(pages, [1000, NEAR, FAR])
    found = loads(tmp_path, pages, 3, 1000, reclaim=32, batch=1)
    faults = sum(count for level, count in expected.items() if level > 0)
    assert sum(count for level, count in found.items() if level > 0) == pytest.approx(faults, rel=0.02, abs=240)


def test_each_cgroup_has_its_own_stack(tmp_path: Path) -> None:
    """Several cgroups with memory limits of their own, in separate unbounded chains: each is exact by itself."""
    text = """
version: 1
tiers:
  disk: {kind: file, capacity: 64M}
cgroups:
  /a: {memory.max: 400K}
  /b: {memory.max: 80K}
workloads:
  - {cgroup: /a, kind: trace, path: a.u32, contents: random}
  - {cgroup: /b, kind: trace, path: b.u32, contents: random, rate: 3}
run: {reclaim_batch: 1, payload: sizes}
"""
    draw = random.Random(9)
    traces = {"a": PATTERNS["zipf"](draw, 700, 4000), "b": PATTERNS["walk"](draw, 300, 4000)}
    for name, pages in traces.items():
        write_trace(tmp_path / f"{name}.u32", [(page, False) for page in pages])
    cgroups = run_text(tmp_path, text.replace("path: a.u32,", "path: a.u32, rate: 1,")).variants["base"].cgroups
    for name, memory in (("a", 100), ("b", 20)):
        expected = expected_loads(traces[name], [memory])
        found = cgroups[f"/{name}"]
        assert (found.hits, found.faults, found.first_touches) == (expected[0], expected[1], expected[-1])
