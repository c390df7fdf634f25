"""The log of a replay: what has to happen to bytes, in order.

Within a segment of it no event reads what another one of the segment writes, so a segment may run as all loads, then all
moves, then all stores.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import kernel, part
from swaptiers.core.constants import ZERO
from swaptiers.core.layout import Header
from swaptiers.core.slots import settle
from swaptiers.core.state import header_at, records
from swaptiers.experiment.lab import LOAD, MOVE, STORE, Lab, log_of
from swaptiers.experiment.pages import content_of


@part
def _next_event(st: Header, lab: Lab, kind: int) -> Any:
    event = log_of(lab)[lab.log_n]
    lab.log_n += 1
    event.kind = kind
    event.segment = lab.segment
    event.tier = event.to_tier = -1
    event.keeps = 0
    return event


@part
def _read_after_write(st: Header, lab: Lab, stamp: int) -> None:
    """A slot is read: if it was written in this segment of the log, the read belongs to the next one."""
    if lab.epoch != st.epoch:
        lab.epoch = st.epoch
        lab.segment_stamp = 0
    if stamp > lab.segment_stamp:
        begin_segment(st, lab)


@part
def begin_segment(st: Header, lab: Lab) -> None:
    """What is logged from here on may read what was written before."""
    lab.segment += 1
    lab.segment_stamp = st.stamp


@part
def log_load(st: Header, lab: Lab, row: int, page: int) -> None:
    if lab.lengths_at != 0:
        return
    r = records(st)[row]
    if r.backing != ZERO:
        _read_after_write(st, lab, r.stamp)
    event = _next_event(st, lab, LOAD)
    event.tier = r.tier
    event.slot = r.slot
    event.length = r.length
    event.content = content_of(lab, page)


@part
def log_move(st: Header, lab: Lab, p: Any) -> None:
    if lab.lengths_at != 0:
        return
    _read_after_write(st, lab, p.stamp)
    e = st.edges[st.plan_edge]
    event = _next_event(st, lab, MOVE)
    event.tier = e.source
    event.slot = p.slot
    event.length = p.length
    event.to_tier = e.target
    event.to_slot = p.to_slot
    event.to_length = p.to_length
    event.keeps = e.keeps_compressed
    event.content = content_of(lab, p.owner)


@part
def log_store(st: Header, lab: Lab, p: Any) -> None:
    if lab.lengths_at != 0:
        return
    event = _next_event(st, lab, STORE)
    event.to_tier = p.tier
    event.to_slot = p.slot
    event.to_length = p.length
    event.content = p.content


@kernel
def log_has_run(at: int, laba: Any) -> None:
    """The log's events have happened to the bytes: it starts anew, and the slots that it freed may be used again."""
    st = header_at(at)
    lab = laba[0]
    lab.log_n = 0
    lab.segment = 0
    lab.segment_stamp = st.stamp
    lab.epoch = st.epoch
    settle(st)
