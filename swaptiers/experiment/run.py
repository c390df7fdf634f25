"""An experiment from a config to its results: every variant on the same references, side by side if asked."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from swaptiers import __version__
from swaptiers.config import unstructure
from swaptiers.errors import ConfigError
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import Experiment, load_experiment
from swaptiers.experiment.means import check_together
from swaptiers.experiment.results import ExperimentResult, VariantResult
from swaptiers.experiment.spec import ExperimentSpec

Progress = Callable[[str, int, int], None]
"""Called now and then with a variant's name, references done, references in all."""
Finished = Callable[[str, VariantResult], None]
"""Called with each variant that is complete."""

DEPENDENCIES = ("numpy", "numba", "lz4", "zstandard", "xxhash", "networkx")


def run(
    config: str | os.PathLike[str],
    *,
    variants: Sequence[str] | None = None,
    sets: Sequence[str] = (),
    seed: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> ExperimentResult:
    """Run an experiment's variants (all, or those named) and return their results.

    `sets`: ``"tiers.zswap.max_pool=64M"`` and the like, over every variant. `jobs`: variants run in so many processes.
    Raises ConfigError for a config that can't be used, before anything runs; IntegrityError if a page or an account is
    wrong.
    """
    return run_experiment(
        load_experiment(config, sets=sets, seed=seed, variants=variants),
        jobs=jobs,
        progress=progress,
        finished=finished,
    )


def run_experiment(
    experiment: Experiment, *, jobs: int = 1, progress: Progress | None = None, finished: Finished | None = None
) -> ExperimentResult:
    """Run every variant of a loaded experiment. Raises ConfigError if `jobs` is not possible with it."""
    check_jobs(experiment, jobs)
    results: dict[str, VariantResult] = {}

    def done(name: str, result: VariantResult) -> None:
        results[name] = result
        if finished is not None:
            finished(name, result)

    if jobs > 1 and len(experiment.variants) > 1:
        _run_in_processes(experiment, jobs, progress, done)
    else:
        for name, spec in experiment.variants.items():
            done(name, run_variant(spec, experiment.folder, _report(progress, name)))
    return ExperimentResult(
        seed=experiment.seed,
        config={name: unstructure(spec) for name, spec in experiment.variants.items()},
        versions=versions(),
        variants={name: results[name] for name in experiment.variants},
    )


def run_variant(
    spec: ExperimentSpec, folder: Path, progress: Callable[[int, int], None] | None = None
) -> VariantResult:
    """One variant, by itself."""
    with Laboratory(spec, folder) as laboratory:
        return laboratory.run(progress)


def _report(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(name, done, total)

    return report


def _run_in_processes(
    experiment: Experiment, jobs: int, progress: Progress | None, done: Callable[[str, VariantResult], None]
) -> None:
    """Each variant in a fresh process: nothing is shared, and no number depends on how many there are."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(experiment.variants)), mp_context=context) as pool:
        running = {
            pool.submit(run_variant, spec, experiment.folder): name for name, spec in experiment.variants.items()
        }
        try:
            for future in as_completed(running):
                result = future.result()
                if progress is not None:
                    progress(running[future], result.refs, result.refs)
                done(running[future], result)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def versions() -> Mapping[str, str]:
    """What the numbers depend on, apart from config and seed."""
    found = {name: importlib.metadata.version(name) for name in DEPENDENCIES}
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    return {"swaptiers": __version__, **found, **machine}


def check_jobs(experiment: Experiment, jobs: int) -> None:
    """Raises ConfigError for less than one process, or if the variants can't run at the same time."""
    if jobs < 1:
        raise ConfigError(f"jobs is at least 1, not {jobs}")
    if len(experiment.variants) > 1:
        check_together(experiment.variants.values(), jobs)
