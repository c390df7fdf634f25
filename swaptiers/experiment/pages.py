"""Pages of the laboratory: which content each has now, and the slot that a resident one may still have."""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import KEPT, STORED, ZERO
from swaptiers.core.kept import drop_kept
from swaptiers.core.layout import Header
from swaptiers.core.resident import PAGE_BYTES, SWAPPED, pages_of
from swaptiers.core.slots import settle
from swaptiers.core.state import State, fetch, fetch_record, header_at, records
from swaptiers.experiment.lab import Lab, kept_of
from swaptiers.workloads.contents import content_index

AHEAD = 8
"""Pages whose entries are on their way from memory while one is looked at."""


@part
def fetch_page(lab: Lab, page: int) -> None:
    fetch(lab.pages_at + page * PAGE_BYTES, PAGE_BYTES)


@part
def kept_row(st: Header, lab: Lab, page: int) -> int:
    """The row of the slot that a resident page still has; -1 if there is none, any more."""
    if lab.kept_at == 0:
        return -1
    row = kept_of(lab)[page]
    if row < 0 or records(st)[row].backing != KEPT or records(st)[row].owner != page:
        return -1
    return int(row)


@part
def forget_kept(st: Header, lab: Lab, page: int) -> None:
    """The page is written: the slot that it may still have is worth nothing any more."""
    row = kept_row(st, lab, page)
    if row >= 0:
        drop_kept(st, row)
        release_if_unlogged(st, lab)


@part
def release_if_unlogged(st: Header, lab: Lab) -> None:
    """Without bytes there is no log to wait for."""
    if lab.lengths_at != 0:
        settle(st)


@part
def content_of(lab: Lab, page: int) -> int:
    """Which of the contents the page has now."""
    w = 0
    while page >= lab.workloads[w].end_page:
        w += 1
    work = lab.workloads[w]
    version = int(pages_of(lab)[page].version)
    return int(work.first_content + content_index(page - work.first_page, version, work.salt, work.blocks))


@kernel
def contents_of(laba: Any, pages: Any, out: Any) -> None:
    """Which of the contents each of the pages has now."""
    for i in range(len(pages)):
        out[i] = content_of(laba[0], pages[i])


@kernel
def count_lost(at: State, laba: Any) -> int:
    """Pages that are swapped out and have no entry, or somebody else's."""
    st = header_at(at)
    pages, table = pages_of(laba[0]), records(st)
    lost = 0
    for page in range(len(pages)):
        if page + AHEAD < len(pages) and pages[page + AHEAD].state == SWAPPED:
            fetch_record(st, pages[page + AHEAD].hotter)
        if pages[page].state == SWAPPED:
            r = table[pages[page].hotter]
            lost += 1 if r.owner != page or (r.backing != STORED and r.backing != ZERO) else 0
    return lost
