"""The runs of a sweep on Dask: processes of this machine, or a cluster that is there already."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from swaptiers.errors import ConfigError, ExperimentError
from swaptiers.experiment.interrupts import interrupts_deferred
from swaptiers.sweep.dataset import DataSet, Failure
from swaptiers.sweep.plan import Plan, SweepTask
from swaptiers.sweep.work import work

PATIENCE_S = 20
"""For a scheduler to answer."""
LOCAL: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.comm.timeouts.connect": "60s",
    "distributed.scheduler.allowed-failures": 1,
}
"""Nobody but our own processes has anything to ask; on a busy machine a process takes long to start; a run that was on two
workers that were lost is under suspicion."""
LOST = "KilledWorker"
Ended = Callable[[SweepTask, Failure | None], None]
"""Called with each run that is over."""


@attrs.frozen(kw_only=True)
class Place:
    """Where runs happen: `workers` processes here, or at the Dask scheduler at `address`."""

    workers: int = 1
    address: str | None = None

    def check(self, plan: Plan) -> None:
        """Raises ConfigError for what can't be had."""
        if self.workers < 1:
            raise ConfigError(f"--workers is at least 1, not {self.workers}")
        if plan.path_tier is not None and (self.workers > 1 or self.address is not None) and len(plan.tasks) > 1:
            raise ConfigError(
                f"tier {plan.path_tier!r} has a path, and runs that go on at the same time can't share its file: "
                f"leave the path out, or use --workers 1"
            )


def run_sweep(data: DataSet, todo: Sequence[SweepTask], place: Place, ended: Ended) -> list[Failure]:
    """Run what is to do, keep each row as it comes, and return what failed.

    A worker that is lost is replaced, and its run begins again. A run that was on several workers that were lost is tried
    once more in the end, with nothing else going on: only that tells who ends workers from who was there. Raises
    ExperimentError if the scheduler is gone; what was finished is kept.
    """
    if not todo:
        return []
    failures: list[Failure] = []
    distributed: Any = importlib.import_module("distributed")

    def over(task: SweepTask, failure: Failure | None) -> None:
        if failure is not None:
            failures.append(failure)
            data.fail(failures)
        ended(task, failure)

    with _client(distributed, place, len(todo)) as client:
        suspects = []
        for task, failure in _outcomes(distributed, client, data, todo, ""):
            if failure is not None and failure.kind == LOST:
                suspects.append(task)
            else:
                over(task, failure)
        for suspect in suspects:
            for task, failure in _outcomes(distributed, client, data, [suspect], "-alone"):
                over(task, failure)
    return failures


def _outcomes(
    distributed: Any, client: Any, data: DataSet, todo: Sequence[SweepTask], suffix: str
) -> Iterator[tuple[SweepTask, Failure | None]]:
    """Each task as it ends. `suffix`: of the names that they have on the cluster."""
    folder, packages = str(data.plan.folder), dict(data.plan.packages)
    tasks = {
        client.submit(work, task.config, folder, packages, key=f"swaptiers-{task.name}{suffix}", pure=False): task
        for task in todo
    }
    for future in distributed.as_completed(list(tasks)):
        task = tasks.pop(future)
        yield task, _outcome(data, task, future)


def _outcome(data: DataSet, task: SweepTask, future: Any) -> Failure | None:
    if future.status == "cancelled":  # "lost" is a result whose worker died: it is made again, which is waited for here
        raise ExperimentError("the connection to the scheduler was lost; the same command goes on with what is left")
    error = future.exception()
    found: dict[str, Any] = future.result() if error is None else _in_words(error)
    if "figures" in found:
        data.add(task, found["figures"])
        return None
    return Failure(
        variant=task.variant,
        point=task.point,
        repetition=task.repetition,
        seed=task.seed,
        kind=found["kind"],
        error=found["error"],
    )


def _in_words(error: BaseException) -> dict[str, Any]:
    kind = type(error).__name__
    text = "every worker that ran it was ended from outside; for want of memory?" if kind == LOST else str(error)
    return {"error": text, "kind": kind}


@contextlib.contextmanager
def _client(distributed: Any, place: Place, runs: int) -> Iterator[Any]:
    if place.address is not None:
        with _remote(distributed, place.address) as client:
            yield client
        return
    dask: Any = importlib.import_module("dask")
    with (
        tempfile.TemporaryDirectory(prefix="swaptiers-sweep-", ignore_cleanup_errors=True) as scratch,
        dask.config.set({**LOCAL, "temporary-directory": scratch}),
        _local(distributed, place, runs) as client,
    ):
        yield client


@contextlib.contextmanager
def _local(distributed: Any, place: Place, runs: int) -> Iterator[Any]:
    """Processes of this machine that talk over loopback, encrypted, with keys that nobody else has.

    Ctrl-C is for this process alone: it goes to every process of a terminal.
    """
    with interrupts_deferred():
        cluster = distributed.LocalCluster(
            n_workers=min(place.workers, runs),
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=True,
            dashboard_address=None,
            worker_dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
    with cluster, distributed.Client(cluster) as client:
        yield client


@contextlib.contextmanager
def _remote(distributed: Any, address: str) -> Iterator[Any]:
    try:
        client = distributed.Client(address, timeout=PATIENCE_S, name="swaptiers-sweep")
    except (OSError, ValueError, TypeError) as error:
        raise ExperimentError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield client


def default_workers() -> int:
    """As many as this process may use processors."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
