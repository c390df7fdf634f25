"""What a fixed order of references allows to know in advance: when a page is used next, and the fewest faults possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from swaptiers.errors import ConfigError
from swaptiers.experiment.lookahead import fewest_misses, look_ahead
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.workloads.source import PAGE_MASK
from swaptiers.workloads.streams import References

Int64s = npt.NDArray[np.int64]

NEVER = 1 << 62
MAX_KNOWN = 1 << 27
"""References whose future is kept: 8 bytes each."""


def following_references(references: References) -> Int64s:
    """(total,) int64: per reference the number of the next one to the same page, NEVER if there is none.

    ConfigError for more references than can be kept.
    """
    pages = _all_pages(references)
    following = np.empty(len(pages), np.int64)
    look_ahead(pages, np.full(int(references.first_page[-1]), NEVER, np.int64), following)
    return following


def _all_pages(references: References) -> npt.NDArray[np.uint32]:
    if references.total > MAX_KNOWN:
        raise ConfigError(f"the future of {references.total} references is too much to know: at most {MAX_KNOWN}")
    pages = np.empty(references.total, np.uint32)
    at = 0
    for chunk in references.chunks():
        pages[at : at + len(chunk)] = chunk & PAGE_MASK
        at += len(chunk)
    return pages


def belady_faults(spec: ExperimentSpec, references: References) -> dict[str, int]:
    """Per cgroup with a memory.max: the fewest faults that any policy could have, with all of memory.max for its pages.

    A lower bound: nothing is charged for zswap, and of limits that several cgroups share each gets the whole.
    """
    pages = _all_pages(references)
    following = np.empty(len(pages), np.int64)
    look_ahead(pages, np.full(int(references.first_page[-1]), NEVER, np.int64), following)
    owners = np.searchsorted(references.first_page[1:], pages, side="right")
    fewest: dict[str, int] = {}
    for path in sorted({workload.cgroup for workload in spec.workloads}):
        own = [index for index, workload in enumerate(spec.workloads) if workload.cgroup == path]
        here = np.isin(owners, own)
        used = len(np.unique(pages[here]))
        capacity = _capacity(spec, path)
        fewest[path] = 0
        if capacity < used:
            resident = np.full(int(references.first_page[-1]), -1, np.int64)
            fewest[path] = fewest_misses(pages[here].astype(np.int64), following[here], capacity, resident) - used
    return fewest


def _capacity(spec: ExperimentSpec, path: str) -> int:
    """Pages that fit under the nearest memory.max, its own or an ancestor's."""
    limits = [
        int(cgroup.memory_max)
        for cgroup in spec.cgroups
        if cgroup.memory_max is not None and (path == cgroup.path or path.startswith(cgroup.path.rstrip("/") + "/"))
    ]
    return min(limits, default=NEVER) // int(spec.page_size)
