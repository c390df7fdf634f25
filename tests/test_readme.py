"""The README's own code: what it shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import swaptiers as st
from swaptiers.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def test_the_python(clone: Path) -> None:
    """The API in one screen, as it is printed there."""
    exec(compile(block("python"), "README.md", "exec"), {})


def test_the_yaml(clone: Path) -> None:
    """The config in one screen: valid, and it runs."""
    (clone / "readme.yaml").write_text(block("yaml"))
    main(["check", "--quiet", "readme.yaml"])
    main(["run", "--quiet", "readme.yaml", "--set", "run.payload=sizes", "--set", "workloads.0.refs=50000"])


def test_the_commands() -> None:
    """Every command and option that it names exists."""
    named = set(
        re.findall(r"swaptiers (run|check|graph|init|[a-z]+) ", " ".join(re.findall(r"`(swaptiers [^`]+)`", README)))
    )
    assert named <= set(COMMANDS)
    assert named
    for path in re.findall(r"`(docs/[\w./]+|[A-Z]+\.md|tiers\.yaml|examples/[\w./]+)`", README):
        assert (ROOT / path).exists(), path


def test_its_claims_hold(clone: Path) -> None:
    """Three times faster, twice the bytes, and the loop that loses: what the README says in words, from runs."""
    tiers = st.run("tiers.yaml", sets=["run.payload=sizes"]).variants
    overflow, demotion = tiers["overflow"], tiers["demotion"]
    assert overflow.fault_latency_ns.mean is not None
    assert demotion.fault_latency_ns.mean is not None
    assert overflow.fault_latency_ns.mean > 3 * demotion.fault_latency_ns.mean
    assert demotion.tiers["ssd"].written_bytes > 2 * overflow.tiers["ssd"].written_bytes
    assert demotion.inversion.pairs == 0
    for figure in ("faults", "swap_ins"):
        assert 150_000 <= getattr(demotion, figure) <= 250_000
    held = sum(overflow.tiers[name].peak_pool_bytes for name in ("zswap", "ssd"))
    assert sum(tier.logical_bytes for tier in overflow.tiers.values()) >= 2 * held
    loop = st.run("examples/loop.yaml", sets=["run.payload=sizes"]).variants
    assert loop["overflow"].fault_latency_ns.mean is not None
    assert loop["demotion"].fault_latency_ns.mean is not None
    assert loop["demotion"].fault_latency_ns.mean > 3 * loop["overflow"].fault_latency_ns.mean
