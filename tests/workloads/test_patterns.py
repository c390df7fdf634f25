"""Uniform, phases, sequence, drift and start: which pages are referenced, and when."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from swaptiers.workloads.source import PAGE_MASK, WORKLOAD_SHIFT, WRITE
from swaptiers.workloads.specs import (
    AnyWorkloadSpec,
    PhasesPattern,
    PhasesSpec,
    ScanPattern,
    ScanSpec,
    SequenceSpec,
    Start,
    UniformPattern,
    UniformSpec,
    ZipfPattern,
    ZipfSpec,
)
from swaptiers.workloads.streams import References

HERE = Path()


def references(*specs: AnyWorkloadSpec, seed: int = 1, size: int = 1000) -> Any:
    return np.concatenate(list(References(specs, seed, HERE).chunks(size)))


def test_uniform_is_uniform() -> None:
    """A biased draw would favour the low pages; every count must be within five standard deviations."""
    pages = references(UniformSpec(cgroup="/", pages=1000, refs=1_000_000), size=65536) & PAGE_MASK
    counts = np.bincount(pages, minlength=1000)
    assert len(counts) == 1000
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000)


@pytest.mark.parametrize("spec", [UniformSpec, ZipfSpec])
def test_writes_are_as_many_as_asked(spec: Any) -> None:
    """A write bit taken from the bits that choose the page would make hot pages written more often."""
    packed = references(spec(cgroup="/", pages=100, refs=200_000, writes="20%"))
    written = (packed & WRITE) != 0
    assert written.mean() == pytest.approx(0.2, abs=0.01)
    low = (packed & PAGE_MASK) < 50
    assert written[low].mean() == pytest.approx(0.2, abs=0.015)


def test_a_phase_stays_in_its_working_set() -> None:
    """Within a phase only the working set is referenced; at its end just the share `replace` of it changes."""
    spec = PhasesSpec(cgroup="/", pages=5000, refs=300_000, working_set=200, phase=20_000, replace="25%")
    pages = (references(spec) & PAGE_MASK).reshape(15, 20_000)
    sets = [set(phase.tolist()) for phase in pages]
    assert all(len(each) == 200 for each in sets)
    assert [len(a & b) for a, b in itertools.pairwise(sets)] == [150] * 14
    assert len(set.union(*sets)) > 700


def test_a_phase_that_cannot_be_replaced_whole() -> None:
    """More to replace than there are other pages: as many as there are."""
    spec = PhasesSpec(cgroup="/", pages=110, refs=10_000, working_set=100, phase=5000, replace="50%")
    first, second = (references(spec) & PAGE_MASK).reshape(2, 5000)
    assert len(set(first.tolist()) & set(second.tolist())) == 90
    with pytest.raises(ValueError, match="working_set"):
        PhasesSpec(cgroup="/", pages=10, refs=1, working_set=11, phase=1)


def test_a_sequence_is_its_steps_one_after_the_other() -> None:
    """Steps share the pages, and each has random numbers of its own."""
    steps = (ScanPattern(pages=50), UniformPattern(pages=20, refs=500), UniformPattern(pages=20, refs=500))
    pages = references(SequenceSpec(cgroup="/", steps=steps)) & PAGE_MASK
    assert pages[:50].tolist() == list(range(50))
    assert pages.size == 1050
    assert pages[50:].max() == 19
    assert pages[50:550].tolist() != pages[550:].tolist()
    with pytest.raises(ValueError, match="at least one"):
        SequenceSpec(cgroup="/", steps=())


@pytest.mark.parametrize("drift", [0.01, 0.3, 1.0])
def test_drift_renames_as_many_pages_as_it_says(drift: float) -> None:
    """A scan's second pass meets the pages in another order: e^-drift of them are where they were."""
    pages = 20_000
    spec = ScanSpec(cgroup="/", pages=pages, passes=3, drift=drift)
    first, second, third = (references(spec) & PAGE_MASK).reshape(3, pages)
    still = float((second == third).mean())
    assert still == pytest.approx(np.exp(-drift), abs=0.02)
    assert float((first == np.arange(pages)).mean()) > still - 0.02


def test_drift_keeps_zipf_weights() -> None:
    """Whoever is popular, popularity has the same shape: the sorted counts of two halves agree."""
    spec = ZipfSpec(cgroup="/", pages=2000, refs=400_000, drift="1%")
    halves = (references(spec) & PAGE_MASK).reshape(2, 200_000)
    top = [np.sort(np.bincount(half, minlength=2000))[::-1][:5].sum() / 200_000 for half in halves]
    assert top[0] == pytest.approx(top[1], abs=0.02)


@given(size=some.integers(1, 700), drift=some.sampled_from([0.0, 0.5]))
def test_chunks_change_nothing(size: int, drift: float) -> None:
    """A pattern whose state depended on how many references are taken at a time would not be repeatable."""
    specs: list[AnyWorkloadSpec] = [
        UniformSpec(cgroup="/a", pages=100, refs=300, drift=drift),
        PhasesSpec(cgroup="/b", pages=100, refs=400, working_set=10, phase=37, drift=drift),
        SequenceSpec(
            cgroup="/c",
            steps=(ZipfPattern(pages=9, refs=100), PhasesPattern(pages=30, refs=77, working_set=5, phase=9)),
        ),
    ]
    assert np.array_equal(references(*specs, size=size), references(*specs))


def test_a_start_delays_and_all_end_together() -> None:
    """Without rates, a workload that starts late is denser, and nothing of it comes before its start."""
    late = ScanSpec(cgroup="/b", pages=1000, start="50%")
    order = references(ScanSpec(cgroup="/a", pages=1000), late) >> WORKLOAD_SHIFT
    first = int(np.flatnonzero(order == 1)[0])
    assert first == pytest.approx(500, abs=2)
    assert {int(each) for each in order[-4:]} == {0, 1}


def test_a_start_with_rates() -> None:
    """The start is a share of the time until the last workload ends: here 1000 / 10 = 100 units, so 20 of them."""
    fast = ScanSpec(cgroup="/a", pages=1000, rate=10)
    order = references(fast, ScanSpec(cgroup="/b", pages=10, rate=10, start="20%")) >> WORKLOAD_SHIFT
    assert int(np.flatnonzero(order == 1)[0]) == pytest.approx(200, abs=2)


@pytest.mark.parametrize("value", ["100%", "99.5%", "-1s", 5, "soon", None, True])
def test_a_start_that_is_none(value: Any) -> None:
    """A number without a unit could be references or nanoseconds."""
    with pytest.raises(ValueError, match=r"start|duration|percentage"):
        Start.parse(value)


@pytest.mark.parametrize("value", ["20%", "2s", "1500us", 0])
def test_a_start_is_written_as_it_is_read(value: Any) -> None:
    """`check` prints it and must print the same moment."""
    assert Start.parse(Start.parse(value).written()) == Start.parse(value)


def test_own_references_are_those_of_the_merged_stream() -> None:
    """The replay by time takes each workload's references from its own cursor: they must be the same ones."""
    specs = [ScanSpec(cgroup="/a", pages=70, drift="50%", passes=3), UniformSpec(cgroup="/b", pages=9, refs=100)]
    all_of_them = References(specs, 5, HERE)
    merged = np.concatenate(list(all_of_them.chunks(64)))
    for index, cursor in enumerate(all_of_them.cursors()):
        own = merged[merged >> WORKLOAD_SHIFT == index]
        assert np.array_equal(np.concatenate([cursor.take(7), cursor.take(own.size - 7)]), own)
