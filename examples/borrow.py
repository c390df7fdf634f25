"""Strict limits or borrowing: who has the fast tier before, during and after bursts, and what both programs wait.

    python examples/borrow.py

The config is borrow.yaml; what the numbers say stands in docs/fairness.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import swaptiers as st

PATHS = ("/steady", "/bursty")
PHASES = {"before": 0, "burst": 60_000, "idle": 600_000, "burst again": 60_000}
"""References of /bursty in each, as the steps in borrow.yaml have them."""


def in_zswap(run: st.VariantResult) -> list[list[float]]:
    """Per phase what each cgroup has in zswap at its end, MiB."""
    done = run.series.column("cgroup./bursty.refs")
    held = [run.series.column(f"cgroup.{path}.zswap_bytes") for path in PATHS]
    last = [max(i for i, refs in enumerate(done) if (refs or 0) <= end) for end in accumulate(PHASES.values())]
    return [[(each[i] or 0) / 2**20 for each in held] for i in last]


def waited(run: st.VariantResult) -> list[float]:
    """Mean and 99th percentile of a fault, for each cgroup, in microseconds."""
    latencies = [run.fairness.by_cgroup[path].fault_latency_ns for path in PATHS]
    return [(each or 0) / 1e3 for latency in latencies for each in (latency.mean, latency.p99)]


def spread(values: Sequence[float]) -> str:
    """Mean over the seeds, and how far the furthest of them is from it."""
    mean = statistics.fmean(values)
    return f"{mean:5.1f} ±{max(abs(value - mean) for value in values):4.1f}"


def main(repeat: int = 3) -> None:
    """Run every variant with several seeds."""
    result = st.run(Path(__file__).with_name("borrow.yaml"), sets=[f"run.repeat={repeat}"])
    print(f"{'':12} {'zswap, MiB: /steady + /bursty at the end of':52} {'a fault takes, us':>36}")
    heads = "".join(f"{phase:>13}" for phase in PHASES)
    print(f"{'variant':12} {heads} {'/steady mean':>16} {'p99':>11} {'/bursty mean':>13} {'p99':>11}")
    for name, runs in result.runs.items():
        spaces = zip(*(in_zswap(run) for run in runs), strict=True)
        means = [[statistics.fmean(amounts) for amounts in zip(*phase, strict=True)] for phase in spaces]
        held = "".join(f"{steady:6.1f} +{bursty:5.1f}" for steady, bursty in means)
        print(name.ljust(12), held, "  ", *(spread(values) for values in zip(*map(waited, runs), strict=True)))
    print(f"\nmeans over {repeat} seeds; ± the furthest of them.")


if __name__ == "__main__":
    main()
