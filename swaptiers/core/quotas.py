"""How much an edge may write, or how long its moves may take, per interval: a bucket kept as a time.

`quota_at` is the time up to which the quota is used up; each unit moves it on. A batch may start while that is at most
`quota_burst` ahead of now. So over any window the edge does at most rate x window + burst + one batch (a generic cell rate
algorithm). DAMOS has the same two kinds of quota (kernel.md 5.3), per interval.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import BYTES_WRITTEN, NO_QUOTA, TIME_TAKEN
from swaptiers.core.layout import Header

RETRY_NS = 1_000_000
"""How soon to look again while another batch's time is not known yet."""


@part
def is_over_quota(st: Header, e: Any) -> bool:
    """True if no batch may start now."""
    if e.quota_of == NO_QUOTA:
        return False
    return bool(e.quota_flying > 0 or e.quota_at - e.quota_burst > st.now)


@part
def quota_ready(st: Header, e: Any) -> int:
    """When a batch may start that may not now."""
    if e.quota_flying > 0:
        return int(st.now + RETRY_NS)
    return int(max(e.quota_at - e.quota_burst, st.now + 1))


@part
def _ns_of(e: Any, units: int) -> int:
    return int((units * e.quota_ps + 999) // 1000)


@part
def charge_written(st: Header, e: Any, nbytes: int) -> None:
    """An entry of `nbytes` is planned."""
    if e.quota_of == BYTES_WRITTEN:
        e.quota_at = max(e.quota_at, st.now) + _ns_of(e, nbytes)


@part
def refund_written(e: Any, nbytes: int) -> None:
    """It is smaller than was charged (by `nbytes`, negative = larger), or was not moved at all."""
    if e.quota_of == BYTES_WRITTEN and nbytes >= 0:
        e.quota_at -= _ns_of(e, nbytes)
    elif e.quota_of == BYTES_WRITTEN:
        e.quota_at += _ns_of(e, -nbytes)


@part
def start_timed(e: Any) -> None:
    """A batch is planned; with a quota of time, the next one waits until this one's time is known."""
    if e.quota_of == TIME_TAKEN:
        e.quota_flying += 1


@part
def end_timed(st: Header, e: Any, took_ns: int) -> None:
    """The batch took so long; 0 if it was given up before it began."""
    if e.quota_of == TIME_TAKEN:
        e.quota_flying -= 1
        e.quota_at = max(e.quota_at, st.now) + _ns_of(e, took_ns)
