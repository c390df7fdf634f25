"""A run that is watched: what is seen always balances, and the run does not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import swaptiers as st
from swaptiers.experiment.glimpse import Glimpse, Moment
from swaptiers.experiment.metrics import RunMetrics
from swaptiers.experiment.watching import EVERY_S, Watcher
from tests.experiment.configs import SMALL, numbers, run_text
from tests.metrics.exposed import check_with_promtool, needs_prometheus, samples_of, value


def check_balance(glimpse: Glimpse) -> None:
    """What only holds between two references."""
    counters = glimpse.system.counters
    cgroups = counters.cgroups.values()
    assert sum(c.hits + c.faults + c.first_touches for c in cgroups) == sum(c.refs for c in cgroups) == glimpse.refs
    stores = counters.zero["stores"] + sum(t.stores for t in counters.tiers.values())
    loads = counters.zero["loads"] + sum(t.loads for t in counters.tiers.values())
    assert loads == glimpse.faults == sum(int(each.sum()) for each in glimpse.latencies.values())
    assert stores - loads == counters.entries
    assert sum(t.entries for t in counters.tiers.values()) + counters.zero["entries"] == counters.entries
    assert sum(c.stall_ns for c in cgroups) == glimpse.stall_ns


@pytest.mark.parametrize("sets", [["run.payload=sizes"], ["run.interleave=time"]])
def test_every_moment_balances(tmp_path: Path, sets: list[str]) -> None:
    """A look in the middle of a fault would count a load whose page is nowhere; a watcher that is never called sees nothing."""
    seen: list[Glimpse] = []
    overs: list[tuple[str, bool]] = []

    def watch(moment: Moment) -> None:
        seen.append(moment.glimpse())
        overs.append((moment.variant, moment.is_over))

    watched = run_text(tmp_path, SMALL, *sets, variants=["demotion"], watch=watch)
    for glimpse in seen:
        check_balance(glimpse)
    assert len(seen) > 20
    assert [glimpse.now_ns for glimpse in seen] == sorted(glimpse.now_ns for glimpse in seen)
    assert overs == [("demotion", False)] * (len(seen) - 1) + [("demotion", True)]
    result = watched.variants["demotion"]
    assert seen[-1].system.counters.tiers == result.tiers
    assert seen[-1].system.counters.edges == result.edges
    assert seen[-1].system.counters.cgroups == result.cgroups
    assert seen[-1].refs == seen[-1].total == result.refs
    assert numbers(result) == numbers(run_text(tmp_path, SMALL, *sets, variants=["demotion"]).variants["demotion"])


def test_what_a_scrape_says_at_the_end(tmp_path: Path) -> None:
    """Variants and repetitions apart; seconds, not nanoseconds; a histogram whose classes add up."""
    board = RunMetrics()
    result = run_text(tmp_path, SMALL, "run.payload=sizes", "run.repeat=2", watch=Watcher([board.post]))
    found = samples_of(board.collector().text())
    for variant, runs in result.runs.items():
        for repetition, run in enumerate(runs):
            labels = {"variant": variant, "repetition": str(repetition)}
            assert value(found, "swaptiers_run_references_total", **labels) == run.refs
            assert value(found, "swaptiers_run_stall_seconds_total", **labels) == run.time.stall_s
            assert value(found, "swaptiers_run_virtual_seconds_total", **labels) == run.time.virtual_s
            for tier, t in run.tiers.items():
                assert value(found, "swaptiers_tier_loads_total", tier=tier, **labels) == t.loads
            for path, histogram in run.latencies.items():
                name, own = "swaptiers_run_fault_latency_seconds", {**labels, "cgroup": path}
                assert value(found, f"{name}_count", **own) == run.cgroups[path].faults > 0
                assert value(found, f"{name}_sum", **own) == run.cgroups[path].fault_ns / 1e9
                below = {
                    key: number
                    for key, number in found.items()
                    if key[0] == f"{name}_bucket" and own.items() <= dict(key[1]).items()
                }
                for (_, bucket), number in below.items():
                    bound = float(dict(bucket)["le"]) * 1e9
                    assert number == sum(
                        count
                        for top, count in zip(histogram.to_ns, histogram.faults, strict=True)
                        if top - 1 <= bound + 0.5
                    )
    assert value(found, "swaptiers_run_inverted_pairs_ratio", variant="demotion", repetition="0", cgroup="/web") < 0.5


@needs_prometheus
def test_promtool_has_nothing_to_say_about_a_run(tmp_path: Path) -> None:
    """The families that only a run has, and its labels, as Prometheus wants them."""
    board = RunMetrics()
    run_text(tmp_path, SMALL, "run.payload=sizes", variants=["demotion"], watch=Watcher([board.post]))
    check_with_promtool(board.collector().text())


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_watching_has_its_price() -> None:
    """Four looks a second at most, half a hundredth of the time at most; the first at once, the last whatever the time."""
    clock = _Clock()
    looks: list[float] = []
    price = 0.0

    def view(moment: Moment, glimpse: Any) -> None:
        looks.append(clock.now)
        clock.now += price

    watcher = Watcher([view], clock)
    going: Any = Moment("it", 0, False, lambda: None)
    while clock.now < 10:
        watcher(going)
        clock.now += 0.01
    assert looks[0] == 0
    assert len(looks) == pytest.approx(10 / EVERY_S, abs=3)
    price = 0.02
    looks.clear()
    started = clock.now
    while clock.now < started + 100:
        watcher(going)
        clock.now += 0.01
    assert len(looks) * price <= 0.0055 * (clock.now - started)
    assert len(looks) > 10
    looks.clear()
    watcher(Moment("it", 0, True, going.glimpse))
    assert len(looks) == 1


def test_no_watching_of_other_processes(tmp_path: Path) -> None:
    """With jobs the runs are elsewhere: their results are the same, and nobody is called with half of them."""
    seen: list[Moment] = []
    result = run_text(
        tmp_path, SMALL, "run.payload=sizes", variants=["overflow", "demotion"], jobs=2, watch=seen.append
    )
    assert not seen
    assert set(result.variants) == {"overflow", "demotion"}
    assert isinstance(result, st.ExperimentResult)
