"""Counters that can disagree with each other, and must not; and pages that must come back as they went."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL, run_text

from swaptiers.experiment.results import ExperimentResult, VariantResult


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ExperimentResult:
    return run_text(tmp_path_factory.mktemp("identities"), SMALL)


@pytest.fixture(params=["overflow", "kernel", "demotion"])
def variant(request: pytest.FixtureRequest, result: ExperimentResult) -> VariantResult:
    return result.variants[request.param]


def test_every_reference_is_counted_once(variant: VariantResult) -> None:
    """A reference that is no hit is a first touch or a fault, and a fault is one load from one place."""
    assert variant.hits + variant.faults + variant.first_touches == variant.refs == 23_000
    loads = sum(tier.loads for tier in variant.tiers.values()) + variant.zero["loads"]
    assert loads == variant.faults == variant.swap_ins > 5000


def test_cgroups_add_up(variant: VariantResult) -> None:
    """What belongs to nobody, or to two, would show here."""
    each = variant.cgroups.values()
    for name in ("refs", "hits", "faults", "first_touches"):
        assert sum(getattr(cgroup, name) for cgroup in each) == getattr(variant, name)
    for cgroup in each:
        assert cgroup.hits + cgroup.faults + cgroup.first_touches == cgroup.refs
    zswap = variant.tiers["zswap"]
    slots = [variant.tiers[name] for name in ("ssd", "disk")]
    assert sum(cgroup.zswpout for cgroup in each) == zswap.stores
    assert sum(cgroup.zswpin for cgroup in each) == zswap.loads
    assert sum(cgroup.zswpwb for cgroup in each) == zswap.demoted_out
    assert sum(cgroup.pswpin for cgroup in each) == sum(tier.loads for tier in slots)
    moved = sum(tier.demoted_in for tier in slots)
    assert sum(cgroup.pswpout for cgroup in each) == sum(tier.stores for tier in slots) + moved


def test_tiers_hold_what_went_in_and_not_out(variant: VariantResult) -> None:
    """Entries and bytes in = out + held, for every tier."""
    for name, tier in variant.tiers.items():
        assert tier.stores + tier.demoted_in - tier.demoted_out - tier.loads == tier.entries, name
        assert tier.pool_bytes <= tier.peak_pool_bytes
        assert tier.logical_bytes == tier.entries * 4096
    for name in ("ssd", "disk"):
        tier = variant.tiers[name]
        assert tier.written_bytes == 4096 * (tier.stores + tier.demoted_in)
        assert tier.read_bytes == 4096 * (tier.loads + tier.demoted_out)
        assert tier.stored_bytes == tier.pool_bytes == tier.logical_bytes
    zswap = variant.tiers["zswap"]
    assert zswap.written_bytes - zswap.read_bytes == zswap.stored_bytes
    held = sum(tier.entries for tier in variant.tiers.values()) + variant.zero["entries"]
    assert variant.swap_outs - variant.swap_ins == held


def test_edges_and_tiers_agree(variant: VariantResult) -> None:
    """What left a tier along its edges arrived in others."""
    for name, tier in variant.tiers.items():
        leaving = [edge for key, edge in variant.edges.items() if key.startswith(f"{name}->")]
        arriving = [edge for key, edge in variant.edges.items() if key.endswith(f"->{name}")]
        assert sum(edge.entries for edge in leaving) == tier.demoted_out
        assert sum(edge.entries for edge in arriving) == tier.demoted_in
    for edge in variant.edges.values():
        assert sum(edge.by_trigger.values()) == edge.entries <= edge.scanned


def test_every_page_was_compared(variant: VariantResult) -> None:
    """A run whose pages were not looked at proves nothing."""
    integrity = variant.integrity
    assert integrity.verified == variant.swap_ins
    assert integrity.mismatched == integrity.lost == 0
    assert integrity.held_verified == sum(tier.entries for tier in variant.tiers.values())


def test_the_variants_did_what_they_say(result: ExperimentResult) -> None:
    """`overflow` moves nothing, `kernel` nothing below zswap; each trigger is the one that was asked for."""
    overflow, kernel, demotion = (result.variants[name] for name in ("overflow", "kernel", "demotion"))
    assert overflow.edges == {}
    assert overflow.inversion.bypass > 0
    assert set(kernel.edges["zswap->ssd"].by_trigger) == {"limit"}
    assert kernel.tiers["ssd"].demoted_out == 0
    assert set(demotion.edges["zswap->ssd"].by_trigger) == {"pressure", "watermark"}
    assert demotion.tiers["ssd"].demoted_out > 0
    assert demotion.inversion.bypass == 0
    assert demotion.inversion.pairs is not None
    assert overflow.inversion.pairs is not None
    assert demotion.inversion.pairs < overflow.inversion.pairs


def test_the_summary_has_its_keys(result: ExperimentResult) -> None:
    """Scripts read these; a renamed key breaks them without a word."""
    whole = result.to_json()
    assert set(whole) == {"schema", "config", "seed", "versions", "variants"}
    assert whole["schema"] == 1
    assert {"swaptiers", "numpy", "numba", "lz4", "zstandard", "python", "machine"} <= set(whole["versions"])
    one = whole["variants"]["demotion"]
    assert set(one) == {
        "refs", "hits", "faults", "first_touches", "swap_outs", "swap_ins", "tiers", "zero", "edges", "cgroups", "inversion",
        "ram_bytes", "fault_latency_ns", "fairness", "time", "integrity", "actions", "controllers", "seed",
    }  # fmt: skip
    assert {"stores", "loads", "demoted_in", "demoted_out", "entries", "logical_bytes", "stored_bytes", "pool_bytes",
            "peak_pool_bytes", "read_bytes", "written_bytes", "refused"} <= set(one["tiers"]["zswap"])  # fmt: skip
    assert {"entries", "freed_bytes", "written_bytes", "scanned", "rotated", "backpressure", "by_trigger"} <= set(
        one["edges"]["zswap->ssd"]
    )
    assert {"pairs", "late_faults", "late_any", "bypass", "excess_latency_ns", "by_cgroup", "global"} <= set(
        one["inversion"]
    )
    assert set(one["fault_latency_ns"]) == {"mean", "p50", "p99", "p999"}
    assert set(one["fairness"]) == {"space", "latency", "worst", "by_cgroup"}
    assert set(one["fairness"]["worst"]) == {"cgroup", "mean", "p99"}
    for part in one["fairness"]["by_cgroup"].values():
        assert set(part) == {"tier_bytes", "fault_latency_ns"}
        assert set(part["tier_bytes"]) == {"zswap", "ssd", "disk"}
        assert set(part["fault_latency_ns"]) == {"mean", "p50", "p99", "p999"}
    assert set(one["time"]) == {"virtual_s", "stall_s", "wall_s"}
    assert {"verified", "mismatched", "lost"} <= set(one["integrity"])
    assert whole["config"]["demotion"]["tiers"]["zswap"]["max_pool"] == "1M"


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """Tier files are gone after a run, with a path and without."""
    run_text(tmp_path, SMALL, "tiers.ssd.path=ssd.img", "workloads.0.refs=5000", variants=["demotion"])
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.yaml"]
