"""An experiment from a config to its results: every variant on the same references, side by side if asked."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from pathlib import Path

import attrs
import numpy as np

from swaptiers import __version__
from swaptiers.config import unstructure
from swaptiers.errors import ConfigError, ExperimentError
from swaptiers.experiment.baselines import with_baselines, with_oracle
from swaptiers.experiment.future import belady_faults
from swaptiers.experiment.glimpse import Moment, Watch, look_at
from swaptiers.experiment.handover import Handover
from swaptiers.experiment.interrupts import interrupts_deferred
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import Experiment, load_experiment
from swaptiers.experiment.means import check_together
from swaptiers.experiment.results import ExperimentResult, VariantResult
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.experiment.steps import OpenSteps, StepSink
from swaptiers.workloads.streams import References

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
    baselines: bool = False,
    bounds: bool = False,
    progress: Progress | None = None,
    finished: Finished | None = None,
    watch: Watch | None = None,
) -> ExperimentResult:
    """Run an experiment's variants (all, or those named) and return their results.

    `sets`: ``"tiers.zswap.max_pool=64M"`` and the like, over every variant. `jobs`: runs go on in so many processes.
    `baselines`: add variants `overflow` and `kernel`, unless there are such. `bounds`: add a variant `oracle`, whose edges
    know the future, and Belady's fewest faults. `watch`: shown the runs as they go on, with one job. Raises ConfigError for
    a config that can't be used, before anything runs; IntegrityError if a page or an account is wrong; ExperimentError if a
    variant could not be run to its end.
    """
    experiment = load_experiment(config, sets=sets, seed=seed, variants=variants)
    if baselines:
        experiment = with_baselines(experiment)
    if bounds:
        experiment = with_oracle(experiment)
    return run_experiment(experiment, jobs=jobs, bounds=bounds, progress=progress, finished=finished, watch=watch)


def run_experiment(
    experiment: Experiment,
    *,
    jobs: int = 1,
    bounds: bool = False,
    progress: Progress | None = None,
    finished: Finished | None = None,
    steps: OpenSteps | None = None,
    hand: Handover | None = None,
    watch: Watch | None = None,
) -> ExperimentResult:
    """Run every variant of a loaded experiment. Raises ConfigError if `jobs` is not possible with it.

    `steps`: who wants every step of demotion of each run. With `jobs` it has to be picklable. `hand`: who drives the runs
    from outside, one after the other. `watch`: shown the runs as they go on; runs in processes of their own are not.
    """
    check_jobs(experiment, jobs)
    if hand is not None and jobs > 1:
        raise ConfigError("a run that is driven from outside is one of its own; leave jobs at 1")
    tasks = [
        Task(name, repetition, attrs.evolve(spec, seed=derived_seed(spec.seed, repetition)))
        for name, spec in experiment.variants.items()
        for repetition in range(spec.run.repeat)
    ]
    results: dict[tuple[str, int], VariantResult] = {}

    def done(task: Task, result: VariantResult) -> None:
        results[(task.name, task.repetition)] = result
        runs = experiment.variants[task.name].run.repeat
        if finished is not None and all((task.name, each) in results for each in range(runs)):
            finished(task.name, results[(task.name, 0)])

    if jobs > 1 and len(tasks) > 1:
        _run_in_processes(experiment, tasks, jobs, progress, steps, done)
    else:
        for task in tasks:
            with _named(task):
                result = _run_task(task, experiment.folder, _report(progress, task), steps, hand, _looker(watch, task))
            done(task, result)
    return ExperimentResult(
        seed=experiment.seed,
        config={name: unstructure(spec) for name, spec in experiment.variants.items()},
        versions=versions(),
        fewest_faults=_fewest_faults(experiment) if bounds else None,
        runs={
            name: tuple(results[(name, repetition)] for repetition in range(spec.run.repeat))
            for name, spec in experiment.variants.items()
        },
    )


@contextmanager
def _named(task: Task) -> Iterator[None]:
    """What the machine refuses in the middle of a run says which variant it was."""
    try:
        yield
    except BrokenProcessPool as error:
        raise ExperimentError(
            f"variant {task.name}: its process was ended from outside; if that was for want of memory, use fewer --jobs"
        ) from error
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "not enough memory"
        raise ExperimentError(f"variant {task.name}: {reason}") from error


def _fewest_faults(experiment: Experiment) -> dict[str, int]:
    spec = experiment.base
    return belady_faults(spec, References(spec.workloads, spec.seed, experiment.folder))


@attrs.frozen
class Task:
    """One run: a variant, its repetition, and the spec with that one's seed."""

    name: str
    repetition: int
    spec: ExperimentSpec


def derived_seed(seed: int, repetition: int) -> int:
    """The seed itself for the first run, then 62 bits that follow from both."""
    if repetition == 0:
        return seed
    return int(np.random.SeedSequence([seed, repetition]).generate_state(1, np.uint64)[0] >> np.uint64(2))


def run_variant(
    spec: ExperimentSpec,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    steps: StepSink | None = None,
    hand: Handover | None = None,
    watch: Callable[[Laboratory, bool], None] | None = None,
) -> VariantResult:
    """One variant, by itself. `hand`: who drives it from outside."""
    with Laboratory(spec, folder, steps) as laboratory:
        if hand is None:
            return laboratory.run(progress, watch)
        hand.take(laboratory)
        try:
            return laboratory.run(progress, watch)
        finally:
            hand.leave()


def _run_task(
    task: Task,
    folder: Path,
    progress: Callable[[int, int], None] | None,
    steps: OpenSteps | None,
    hand: Handover | None = None,
    watch: Callable[[Laboratory, bool], None] | None = None,
) -> VariantResult:
    with nullcontext() if steps is None else steps(task.name, task.repetition) as sink:
        return run_variant(task.spec, folder, progress, sink, hand, watch)


def _looker(watch: Watch | None, task: Task) -> Callable[[Laboratory, bool], None] | None:
    if watch is None:
        return None

    def look(laboratory: Laboratory, is_over: bool) -> None:
        watch(Moment(task.name, task.repetition, is_over, lambda: look_at(laboratory)))

    return look


def _report(progress: Progress | None, task: Task) -> Callable[[int, int], None] | None:
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(task.name, task.repetition * total + done, task.spec.run.repeat * total)

    return report


def _run_in_processes(
    experiment: Experiment,
    tasks: Sequence[Task],
    jobs: int,
    progress: Progress | None,
    steps: OpenSteps | None,
    done: Callable[[Task, VariantResult], None],
) -> None:
    """Each run in a fresh process: nothing is shared, and no number depends on how many there are."""
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    so_far: dict[str, int] = {}
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context) as pool:
        try:
            with interrupts_deferred():
                running = {pool.submit(_run_task, task, experiment.folder, None, steps): task for task in tasks}
            for future in as_completed(running):
                task = running[future]
                with _named(task):
                    result = future.result()
                so_far[task.name] = so_far.get(task.name, 0) + 1
                if progress is not None:
                    progress(task.name, so_far[task.name], task.spec.run.repeat)
                done(task, result)
        except BaseException:  # the pool notices, drops what has not begun, and is waited for on the way out
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise


def versions() -> Mapping[str, str]:
    """What the numbers depend on, apart from config and seed."""
    found = {name: importlib.metadata.version(name) for name in DEPENDENCIES}
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    return {"swaptiers": __version__, **found, **machine, "cpu": _cpu(), "cpus": str(os.cpu_count() or 1)}


def _cpu() -> str:
    """The processor's model, as far as the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def check_jobs(experiment: Experiment, jobs: int) -> None:
    """Raises ConfigError for less than one process, or if the variants can't run at the same time."""
    if jobs < 1:
        raise ConfigError(f"jobs is at least 1, not {jobs}")
    if sum(spec.run.repeat for spec in experiment.variants.values()) > 1:
        check_together(experiment.variants.values(), jobs)
