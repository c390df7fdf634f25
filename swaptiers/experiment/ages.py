"""How long ago pages were used, as histograms: kept while some controller wants them, and read between references.

Both are per cgroup, in the classes of the latencies: 64 to a power of two, so that an age is right within 1.6 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import STORED
from swaptiers.core.layout import Header
from swaptiers.core.resident import RESIDENT, SWAPPED, pages_of
from swaptiers.core.state import carray, header_at, pointer, records
from swaptiers.experiment.lab import LATENCY_BUCKETS, Lab, latency_bucket

AGES = np.dtype(
    (np.record, np.dtype([("reused", "i8", (LATENCY_BUCKETS,)), ("reused_zero", "i8", (LATENCY_BUCKETS,))]))
)
"""One cgroup: references since the start by the age that the page had; pages that are nothing but zeros apart."""
IN_MEMORY = -1
"""As a source: resident pages."""


@part
def _ages_of(lab: Lab) -> Any:
    return carray(pointer(lab.ages_at), (lab.ages_n,), AGES)


@part
def note_reuse(lab: Lab, cgroup: int, age: int, is_zero: bool) -> None:
    """A page is used again: it had been idle for `age`."""
    own = _ages_of(lab)[cgroup]
    bucket = latency_bucket(max(age, 0))
    if is_zero:
        own.reused_zero[bucket] += 1
    else:
        own.reused[bucket] += 1


@kernel
def count_idle(at: int, laba: Any, members: Any, source: int, idle_pages: Any, held_bytes: Any) -> None:
    """The ages that all touched pages of the member cgroups have now; and the bytes of those that are in `source`."""
    st = header_at(at)
    lab = laba[0]
    pages = pages_of(lab)
    for w in range(lab.workloads_n):
        work = lab.workloads[w]
        if members[work.cgroup] == 0:
            continue
        for page in range(work.first_page, work.end_page):
            p = pages[page]
            if p.state == RESIDENT:
                bucket = latency_bucket(max(lab.now - p.last_use, 0))
                idle_pages[bucket] += 1
                held_bytes[bucket] += st.page_size if source == IN_MEMORY else 0
            elif p.state == SWAPPED:
                _count_entry(st, lab, records(st)[p.hotter], source, idle_pages, held_bytes)


@part
def _count_entry(st: Header, lab: Lab, r: Any, source: int, idle_pages: Any, held_bytes: Any) -> None:
    bucket = latency_bucket(max(lab.now - r.last_use, 0))
    idle_pages[bucket] += 1
    if r.backing == STORED and r.tier == source:
        held_bytes[bucket] += r.length
