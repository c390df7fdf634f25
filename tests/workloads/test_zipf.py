"""Zipf workloads: frequencies as the law has them, and popularity that wanders as fast as it is told to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swaptiers.workloads.source import PAGE_MASK, WRITE, Int64s
from swaptiers.workloads.specs import ZipfSpec
from swaptiers.workloads.streams import References
from swaptiers.workloads.zipf import DRAW_BITS, ZipfSource, cumulative


def drawn(spec: ZipfSpec, seed: int = 42) -> Int64s:
    return np.concatenate(list(References([spec], seed, Path()).chunks()))


def popular(references: Int64s, count: int) -> set[int]:
    return set(np.argsort(-np.bincount(references & PAGE_MASK))[:count].tolist())


@pytest.mark.parametrize("alpha", [0.0, 0.6, 0.9, 1.0, 1.4, 5.0])
@pytest.mark.parametrize("pages", [1, 2, 3, 1000, 1024])
def test_frequencies(alpha: float, pages: int) -> None:
    refs = 200_000
    spec = ZipfSpec(cgroup="/", pages=pages, refs=refs, alpha=alpha)
    counts = np.bincount(drawn(spec) & PAGE_MASK, minlength=pages)[ZipfSource.make(spec, 42, 0).ranking]
    weights = np.arange(1, pages + 1) ** -alpha
    wanted = refs * weights / weights.sum()
    often = wanted > 20
    chi_square = float(((counts - wanted)[often] ** 2 / wanted[often]).sum())
    freedom = int(often.sum())
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5
    assert abs(int(counts[~often].sum()) - wanted[~often].sum()) < 5 * max(1.0, wanted[~often].sum()) ** 0.5


@pytest.mark.parametrize("pages", [1, 2, 7, 1000, 100_000])
def test_the_guide_never_starts_too_late(pages: int) -> None:
    source = ZipfSource.make(ZipfSpec(cgroup="/", pages=pages, refs=1, alpha=1.1), 1, 0)
    points = np.arange(len(source.guide)) << source.guide_shift
    assert np.array_equal(source.guide, np.searchsorted(source.bounds, points, side="right"))
    assert (np.diff(source.bounds) >= 0).all()
    assert source.bounds[-1] == 1 << DRAW_BITS
    assert sorted(source.ranking.tolist()) == list(range(pages))


def test_cumulative_weights_are_those_of_the_law() -> None:
    assert (cumulative(3, 1.0) / (1 << DRAW_BITS)).tolist() == pytest.approx([6 / 11, 9 / 11, 1], abs=1e-12)


def test_popular_pages_are_scattered() -> None:
    top = popular(drawn(ZipfSpec(cgroup="/", pages=10_000, refs=200_000, alpha=1.0)), 100)
    assert 3500 < sum(top) / len(top) < 6500


def test_writes() -> None:
    found = drawn(ZipfSpec(cgroup="/", pages=1000, refs=100_000, writes="20%"))
    written = (found & WRITE) > 0
    assert 0.195 < written.mean() < 0.205
    first = found & PAGE_MASK == np.bincount(found & PAGE_MASK).argmax()
    assert 0.18 < written[first].mean() < 0.22


def test_without_drift_the_top_stays() -> None:
    found = drawn(ZipfSpec(cgroup="/", pages=2000, refs=400_000, alpha=1.2))
    assert len(popular(found[:100_000], 50) & popular(found[-100_000:], 50)) > 42


def test_drift_changes_the_top_slowly() -> None:
    """2 % of the ranking per 2,000 references: after 25 such steps about e^-0.5 of the top is still there."""
    found = drawn(ZipfSpec(cgroup="/", pages=2000, refs=400_000, alpha=1.2, drift="2%"))
    start = popular(found[:10_000], 50)
    kept = [len(start & popular(found[at : at + 10_000], 50)) for at in (10_000, 50_000, 390_000)]
    assert kept[0] > kept[1] > kept[2]
    assert 20 < kept[1] < 45
    assert kept[2] < 12
