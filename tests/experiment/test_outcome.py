"""What is looked at when a run is over finds what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swaptiers.core.constants import FREE
from swaptiers.core.resident import SWAPPED
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.outcome import check_integrity

CONFIG = """\
version: 1
tiers: {zswap: {kind: zswap, max_pool: 128K}, disk: {kind: file, capacity: 8M}}
cgroups: {/web: {memory.max: 400K}}
workloads: [{cgroup: /web, kind: zipf, pages: 600, refs: 4000, contents: text}]
"""


@pytest.mark.parametrize("payload", ["sizes", "real"])
def test_a_page_without_its_entry_is_lost(tmp_path: Path, payload: str) -> None:
    """Two pages with each other's entries, and one whose entry is gone: a count of entries would see nothing."""
    (tmp_path / "a.yaml").write_text(f"{CONFIG}run: {{payload: {payload}}}\n")
    with Laboratory(load_experiment(tmp_path / "a.yaml").variants["base"], tmp_path) as laboratory:
        result = laboratory.run()
        assert result.integrity.lost == 0
        assert result.integrity.held_verified == (0 if payload == "sizes" else result.swap_outs - result.swap_ins)
        one, other, third = np.flatnonzero(laboratory.pages["state"] == SWAPPED)[:3].tolist()
        rows = laboratory.pages["hotter"]
        rows[one], rows[other] = int(rows[other]), int(rows[one])
        assert check_integrity(laboratory).lost == 2
        rows[one], rows[other] = int(rows[other]), int(rows[one])
        record = laboratory.core.records[int(rows[third])]
        record.backing, laboratory.core.check = FREE, lambda: None
        assert check_integrity(laboratory).lost == 1
