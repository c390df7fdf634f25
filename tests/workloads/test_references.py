"""The order over all workloads: known answers, shares by rate, the same again, whatever the chunks."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swaptiers.errors import ConfigError
from swaptiers.workloads.interleave import phases
from swaptiers.workloads.source import PAGE_MASK, WORKLOAD_SHIFT, WRITE, Int64s
from swaptiers.workloads.specs import AnyWorkloadSpec, ScanSpec, ZipfSpec
from swaptiers.workloads.streams import References

HERE = Path()
THREE: tuple[AnyWorkloadSpec, ...] = (
    ZipfSpec(cgroup="/a", pages=50, refs=700, drift=0.5, writes=0.3),
    ScanSpec(cgroup="/b", pages=40, passes=3, rate=2.5, writes=0.5),
    ZipfSpec(cgroup="/a", pages=1, refs=90, rate=1.0),
)


def everything(references: References, size: int = 65536) -> Int64s:
    return np.concatenate([np.empty(0, np.int64), *references.chunks(size)])


def scans(*terms: tuple[int, float | None]) -> References:
    return References([ScanSpec(cgroup="/", pages=pages, rate=rate) for pages, rate in terms], 7, HERE)


def test_known_order() -> None:
    references = scans((3, 1.0), (6, 2.0), (4, 0.5))
    found = everything(references)
    assert references.first_page.tolist() == [0, 3, 9, 13]
    assert references.per_workload == (3, 6, 4)
    assert references.total == 13
    assert phases(7, 3).tolist() == [0.6250958442687988, 0.7701411247253418, 0.27796983718872070]
    assert (found >> WORKLOAD_SHIFT).tolist() == [1, 2, 0, 1, 1, 0, 1, 1, 2, 0, 1, 2, 2]
    assert (found & PAGE_MASK).tolist() == [3, 9, 0, 4, 5, 1, 6, 7, 10, 2, 8, 11, 12]


def test_known_digest() -> None:
    """Raw integers don't change from one numpy to the next, so neither does this."""
    digest = hashlib.sha256(everything(References(THREE, 42, HERE)).astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "cb6b1b5c18af7826"


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from([None, 0.25, 0.3, 1.0, 3.0, 1e9])), max_size=5))
@settings(max_examples=60, deadline=None)
def test_order_is_by_exact_due_time(terms: list[tuple[int, float | None]]) -> None:
    """Against rational numbers: a rounded division may tie where the exact one doesn't, never swap."""
    found = everything(scans(*terms)) >> WORKLOAD_SHIFT
    phase = [Fraction(each) for each in phases(7, len(terms)).tolist()]
    rates = [Fraction(rate or pages) for pages, rate in terms]
    due = [(float((k + phase[w]) / rates[w]), w) for w, (pages, _) in enumerate(terms) for k in range(pages)]
    assert found.tolist() == [w for _, w in sorted(due)]


def test_by_default_all_end_together() -> None:
    found = everything(scans((9000, None), (300, None), (3000, None))) >> WORKLOAD_SHIFT
    for part in np.array_split(found, 10):
        assert np.abs(np.bincount(part, minlength=3) - [900, 30, 300]).max() <= 2


def test_shares_are_those_of_the_rates() -> None:
    found = everything(scans((9000, 3.0), (9000, 1.0), (9000, 6.0))) >> WORKLOAD_SHIFT
    assert np.abs(np.bincount(found[:10000], minlength=3) - [3000, 1000, 6000]).max() <= 3


def test_extreme_rates_lose_nothing() -> None:
    found = everything(scans((5, 5e-324), (5, 1e308), (5, float("inf")))) >> WORKLOAD_SHIFT
    assert np.bincount(found).tolist() == [5, 5, 5]


def test_each_call_starts_again() -> None:
    references = References(THREE, 3, HERE)
    first = references.chunks(100)
    next(first)
    second = everything(references)
    rest = np.concatenate(list(first))
    assert np.array_equal(second[100:], rest)
    assert np.array_equal(second, everything(References(THREE, 3, HERE)))
    assert not np.array_equal(second, everything(References(THREE, 4, HERE)))


@given(st.integers(1, 1200))
@settings(max_examples=25, deadline=None)
def test_chunk_size_changes_nothing(size: int) -> None:
    references = References(THREE, 3, HERE)
    chunks = list(references.chunks(size))
    assert {len(chunk) for chunk in chunks[:-1]} <= {size}
    assert np.array_equal(np.concatenate(chunks), everything(references))


@pytest.mark.parametrize("which", range(3))
def test_a_workload_is_the_same_alone(which: int) -> None:
    """Its own order in company is its order alone; what the others are changes nothing."""
    found = everything(References(THREE, 3, HERE))
    own = found[found >> WORKLOAD_SHIFT == which]
    company: list[AnyWorkloadSpec] = [ScanSpec(cgroup="/", pages=1)] * which
    alone = References([*company, THREE[which]], 3, HERE)
    solo = everything(alone)
    solo = solo[solo >> WORKLOAD_SHIFT == which]
    base = References(THREE, 3, HERE).first_page[which] - alone.first_page[which]
    assert np.array_equal(own, solo + base)


def test_workloads_draw_independently() -> None:
    spec = ZipfSpec(cgroup="/", pages=1000, refs=2000)
    references = References([spec, spec], 3, HERE)
    found = everything(references)
    one, two = (found[found >> WORKLOAD_SHIFT == w] & PAGE_MASK for w in range(2))
    assert (one == two - 1000).mean() < 0.05


def test_scan_is_in_order_and_writes_its_share() -> None:
    references = References([ScanSpec(cgroup="/", pages=1000, passes=20, writes=0.25)], 3, HERE)
    found = everything(references)
    assert np.array_equal(found & PAGE_MASK, np.tile(np.arange(1000), 20))
    assert 0.23 < ((found & WRITE) > 0).mean() < 0.27


@pytest.mark.parametrize(("writes", "wanted"), [(0.0, 0.0), (1.0, 1.0)])
def test_no_writes_and_only_writes(writes: float, wanted: float) -> None:
    specs: list[AnyWorkloadSpec] = [
        ScanSpec(cgroup="/", pages=100, writes=writes),
        ZipfSpec(cgroup="/", pages=100, refs=100, writes=writes),
    ]
    assert ((everything(References(specs, 3, HERE)) & WRITE) > 0).mean() == wanted


def test_nothing_to_do() -> None:
    assert References([], 1, HERE).total == 0
    assert list(References([], 1, HERE).chunks()) == []
    assert list(References([ZipfSpec(cgroup="/", pages=5, refs=0)], 1, HERE).chunks()) == []


def test_a_billion_references_start_at_once() -> None:
    references = scans((1 << 30, None), (1 << 30, None))
    assert references.total == 1 << 31
    assert len(next(references.chunks(1000))) == 1000


def test_too_many_pages() -> None:
    with pytest.raises(ConfigError, match="4294967296 pages together"):
        scans(*[(1 << 30, None)] * 4)


def test_too_many_references() -> None:
    with pytest.raises(ConfigError, match="references; at most"):
        References([ZipfSpec(cgroup="/", pages=5, refs=1 << 60)], 1, HERE)


def test_empty_chunks_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        scans((1, None)).chunks(0)
