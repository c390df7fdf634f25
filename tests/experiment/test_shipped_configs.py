"""The configs that are shipped show what they are shipped for."""

from __future__ import annotations

from pathlib import Path

import pytest

import swaptiers as st

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("config", ["tiers.yaml", "examples/loop.yaml", "swaptiers/cli/starter.yaml"])
def test_demotion_by_last_use_does_not_invert(config: str) -> None:
    """Under `lru`, no cgroup has more inversion with demotion than without, whatever else it costs."""
    variants = st.run(ROOT / config, sets=["run.payload=sizes", "run.inversion=exact"]).variants
    demotion = variants.pop("demotion")
    assert variants
    compared = 0
    for name, other in variants.items():
        for path, own in demotion.inversion.by_cgroup.items():
            before = other.inversion.by_cgroup[path]
            for figure in ("pairs", "late_faults"):
                now, then = getattr(own, figure), getattr(before, figure)
                if now is not None and then is not None:
                    assert now <= then, (name, path, figure)
                    compared += 1
    assert compared >= 2


def test_the_loop_is_where_demotion_loses() -> None:
    """Recency is the wrong order there: slower, with less inversion, and excess latency below 0 says so beforehand."""
    variants = st.run(ROOT / "examples/loop.yaml", sets=["run.payload=sizes"]).variants
    overflow, demotion = variants["overflow"], variants["demotion"]
    assert demotion.fault_latency_ns.mean is not None
    assert overflow.fault_latency_ns.mean is not None
    assert demotion.fault_latency_ns.mean > overflow.fault_latency_ns.mean
    assert demotion.inversion.pairs is not None
    assert overflow.inversion.pairs is not None
    assert demotion.inversion.pairs < overflow.inversion.pairs
    assert overflow.inversion.excess_latency_ns is not None
    assert overflow.inversion.excess_latency_ns < 0
