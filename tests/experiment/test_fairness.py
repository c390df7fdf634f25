"""Who had how much of the fast tier, and who waited: per cgroup, against numpy, and Jain's index against its definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configs import SMALL, run_text
from hypothesis import given
from hypothesis import strategies as some

from swaptiers.experiment import series as series_module
from swaptiers.experiment.fairness import jains_index
from swaptiers.experiment.results import VariantResult

SECOND_OF_WEB = "  - {cgroup: /web, kind: scan, pages: 500, passes: 3}\nrun:"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> VariantResult:
    """A run with a row of samples per reference: what every single fault took can be read off it."""
    text = SMALL.replace("refs: 20000", "refs: 6000").replace("run:", SECOND_OF_WEB)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series_module.Recorder.__init__, "__defaults__", (1 << 20,))
        sets = ["run.sample=1ns", "run.payload=sizes"]
        return run_text(tmp_path_factory.mktemp("fair"), text, *sets, variants=["kernel"]).variants["kernel"]


def column(result: VariantResult, name: str) -> Any:
    return np.array(result.series.column(name), np.int64)


@pytest.mark.parametrize("path", ["/web", "/batch"])
def test_percentiles_are_of_the_cgroups_own_faults(watched: VariantResult, path: str) -> None:
    """Faults of another workload in the histogram, or one of two workloads left out, would move a percentile or the mean."""
    faults, waited = (column(watched, f"cgroup.{path}.{name}") for name in ("faults", "fault_ns"))
    assert set(np.diff(faults).tolist()) == {0, 1}
    took = np.diff(waited)[np.diff(faults) == 1]
    assert len(took) == watched.cgroups[path].faults > 500
    latency = watched.fairness.by_cgroup[path].fault_latency_ns
    assert latency.mean == pytest.approx(took.mean())
    for name, share in (("p50", 50), ("p99", 99), ("p999", 99.9)):
        exact = int(np.percentile(took, share, method="inverted_cdf"))
        kept = getattr(latency, name)
        assert kept <= exact <= kept * (1 + 1 / 64), name


def test_the_total_is_over_all(watched: VariantResult) -> None:
    """Kept per workload, the whole run's latency is still that of all faults together."""
    took = np.diff(column(watched, "fault_ns"))[np.diff(column(watched, "faults")) == 1]
    exact = int(np.percentile(took, 99, method="inverted_cdf"))
    assert watched.fault_latency_ns.mean == pytest.approx(took.mean())
    assert watched.fault_latency_ns.p99 is not None
    assert watched.fault_latency_ns.p99 <= exact <= watched.fault_latency_ns.p99 * (1 + 1 / 64)


def test_space_is_averaged_after_the_warmup(watched: VariantResult) -> None:
    """The samples of the warm-up, the last row of the series, or another tier's bytes would change the mean."""
    warm = column(watched, "refs")[:-1] >= watched.refs // 10
    parts = watched.fairness.by_cgroup
    assert 0 < warm.sum() < len(warm)
    for path, part in parts.items():
        held = column(watched, f"cgroup.{path}.zswap_bytes")[:-1][warm]
        assert part.tier_bytes["zswap"] == pytest.approx(held.mean())
        slots = column(watched, f"cgroup.{path}.swap_bytes")[:-1][warm]
        assert part.tier_bytes["ssd"] + part.tier_bytes["disk"] == pytest.approx(slots.mean())
    space = [part.tier_bytes["zswap"] for part in parts.values()]
    assert watched.fairness.space == pytest.approx(sum(space) ** 2 / (2 * sum(x * x for x in space)))


def test_the_worst_is_named(watched: VariantResult) -> None:
    """The one with the higher p99, with its own figures."""
    fairness = watched.fairness
    worst = max(fairness.by_cgroup, key=lambda path: fairness.by_cgroup[path].fault_latency_ns.p99 or 0)
    latency = fairness.by_cgroup[worst].fault_latency_ns
    assert fairness.worst is not None
    assert (fairness.worst.cgroup, fairness.worst.p99, fairness.worst.mean) == (worst, latency.p99, latency.mean)
    means = [part.fault_latency_ns.mean or 0 for part in fairness.by_cgroup.values()]
    assert fairness.latency == pytest.approx(jains_index(means))


def test_a_run_without_faults_or_samples(tmp_path: Path) -> None:
    """Nobody waited: no worst, no index of it; without a sample the end counts, and an empty tier has no index."""
    sets = ["run.payload=sizes", "run.sample=1h", "cgroups./web.memory.max=max", "cgroups./batch.memory.max=max"]
    fairness = run_text(tmp_path, SMALL, *sets, variants=["demotion"]).variants["demotion"].fairness
    assert (fairness.space, fairness.latency, fairness.worst) == (None, None, None)
    kept = [*sets[:2], "workloads.0.refs=5000"]
    result = run_text(tmp_path, SMALL, *kept, variants=["demotion"]).variants["demotion"]
    for path, part in result.fairness.by_cgroup.items():
        assert part.tier_bytes["zswap"] == result.cgroups[path].zswap_bytes
        assert part.tier_bytes["ssd"] + part.tier_bytes["disk"] == result.cgroups[path].swap_bytes > 0


amounts = some.lists(some.one_of(some.just(0), some.integers(1, 10**12)), min_size=1, max_size=20)


@given(amounts)
def test_jains_index(held: list[int]) -> None:
    """The square of the mean over the mean of the squares: 1 for equal parts, 1/n where one has it all, whatever the unit."""
    index = jains_index(held)
    if not any(held):
        assert index is None
        return
    assert index == pytest.approx(np.mean(held) ** 2 / np.mean(np.square(np.array(held, float))))
    assert 1 / len(held) - 1e-9 <= index <= 1 + 1e-9
    assert jains_index([3 * each for each in held]) == pytest.approx(index)
    assert jains_index([7] * len(held)) == 1
    assert jains_index([5, *[0] * (len(held) - 1)]) == pytest.approx(1 / len(held))
