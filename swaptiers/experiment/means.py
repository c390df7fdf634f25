"""What an experiment needs of the machine, looked at before anything runs: its traces, its tiers' files, room for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from swaptiers.config import Node
from swaptiers.errors import ConfigError
from swaptiers.experiment.lab import LOG_CAPACITY
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.system_yaml import located
from swaptiers.tiers.specs import FileSpec, MemorySpec
from swaptiers.units import format_bytes
from swaptiers.workloads.contents import file_rows, files_of, row_length
from swaptiers.workloads.specs import SequencePattern, TracePattern
from swaptiers.workloads.trace import Survey, TraceSource

Where = tuple[str | int, ...]
"""A path of keys in a document."""


def check_means(spec: ExperimentSpec, document: Node, folder: Path, surveys: dict[Path, Survey]) -> None:
    """Raises ConfigError, with its place, for a trace that can't be used, a file that can't be made, a disk too full.

    `surveys` keeps what is known of each trace, for the next variant.
    """
    for where, trace in _traces(spec):
        _check_trace(trace, where, document, folder, surveys)
    for index, workload in enumerate(spec.workloads):
        try:
            pattern = files_of(workload.contents)
            if pattern is not None:
                file_rows(pattern, folder, row_length(int(spec.page_size)))
        except ConfigError as error:
            raise located(error, document, ("workloads", index, "contents")) from None
    if spec.run.payload == "real":
        _check_files(spec, document, folder)
        _check_memory(spec, document)


def _traces(spec: ExperimentSpec) -> Iterator[tuple[Where, TracePattern]]:
    """Every trace and where it stands: a workload's own, or a step of one."""
    for index, workload in enumerate(spec.workloads):
        if isinstance(workload, TracePattern):
            yield ("workloads", index), workload
        elif isinstance(workload, SequencePattern):
            for number, step in enumerate(workload.steps):
                if isinstance(step, TracePattern):
                    yield ("workloads", index, "steps", number), step


def _check_trace(spec: TracePattern, where: Where, document: Node, folder: Path, surveys: dict[Path, Survey]) -> None:
    path, key = folder / spec.path, "path"
    try:
        if path not in surveys:
            surveys[path] = Survey.make(path, spec.format)
        key = "pages"
        TraceSource.make(spec, folder, surveys)
    except ConfigError as error:
        raise located(error, document, (*where, key)) from None
    except OSError as error:
        raise document.place_of((*where, key)).error(f"the trace can't be read: {error.strerror}") from None


def _check_files(spec: ExperimentSpec, document: Node, folder: Path) -> None:
    """Each file can be made, and each file system has room for all the tiers on it together."""
    wanted: dict[int, int] = {}
    for tier in spec.tiers:
        if not isinstance(tier, FileSpec):
            continue
        key = "capacity" if tier.path is None else "path"
        place = document.place_of(("tiers", tier.name, key))
        home = _home(tier, folder)
        problem = _problem(tier, home, folder)
        if problem is not None:
            raise place.error(f"tier {tier.name!r}: {problem}")
        system = os.statvfs(home)
        device = os.stat(home).st_dev
        wanted[device] = wanted.get(device, 0) + tier.capacity + LOG_CAPACITY * spec.page_size
        free = system.f_bavail * system.f_frsize
        if wanted[device] > free:
            raise document.place_of(("tiers", tier.name, "capacity")).error(
                f"tier {tier.name!r}: the file system of {home} has {format_bytes(free)} free, and the tiers on it want "
                f"{format_bytes(wanted[device])}; give a smaller capacity, or a path on another file system"
            )


def _check_memory(spec: ExperimentSpec, document: Node) -> None:
    """The machine has the memory that the memory tiers would fill."""
    wanted = 0
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for tier in spec.tiers:
        if not isinstance(tier, MemorySpec):
            continue
        wanted += tier.capacity
        if wanted > there:
            raise document.place_of(("tiers", tier.name, "capacity")).error(
                f"tier {tier.name!r}: this machine has {format_bytes(there)} of memory, and the memory tiers want "
                f"{format_bytes(wanted)}; give a smaller capacity, or run.payload: sizes"
            )


def _home(tier: FileSpec, folder: Path) -> Path:
    return Path(tempfile.gettempdir()) if tier.path is None else (folder / tier.path).parent


def _problem(tier: FileSpec, home: Path, folder: Path) -> str | None:
    if not os.path.isdir(home):
        return f"there is no folder {home} to make its file in; make it, or give another path"
    if not os.access(home, os.W_OK | os.X_OK):
        return f"the folder {home} can't be written; give a path in one that can"
    if tier.path is not None and len(os.fsencode(Path(tier.path).name)) > os.pathconf(home, "PC_NAME_MAX"):
        return f"the name of its file is too long for the file system of {home}; give a shorter one"
    if tier.path is not None and os.path.lexists(folder / tier.path):
        return (
            f"{tier.path} is there already; a tier makes its own file and removes it at the end: "
            f"remove it, or give another path"
        )
    return None


def check_together(specs: Iterable[ExperimentSpec], jobs: int) -> None:
    """Variants that run at the same time can't share a file. Raises ConfigError."""
    named = next((tier for spec in specs for tier in spec.tiers if isinstance(tier, FileSpec) and tier.path), None)
    if jobs > 1 and named is not None:
        raise ConfigError(
            f"tier {named.name!r} has a path, and variants that run at the same time can't share its file: "
            f"leave the path out, or use --jobs 1"
        )
