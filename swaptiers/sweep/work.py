"""What a worker does with a task: text in, plain values out. It needs the package and the config's folder, nothing else."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swaptiers import __version__
from swaptiers.config import parse_document, structure
from swaptiers.errors import ExperimentError, IntegrityError, SwapTiersError
from swaptiers.experiment.run import run_variant
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.sweep.row import figures_of


def work(config: str, folder: str, packages: Mapping[str, str]) -> dict[str, Any]:
    """Run one resolved config. Either its `figures`, or its `error` and the `kind` of that."""
    try:
        _check_versions(packages)
        spec = structure(parse_document(config, "the run's config"), ExperimentSpec)
        result = run_variant(spec, Path(folder))
        if result.integrity.mismatched or result.integrity.lost:
            raise IntegrityError(
                f"{result.integrity.mismatched} pages came back wrong and {result.integrity.lost} were lost: this is a "
                f"defect of swaptiers; please report it with the config and the seed"
            )
        return {"figures": figures_of(result, spec)}
    except (SwapTiersError, OSError, MemoryError) as error:
        reason = str(error) or "not enough memory"
        return {"error": reason, "kind": type(error).__name__}


def _check_versions(packages: Mapping[str, str]) -> None:
    """Another codec's version has other lengths: rows of both in one data set would be compared with each other."""
    for name, wanted in packages.items():
        try:
            here = __version__ if name == "swaptiers" else importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            here = "missing"
        if here != wanted:
            raise ExperimentError(
                f"{name} is {here} on this worker and {wanted} where the sweep was started: install the same versions"
            )
