"""Small runs of the laboratory (`labs.yaml`), and what came of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from tests.accounts.flat import flattened

FOLDER = Path(__file__).parent
LABS = load_experiment(FOLDER / "labs.yaml").variants
OF_A_MACHINE = ("time", "series", "latencies")
"""How long it took, and what is the same numbers once more."""


def came_of(name: str) -> dict[str, Any]:
    """Every number of a run's result."""
    with Laboratory(LABS[name], FOLDER) as laboratory:
        result = attrs.asdict(laboratory.run(), filter=lambda field, _: field.name not in OF_A_MACHINE)
    return flattened(result)
