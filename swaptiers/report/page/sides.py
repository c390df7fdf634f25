"""What a page compares: the variants of one run, or of several runs side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from swaptiers.errors import ResultError
from swaptiers.experiment.latency import Histogram
from swaptiers.experiment.results import VariantResult
from swaptiers.report.stored import Curves, StoredRun
from swaptiers.units import parse_bytes, parse_fraction


@attrs.frozen(kw_only=True)
class Side:
    """One variant of one run: `runs` are its repetitions, `config` its resolved config."""

    name: str
    runs: tuple[VariantResult, ...]
    config: Mapping[str, Any]
    curves: Curves
    latencies: Mapping[str, Histogram]

    @property
    def result(self) -> VariantResult:
        """The run with the config's own seed."""
        return self.runs[0]

    @property
    def by_time(self) -> bool:
        """True if latency slows its workloads down, so that its references come in an order of their own."""
        return bool(self.config.get("run", {}).get("interleave") == "time")

    def capacity_bytes(self, tier: str) -> int | None:
        """What the tier has room for; None if its config does not say."""
        terms = self.config.get("tiers", {}).get(tier, {})
        try:
            if "max_pool" in terms:
                return _part(terms["max_pool"], self.config["ram"])
            return int(parse_bytes(terms["capacity"]))
        except (KeyError, TypeError, ValueError):
            return None


def _part(size: Any, whole: Any) -> int:
    if re.fullmatch(r"[\d.]+ *%", str(size)):
        return int(parse_fraction(size) * parse_bytes(whole))
    return int(parse_bytes(size))


@attrs.frozen
class Comparison:
    """All sides, in order, and the folders that they come from."""

    sides: tuple[Side, ...]
    runs: tuple[StoredRun, ...]

    @classmethod
    def of(cls, runs: Sequence[StoredRun]) -> Comparison:
        """Of several runs the folder's name stands before the variant's. Raises ResultError for the same folder twice."""
        folders = [run.folder.resolve() for run in runs]
        if len(set(folders)) < len(folders):
            raise ResultError("the same folder is given twice; each run is compared with the others once")
        labels = _short([str(folder) for folder in folders])
        sides = [
            Side(
                name=name if len(runs) == 1 else f"{label}: {name}",
                runs=run.result.runs[name],
                config=run.result.config.get(name, {}),
                curves=run.curves[name],
                latencies=run.latencies.get(name, {}),
            )
            for label, run in zip(labels, runs, strict=True)
            for name in run.result.runs
        ]
        return cls(tuple(sides), tuple(runs))

    @property
    def tiers(self) -> list[str]:
        """Every tier that any side has, fastest first."""
        return list(dict.fromkeys(tier for side in self.sides for tier in side.result.tiers))

    @property
    def cgroups(self) -> list[str]:
        """Those with workloads, the one with most faults first."""
        faults: dict[str, int] = {}
        for side in self.sides:
            for path in side.result.fairness.by_cgroup:
                faults[path] = max(faults.get(path, 0), side.result.cgroups[path].faults)
        return sorted(faults, key=lambda path: (-faults[path], path))


def _short(paths: Sequence[str]) -> list[str]:
    """As many last parts of each path as it takes to tell them apart."""
    parts = [path.split("/") for path in paths]
    longest = max(len(each) for each in parts)
    for count in range(1, longest + 1):
        labels = ["/".join(each[-count:]) for each in parts]
        if len(set(labels)) == len(labels):
            return labels
    return list(paths)
