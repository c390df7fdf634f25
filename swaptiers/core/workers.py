"""The background workers, one an edge: what wakes them (watermarks, a limit, ages), and one batch a step."""

from __future__ import annotations

from swaptiers.core.charges import used_bytes
from swaptiers.core.compile import part
from swaptiers.core.constants import BY_AGE, BY_LIMIT, BY_WATERMARK, WHEN_AGE, WHEN_LIMIT, WHEN_WATERMARK
from swaptiers.core.layout import Header
from swaptiers.core.plan import MAX_FRUITLESS, NEVER, ROOT, UNLIMITED, plan_down
from swaptiers.core.quotas import is_over_quota, quota_ready


@part
def is_wanted(st: Header, edge: int) -> bool:
    """True if a background trigger of the edge wants it to move something now; keeps the triggers' memory up to date."""
    e = st.edges[edge]
    t = st.tiers[e.source]
    used = used_bytes(st, e.source)
    wanted = False
    if e.when & WHEN_WATERMARK:
        if used >= e.high_bytes:
            e.filling = 1
        if used <= e.low_bytes:
            e.filling = 0
        wanted = bool(e.filling)
    if e.when & WHEN_LIMIT:
        if t.latched:
            e.working = 1
        if used <= t.accept_bytes:
            e.working = 0
        wanted = wanted or bool(e.working)
    if e.when & WHEN_AGE:
        wanted = wanted or st.now >= e.age_due
    return wanted


@part
def plan_background(st: Header, edge: int) -> int:
    """One step of the edge's background worker; 0 entries and none rotated: nothing to do until its next trigger."""
    e = st.edges[edge]
    if e.filling:
        return plan_down(st, edge, ROOT, e.policy, BY_WATERMARK, UNLIMITED, NEVER)
    if e.working:
        return _plan_below_limit(st, edge)
    n = plan_down(st, edge, ROOT, e.policy, BY_AGE, UNLIMITED, st.now - e.age_older_than)
    if n == 0 and st.plan_rotated == 0 and not is_over_quota(st, e):
        e.age_due = st.now + e.age_every
    return n


@part
def _plan_below_limit(st: Header, edge: int) -> int:
    """One step of shrink_worker(), which gives up after 16 that moved nothing, whatever it moved in between: the next
    rejected store wakes it again. Where a step scans one entry, every rotated one counts."""
    e = st.edges[edge]
    n = plan_down(st, edge, ROOT, e.policy, BY_LIMIT, UNLIMITED, NEVER)
    if n == 0:
        e.failures += 1
        if e.failures >= MAX_FRUITLESS:
            st.plan_rotated = 0
    return n


@part
def wake_workers(st: Header) -> None:
    """A tier filled up, a latch was set or a time came: every background edge that wants to move becomes ready."""
    st.kick = 0
    for edge in range(st.edges_n):
        e = st.edges[edge]
        if (e.when & (WHEN_WATERMARK | WHEN_LIMIT | WHEN_AGE)) == 0:
            continue
        if e.ready_at == NEVER and is_wanted(st, edge):
            e.ready_at = st.now
            e.failures = 0
            e.wakeups += 1
    find_next_wake(st)


@part
def find_next_wake(st: Header) -> None:
    """`st.wake_at`: when the first background worker may take its next step."""
    st.wake_at = NEVER
    for edge in range(st.edges_n):
        st.wake_at = min(st.wake_at, st.edges[edge].ready_at)


@part
def ready_edge(st: Header) -> int:
    """The background edge whose step is due and that still wants to move; -1 if there is none."""
    for edge in range(st.edges_n):
        e = st.edges[edge]
        if e.ready_at > st.now:
            continue
        if is_wanted(st, edge):
            return edge
        e.ready_at = e.age_due if (e.when & WHEN_AGE) != 0 else NEVER
    find_next_wake(st)
    return -1


@part
def rest_worker(st: Header, edge: int) -> None:
    """The step found nothing that it could move: the worker waits for the edge's next trigger, or for its quota."""
    e = st.edges[edge]
    e.ready_at = e.age_due if (e.when & WHEN_AGE) != 0 and e.age_due > st.now else NEVER
    if is_over_quota(st, e):
        e.ready_at = quota_ready(st, e)
    find_next_wake(st)
