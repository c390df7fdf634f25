"""100,000 random writes into control files, with every account recounted after each thousand at the latest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as any_

from tests.control.control_fuzz import CGROUP_FILES, WRITES_PER_EXAMPLE, Fuzz, steps

pytestmark = pytest.mark.slow
WRITES = 100_000


def test_a_hundred_thousand_writes() -> None:
    """As the short one; and each file must have been written, with success and without where both can be."""
    outcomes: Counter[tuple[str, str]] = Counter()

    @settings(
        max_examples=WRITES // (WRITES_PER_EXAMPLE * 7 // 10),
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
        database=None,
    )
    @given(any_.lists(steps, min_size=WRITES_PER_EXAMPLE, max_size=WRITES_PER_EXAMPLE))
    def example(written: list[Any]) -> None:
        if outcomes.total() >= WRITES:
            return
        fuzz = Fuzz()
        try:
            for step in written:
                fuzz.step(*step)
            fuzz.check()
        finally:
            fuzz.close()
        outcomes.update(fuzz.outcomes)

    example()
    assert outcomes.total() >= WRITES
    for name in CGROUP_FILES:
        assert any(file == name for file, _ in outcomes) or name == "memory.pressure"
    for name in ("memory.reclaim", "memory.swap.tiers.demote", "memory.max", "memory.swap.tiers.max"):
        assert outcomes[name, "done"] > 20
        assert outcomes[name, "EINVAL"] > 100
    assert outcomes["memory.reclaim", "EAGAIN"] > 20
