"""Inversion as the laboratory counts it, against brute force over every entry before every single reference."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configs import write_trace
from stacks import PATTERNS

from swaptiers.core.constants import STORED
from swaptiers.core.resident import SWAPPED
from swaptiers.experiment.feed import OrderedFeed
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.outcome import outcome_of
from swaptiers.inversion import pairs_of
from swaptiers.workloads.source import PAGE_MASK

TIERS = """
version: 1
charge_zswap: false
tiers:
  near: {kind: memory, capacity: 1M, latency: {read: 1us}}
  far:  {kind: memory, capacity: 1M, latency: {read: 30us}}
  disk: {kind: file, capacity: 64M, latency: {read: 4ms, call: 1ms}, bandwidth: 100M/s}
cgroups:
  /a: {memory.max: 200K}
  /b: {memory.max: 100K}
workloads:
  - {cgroup: /a, kind: trace, path: a.u32, contents: {mix: {random: 90%, zero: 10%}}}
  - {cgroup: /b, kind: trace, path: b.u32, contents: random}
run: {payload: sizes, inversion: exact, warmup: 0%, reclaim_batch: 8}
variants:
  overflow: {edges: [], on_full: spill}
  lru: {edges: [{from: near, to: far}, {from: far, to: disk}]}
  chance: {edges: [{from: near, to: far, policy: second-chance}, {from: far, to: disk, policy: fifo}]}
  skip: {edges: [{from: near, to: disk, policy: lru}, {from: far, to: disk, policy: lru}], on_full: spill}
"""
SERVICE_NS = {0: 1_000, 1: 30_000, 2: 5_000_000 + 4096 * (10**12 // (100 << 20)) // 1000}


class Truth:
    """What should have been counted for one cgroup."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.excess: list[int] = []


def entries(lab: Laboratory, cgroup: int) -> tuple[Any, Any, Any]:
    """Pages, tiers and last uses of a cgroup's entries that take space in a tier."""
    pages = np.flatnonzero(lab.pages["state"] == SWAPPED)
    records = lab.core.records[lab.pages["hotter"][pages]]
    mine = (records["backing"] == STORED) & (records["cgroup"] == cgroup)
    return pages[mine], records["tier"][mine].astype(int), records["last_use"][mine]


def judge(truth: Truth, lab: Laboratory, cgroup: int, page: int) -> None:
    """The page is about to be referenced: if it is in a tier, how late, and what by recency?"""
    pages, tiers, uses = entries(lab, cgroup)
    if page not in pages:
        return
    here = int(np.flatnonzero(pages == page)[0])
    faster = uses[tiers < tiers[here]]
    if len(faster):
        truth.late.append(float((faster < uses[here]).mean()))
    newer = int((uses > uses[here]).sum())
    bounds = np.cumsum([int((tiers == tier).sum()) for tier in range(3)])
    ideal = min(int(np.searchsorted(bounds, newer, side="right")), 2)
    truth.excess.append(SERVICE_NS[int(tiers[here])] - SERVICE_NS[ideal])


def brute_pairs(tiers: Any, uses: Any) -> float | None:
    wrong = total = 0.0
    for i in range(len(tiers)):
        for j in range(len(tiers)):
            if tiers[i] < tiers[j]:
                total += 1
                wrong += 1 if uses[j] > uses[i] else 0.5 if uses[j] == uses[i] else 0
    return wrong / total if total else None


def stepped(lab: Laboratory) -> Iterator[tuple[int, int]]:
    """Before each reference: its page and its cgroup."""
    feed = OrderedFeed(lab.references, lab.lab)
    lab._until = lab._next_sample = 1 << 62
    lab._set_stop()
    lab.lab.warm = 1
    for done, packed in enumerate(np.concatenate(list(lab.references.chunks())).tolist()):
        page = packed & PAGE_MASK
        yield page, int(lab.lab.workloads[0 if page < lab.references.first_page[1] else 1].cgroup)
        for chunk, end in feed.up_to(done + 1):
            assert lab._replay(feed, chunk, end)


@pytest.mark.parametrize("variant", ["overflow", "lru", "chance", "skip"])
@pytest.mark.parametrize("pattern", ["zipf", "mixed"])
def test_against_brute_force(tmp_path: Path, variant: str, pattern: str) -> None:
    """A tree that is not kept up to date with one kind of move, or counts a page against itself, drifts off the truth."""
    draw = random.Random(7)
    for name, pages, count in (("a", 900, 2500), ("b", 400, 1200)):
        trace = PATTERNS[pattern](draw, pages, count)
        write_trace(tmp_path / f"{name}.u32", [(page, draw.random() < 0.2) for page in trace])
    (tmp_path / "experiment.yaml").write_text(TIERS)
    experiment = load_experiment(tmp_path / "experiment.yaml")
    with Laboratory(experiment.variants[variant], tmp_path) as lab:
        assert lab.recency is not None
        truth = {cgroup: Truth() for cgroup in lab.tree.paths.values()}
        for step, (page, cgroup) in enumerate(stepped(lab)):
            judge(truth[cgroup], lab, cgroup, page)
            if step % 700 == 650:
                for path in ("/a", "/b"):
                    _, tiers, uses = entries(lab, lab.tree.paths[path])
                    assert lab.recency.now()[path] == pytest.approx(brute_pairs(tiers, uses), abs=1e-9)
        result = outcome_of(lab, 0.0)
        for path in ("/a", "/b"):
            own, expected = result.inversion.by_cgroup[path], truth[lab.tree.paths[path]]
            assert len(expected.late) > 100
            assert own.late_faults == pytest.approx(np.mean(expected.late))
            assert own.late_any == pytest.approx(np.mean([late > 0 for late in expected.late]))
            assert own.excess_latency_ns == pytest.approx(np.mean(expected.excess))
            _, tiers, uses = entries(lab, lab.tree.paths[path])
            assert own.pairs == pytest.approx(brute_pairs(tiers, uses), abs=1e-9)
        everybody = [entries(lab, lab.tree.paths[path])[1:] for path in ("/a", "/b")]
        tiers, uses = (np.concatenate([each[i] for each in everybody]) for i in (0, 1))
        assert result.inversion.all_entries.pairs == pytest.approx(brute_pairs(tiers, uses), abs=1e-9)
        mean = np.mean([result.inversion.by_cgroup[path].late_faults for path in ("/a", "/b")])
        assert result.inversion.late_faults == pytest.approx(mean)
        if variant == "lru":
            assert result.inversion.pairs == 0


@pytest.mark.parametrize("seed", range(20))
def test_pairs_of_with_ties(seed: int) -> None:
    """The library's own count, by sorting, against all pairs; equal last uses count half."""
    draw = np.random.default_rng(seed)
    tiers, uses = draw.integers(0, 4, 60), draw.integers(0, 12, 60)
    pairs, by_tiers = pairs_of(tiers, uses, ["a", "b", "c", "d"])
    assert pairs == pytest.approx(brute_pairs(tiers, uses))
    for fast, slow in ((0, 1), (1, 3)):
        both = (tiers == fast) | (tiers == slow)
        assert by_tiers[f"{'abcd'[fast]}>{'abcd'[slow]}"] == pytest.approx(brute_pairs(tiers[both], uses[both]))


def test_pairs_of_nothing() -> None:
    """One tier alone has no pairs: that is no inversion of 0, it is nothing to measure."""
    assert pairs_of(np.zeros(5, int), np.arange(5), ["a", "b"]) == (None, {})
