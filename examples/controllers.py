"""Do feedback controllers hold their targets? How soon, how soon again after a change, and at what price.

python examples/controllers.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import swaptiers as st

CONFIG = Path(__file__).parent / "controllers.yaml"
CHANGE_NS, END_NS = 2400e9, 4800e9
MINUTE_NS = 60e9


def errors(controller: st.ControllerReport) -> tuple[np.ndarray, np.ndarray]:
    """Times in ns, and by how much the mean over the minute up to then is off its target, as a share of it."""
    times, measured, target = (
        np.array(controller.series.column(name), float) for name in ("time_ns", "measured", "target")
    )
    first = np.searchsorted(times, times - 0.99 * MINUTE_NS)
    sums = np.concatenate([[0.0], np.cumsum(measured / target)])
    ends = np.arange(1, len(times) + 1)
    return times, (sums[ends] - sums[first]) / (ends - first) - 1


def settling(controller: st.ControllerReport, start: float, end: float) -> tuple[float, float, float]:
    """From `start` to `end`: the largest error, minutes until it is below a fifth for good, its mean in the last half."""
    times, error = errors(controller)
    inside = (times > start) & (times <= end)
    bad = times[inside & (np.abs(error) > 0.2)]
    minutes = (bad.max() - start) / MINUTE_NS if len(bad) else 0.0
    return float(error[inside].max()), minutes, float(error[inside & (times > (start + end) / 2)].mean())


def main() -> None:
    """Two tables: settling and recovery, then what each variant cost."""
    variants = st.run(CONFIG).variants
    print(f"{'':18} {'settled':>9} {'then off':>9}    {'a change':>9} {'settled':>9} {'then off':>9}")
    for name, variant in variants.items():
        for controller in variant.controllers:
            if controller.target is not None:
                _, settled, off = settling(controller, 0, CHANGE_NS)
                peak, again, off_again = settling(controller, CHANGE_NS, END_NS)
                print(f"{name:18} {settled:5.1f} min {off:+9.1%}    {peak:+9.1%} {again:5.1f} min {off_again:+9.1%}")
    print()
    print(f"{'':18} {'RAM':>9} {'zswap':>8} {'faults':>9} {'from ssd':>9} {'stalled':>8} {'to ssd':>8}")
    for name, variant in variants.items():
        pool = np.mean(variant.series.column("tier.zswap.pool_bytes"))
        tiers = variant.tiers
        print(
            f"{name:18} {variant.ram_bytes.mean / 2**20:5.1f} MiB {pool / 2**20:4.1f} MiB {variant.faults:9,}"
            f" {tiers['ssd'].loads:9,} {variant.time.stall_s / variant.time.virtual_s:8.2%}"
            f" {tiers['ssd'].written_bytes / 2**20:4.0f} MiB"
        )


if __name__ == "__main__":
    main()
