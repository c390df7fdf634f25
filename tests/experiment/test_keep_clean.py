"""`keep_clean`: the writes that a kept slot saves, counted against a model; and what a run must still get right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configs import numbers, run_text, write_trace
from hypothesis import given, settings
from hypothesis import strategies as some

PAGE = 4096
RESIDENT = 16
SLOTS = 256
TRACE = f"""
version: 1
charge_zswap: false
tiers: {{ssd: {{kind: file, capacity: {SLOTS * PAGE}, keep_clean: true, keep_below: BELOW}}}}
cgroups: {{/a: {{memory.max: {RESIDENT * PAGE}}}}}
workloads: [{{cgroup: /a, kind: trace, path: t.u32, format: u32, contents: random}}]
run: {{reclaim_batch: 1, payload: PAYLOAD, sample: 1s}}
"""


def model(references: list[tuple[int, bool]], most: float) -> tuple[int, int]:
    """(pages written to the tier, pages that went back into their slots), by hand: an LRU list and a set of slots."""
    resident: list[int] = []
    slots: set[int] = set()
    out: set[int] = set()
    written = clean = 0
    for page, write in references:
        if page in resident:
            resident.remove(page)
        else:
            if page in out:
                out.remove(page)
                if write or len(slots) > most:
                    slots.remove(page)
            if len(resident) == RESIDENT:
                victim = resident.pop(0)
                out.add(victim)
                clean += victim in slots
                written += victim not in slots
                slots.add(victim)
        resident.append(page)
        if write:
            slots.discard(page)
    return written, clean


@settings(max_examples=25)
@given(
    seed=some.integers(0, 1 << 30),
    pages=some.integers(17, 200),
    writes=some.sampled_from([0.0, 0.05, 0.5]),
    below=some.sampled_from([10, 30, 60, 100]),
)
def test_as_a_simple_model_counts(
    tmp_path_factory: pytest.TempPathFactory, seed: int, pages: int, writes: float, below: int
) -> None:
    """Every write and every write that was saved: a slot that is kept too long, or given up too soon, changes both."""
    random = np.random.default_rng(seed)
    references = [
        (int(page), bool(write))
        for page, write in zip(random.integers(0, pages, 1500), random.random(1500) < writes, strict=True)
    ]
    folder = tmp_path_factory.mktemp("clean")
    write_trace(folder / "t.u32", references)
    text = TRACE.replace("BELOW", f"{below}%").replace("PAYLOAD", "sizes")
    tier = run_text(folder, text).variants["base"].tiers["ssd"]
    written, clean = model(references, SLOTS * below / 100)
    assert (tier.written_bytes, tier.clean_stores) == (written * PAGE, clean)
    assert tier.stores == written + clean


READ_MOSTLY = """
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 1M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 24M, latency: {read: 70us, write: 20us, call: 2us}, bandwidth: 2G/s}
edges: [{from: zswap, to: ssd, when: {pressure: true, watermark: {high: 90%, low: 80%}}}]
on_full: ON_FULL
cgroups: {/web: {memory.max: 4M, memory.zswap.max: 800K}}
workloads: [{cgroup: /web, kind: zipf, pages: 3000, alpha: 0.7, refs: 40000, writes: 2%}]
run: {sample: 20ms, payload: PAYLOAD}
variants: {without: {}, with: {tiers: {ssd: {keep_clean: true, keep_below: 70%}}}}
"""


def read_mostly(folder: Path, on_full: str, payload: str = "real") -> dict[str, Any]:
    text = READ_MOSTLY.replace("ON_FULL", on_full).replace("PAYLOAD", payload)
    return dict(run_text(folder, text).variants)


def test_read_mostly_writes_less_than_half(tmp_path: Path) -> None:
    """Where nearly everything is read, a pool that spills to the SSD writes it less than half as much."""
    runs = read_mostly(tmp_path, "spill")
    saved = runs["with"].tiers["ssd"]
    assert saved.written_bytes < 0.5 * runs["without"].tiers["ssd"].written_bytes
    assert saved.clean_stores > 5000
    assert runs["with"].integrity.mismatched == runs["with"].integrity.lost == 0
    assert runs["with"].integrity.verified == runs["with"].faults


@pytest.mark.parametrize("on_full", ["spill", "demote"])
def test_real_bytes_and_sizes_agree(tmp_path: Path, on_full: str) -> None:
    """Slots that are given up stay readable until the log has run, and no counter may show it."""
    real, sizes = (read_mostly(tmp_path, on_full, payload)["with"] for payload in ("real", "sizes"))
    one, other = numbers(real), numbers(sizes)
    assert one.pop("integrity")["held_verified"] > 1000
    other.pop("integrity")
    assert one == other


def test_a_full_tier_takes_kept_slots(tmp_path: Path) -> None:
    """A slot that is kept for convenience never makes a store fail."""
    text = (
        READ_MOSTLY.replace("ON_FULL", "spill").replace("PAYLOAD", "real").replace("24M", "8M").replace("70%", "100%")
    )
    runs = run_text(tmp_path, text).variants
    for run in runs.values():
        assert run.tiers["ssd"].refused == {}
        assert run.integrity.lost == 0
    assert runs["with"].tiers["ssd"].kept > 0
