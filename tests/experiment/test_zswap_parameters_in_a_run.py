"""zswap's parameters changed in the middle of a run: with real payloads and with lengths from a table, the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from configs import SMALL, numbers

from swaptiers.core.plan import NEVER
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.results import VariantResult

LOG = (
    ("ssd:   {kind: file, capacity: 2M,", "ssd:   {kind: file, layout: log, capacity: 2M, compressor: lz4,"),
    ("{from: zswap, to: ssd, policy: lru,", "{from: zswap, to: ssd, policy: lru, keep_compressed: true,"),
)
"""SMALL, with a log that takes payloads as they are."""


@attrs.define
class Script:
    """Changes the parameters of `zswap` at given times."""

    laboratory: Laboratory
    steps: list[tuple[int, dict[str, Any]]]

    @property
    def next_due(self) -> int:
        return self.steps[0][0] if self.steps else NEVER

    def turn(self, now: int) -> None:
        while self.steps and self.steps[0][0] <= now:
            self.laboratory.set_zswap("zswap", **self.steps.pop(0)[1])


STEPS: list[tuple[int, dict[str, Any]]] = [
    (20_000_000, {"compressor": "zstd"}),
    (40_000_000, {"max_pool_percent": 3}),
    (60_000_000, {"compressor": "lz4", "accept_threshold_percent": 50}),
    (70_000_000, {"enabled": False}),
    (90_000_000, {"enabled": True, "compressor": "zstd", "max_pool_percent": 8}),
]


def run(folder: Path, text: str, payload: str, steps: list[tuple[int, dict[str, Any]]]) -> dict[str, VariantResult]:
    path = folder / "experiment.yaml"
    path.write_text(text)
    experiment = load_experiment(path, sets=[f"run.payload={payload}"], variants=["demotion", "kernel"])
    results = {}
    for name, spec in experiment.variants.items():
        with Laboratory(spec, folder) as laboratory:
            script = laboratory.driver = Script(laboratory, list(steps))
            results[name] = laboratory.run()
            assert not script.steps, "all changes happened"
    return results


@pytest.mark.parametrize("layout", ["slots", "log"])
def test_sizes_and_real_agree(tmp_path: Path, layout: str) -> None:
    """Would catch lengths of the old compressor after a switch, a payload of the log's from before it, or one that comes
    back wrong; and a change that does nothing."""
    text = SMALL
    for old, new in LOG if layout == "log" else ():
        assert old in text
        text = text.replace(old, new)
    real = run(tmp_path, text, "real", STEPS)
    sizes = run(tmp_path, text, "sizes", STEPS)
    unchanged = run(tmp_path, text, "sizes", [])
    for name, result in real.items():
        assert result.integrity.mismatched == result.integrity.lost == 0
        assert result.integrity.verified > 1000
        left, right = numbers(result), numbers(sizes[name])
        for each in (left, right):
            del each["integrity"]
        assert left == right
        assert left != {key: value for key, value in numbers(unchanged[name]).items() if key != "integrity"}
