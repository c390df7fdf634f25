"""All runs of a sweep, each checked and given its name before the first one starts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from swaptiers.config import Node, load_document, unstructure
from swaptiers.errors import ConfigError
from swaptiers.experiment.load import Experiment, experiment_in
from swaptiers.experiment.run import DEPENDENCIES, derived_seed, versions
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.sweep.grid import Grid, Point, written_point
from swaptiers.sweep.inputs import Inputs
from swaptiers.tiers.specs import FileSpec
from swaptiers.units import shown
from swaptiers.workloads.trace import Survey

MAX_RUNS = 200_000
NAMING = 1
"""Part of every run's name; another one where the same config came to mean other numbers, or a row other columns."""


@attrs.frozen(kw_only=True)
class SweepTask:
    """One run. `name`: a hash over all that decides its numbers; `config`: resolved, as JSON; `seed`: this run's own."""

    name: str
    variant: str
    point: Point
    repetition: int
    seed: int
    config: str

    def __str__(self) -> str:
        return f"{written_point(self.point)}, variant {self.variant}, seed {self.seed}"


@attrs.frozen(kw_only=True)
class Plan:
    """A sweep. `tiers`: of all runs; `sets`: over every point; `configs`: of the first point, per variant; `packages`: what
    the numbers depend on, by version; `path_tier`: one whose file several runs would share, if there is one."""

    path: Path
    folder: Path
    grid: Grid
    sets: tuple[str, ...]
    repeat: int
    seed: int
    tiers: tuple[str, ...]
    variants: tuple[str, ...]
    packages: Mapping[str, str]
    machine: Mapping[str, str]
    configs: Mapping[str, Any]
    advice: tuple[str, ...]
    path_tier: str | None
    tasks: tuple[SweepTask, ...]


def make_plan(
    config: str | os.PathLike[str],
    grid: Grid,
    *,
    repeat: int | None = None,
    sets: Sequence[str] = (),
    seed: int | None = None,
    variants: Sequence[str] | None = None,
) -> Plan:
    """Every point is loaded and checked. `repeat`: runs of each, None = as the config says.

    Raises ConfigError for the first point that can't be run, and says which it is.
    """
    document = load_document(config)
    packages, machine = _versions()
    fixed = [*sets, *([] if repeat is None else [f"run.repeat={repeat}"])]
    inputs: Inputs | None = None
    surveys: dict[Path, Survey] = {}
    tasks: dict[str, SweepTask] = {}
    tiers: dict[str, None] = {}
    first: Experiment | None = None
    path_tier: str | None = None
    for point in grid.points():
        experiment = _experiment(document, config, point, fixed, seed, variants, surveys)
        first = first or experiment
        inputs = inputs or Inputs(experiment.folder)
        for variant, spec in experiment.variants.items():
            for tier in spec.tiers:
                tiers[tier.name] = None
                if isinstance(tier, FileSpec) and tier.path is not None:
                    path_tier = tier.name
            for task in _tasks(variant, spec, point, {"packages": packages, "inputs": inputs.of(spec)}):
                _add(tasks, task)
    assert first is not None  # a grid has at least one point
    return Plan(
        path=first.path,
        folder=first.folder,
        grid=grid,
        sets=tuple(sets),
        repeat=next(iter(first.variants.values())).run.repeat,
        seed=first.seed,
        tiers=tuple(tiers),
        variants=tuple(first.variants),
        packages=packages,
        machine=machine,
        configs={name: unstructure(spec) for name, spec in first.variants.items()},
        advice=tuple(first.advice()),
        path_tier=path_tier,
        tasks=tuple(tasks.values()),
    )


def _experiment(
    document: Node,
    path: str | os.PathLike[str],
    point: Point,
    fixed: Sequence[str],
    seed: int | None,
    variants: Sequence[str] | None,
    surveys: dict[Path, Survey],
) -> Experiment:
    sets = [*fixed, *(f"{key}={value}" for key, value in point.items())]

    def load(chosen: Sequence[str] | None) -> Experiment:
        return experiment_in(document, path, sets=sets, seed=seed, variants=chosen, surveys=surveys)

    try:
        return load(variants)
    except ConfigError as error:
        raise _of_point(error, point, _culprit(document, load, variants)) from None


def _culprit(document: Node, load: Any, variants: Sequence[str] | None) -> str | None:
    """The variant for which the point can't be, where others of them can."""
    overlays = document.value.get("variants")
    names = list(variants or (overlays.value if overlays is not None and isinstance(overlays.value, dict) else ()))
    bad = []
    for name in names:
        try:
            load([name])
        except ConfigError:
            bad.append(name)
    return bad[0] if bad and len(bad) < len(names) else None


def _of_point(error: ConfigError, point: Point, culprit: str | None) -> ConfigError:
    """The error, said of --grid where it is about a value of it, and otherwise with the point."""
    prefix, what, file = "--set ", error.what, error.file
    if file is not None and file.startswith(prefix):
        key = next((key for key in point if file[len(prefix) :].startswith(f"{key}=")), None)
        file = f"--grid {file[len(prefix) :]}" if key is not None else file
    elif point:
        what += f" (at the point {written_point(point)})"
    if culprit is not None:
        what += f" (variant {culprit}: if it is not to be swept, name the others with --variant)"
    return ConfigError(what, file=file, line=error.line, column=error.column)


def _tasks(variant: str, spec: ExperimentSpec, point: Point, other: Mapping[str, Any]) -> Iterator[SweepTask]:
    """One for each seed: a run by itself, so that with more repetitions those that are done stay done."""
    for repetition in range(spec.run.repeat):
        seed = derived_seed(spec.seed, repetition)
        alone = attrs.evolve(spec, seed=seed, run=attrs.evolve(spec.run, repeat=1))
        config = json.dumps(unstructure(alone))  # not sorted: the order of tiers is part of what it says
        said = json.dumps([NAMING, variant, config, other], sort_keys=True)
        yield SweepTask(
            name=hashlib.sha256(said.encode()).hexdigest()[:32],
            variant=variant,
            point=point,
            repetition=repetition,
            seed=seed,
            config=config,
        )


def _add(tasks: dict[str, SweepTask], task: SweepTask) -> None:
    if task.name in tasks:
        same = tasks[task.name]
        if same.point == task.point:
            raise ConfigError(f"two repetitions of {shown(str(task))} have the same seed")
        raise ConfigError(
            f"the points {written_point(same.point)} and {written_point(task.point)} are the same experiment; "
            f"leave one out of the grid"
        )
    if len(tasks) >= MAX_RUNS:
        raise ConfigError(f"the sweep has more than {MAX_RUNS:,} runs; make it smaller")
    tasks[task.name] = task


def _versions() -> tuple[dict[str, str], dict[str, str]]:
    """Packages on which the numbers depend, and the machine, which they don't."""
    found = versions()
    names = ("swaptiers", *DEPENDENCIES)
    return {name: found[name] for name in names}, {name: v for name, v in found.items() if name not in names}
