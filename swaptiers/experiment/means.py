"""What an experiment needs of the machine, looked at before anything runs: its traces, its tiers' files, room for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from swaptiers.config import Node
from swaptiers.errors import ConfigError
from swaptiers.experiment.lab import LOG_CAPACITY
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.system_yaml import located
from swaptiers.tiers.room import RoomError, check_capacities, check_room
from swaptiers.tiers.specs import FileSpec
from swaptiers.units import MAX_NANOSECONDS, counted, format_bytes
from swaptiers.workloads.contents import file_rows, files_of, row_length
from swaptiers.workloads.extent import extent
from swaptiers.workloads.source import PAGE_MASK
from swaptiers.workloads.specs import SequencePattern, TracePattern
from swaptiers.workloads.streams import MAX_REFERENCES
from swaptiers.workloads.trace import Survey, TraceSource

BYTES_PER_PAGE = 32
"""Of the laboratory's own records, at least, for each page that a workload has."""
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
    _check_extent(spec, document, folder, surveys)
    _check_room(spec, document, folder)


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


def _check_room(spec: ExperimentSpec, document: Node, folder: Path) -> None:
    """Each file can be made, and there is room for all the tiers together, where bytes are moved."""
    try:
        if spec.run.payload == "real":
            check_room(spec.tiers, folder, LOG_CAPACITY * int(spec.page_size))
        else:
            check_capacities(spec.tiers)
    except RoomError as error:
        raise document.place_of(("tiers", error.tier, error.key)).error(error.what) from None


def _check_extent(spec: ExperimentSpec, document: Node, folder: Path, surveys: dict[Path, Survey]) -> None:
    """There are numbers for all pages and references, and the time that passes without a fault can be counted."""
    pages = refs = time_ns = 0
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for index, workload in enumerate(spec.workloads):
        own = extent(workload, folder, surveys)
        pages, refs = pages + own.pages, refs + own.refs
        time_ns += own.refs * int(workload.think)
        what = ""
        if pages > PAGE_MASK:
            what = f"the workloads have {counted(pages)} pages so far; at most {PAGE_MASK:,} are possible"
        elif pages * BYTES_PER_PAGE > there:
            what = (
                f"the workloads have {counted(pages)} pages so far, and to keep account of them takes "
                f"{format_bytes(pages * BYTES_PER_PAGE)}; this machine has {format_bytes(there)} of memory"
            )
        elif refs > MAX_REFERENCES:
            what = f"the workloads have {counted(refs)} references so far; at most {MAX_REFERENCES:,} are possible"
        elif time_ns > MAX_NANOSECONDS:
            what = "its references times its think time, with those above it, are more than 36 years"
        if what:
            raise document.place_of(("workloads", index)).error(what)


def check_together(specs: Iterable[ExperimentSpec], jobs: int) -> None:
    """Variants that run at the same time can't share a file. Raises ConfigError."""
    named = next((tier for spec in specs for tier in spec.tiers if isinstance(tier, FileSpec) and tier.path), None)
    if jobs > 1 and named is not None:
        raise ConfigError(
            f"tier {named.name!r} has a path, and variants that run at the same time can't share its file: "
            f"leave the path out, or use --jobs 1"
        )
