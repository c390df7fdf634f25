"""The laboratory's own state, beside the core's: pages, clock, the event log, what is counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.compile import part
from swaptiers.core.constants import MAX_TIERS
from swaptiers.core.state import carray, pointer
from swaptiers.workloads.source import MAX_WORKLOADS

Lab = Any
"""A record of dtype LAB."""

LOG_CAPACITY = 1 << 14
LOG_HIGH = 1 << 12
"""The log is run when it holds this many events; a single reference adds a few hundred at most."""
LATENCY_BUCKETS = 64 * 48
SUB_BUCKETS = 64
STEPS_CAPACITY = 1 << 13
STEPS_HIGH = 1 << 12
"""As LOG_HIGH, for the steps of demotion, where somebody wants to know each."""

# where the loop stands
IDLE, ROOM, STORING, EVICTING = 0, 1, 2, 3
# why it stopped
GO_ON = -1
CHUNK_DONE, WANTS_LENGTHS, DUE, LOG_FULL, WANTS_MOVE_LENGTHS, WANTS_REFERENCES, EVICTED = 0, 1, 2, 3, 4, 5, 6
# events
LOAD, MOVE, STORE = 0, 1, 2
NOT_KNOWN, KNOWN = 0, 1


def _record(fields: list[Any]) -> np.dtype[Any]:
    return np.dtype((np.record, np.dtype(fields, align=True)))


EVENT = _record(
    [
        ("slot", "i8"),
        ("to_slot", "i8"),
        ("content", "i4"),
        ("length", "i4"),
        ("to_length", "i4"),
        ("segment", "i4"),
        ("kind", "i1"),
        ("tier", "i1"),
        ("to_tier", "i1"),
        ("keeps", "i1"),  # 1 = the payload moves as it is
    ]
)
WORKLOAD = _record(
    [
        ("cgroup", "i8"),
        ("think", "i8"),
        ("salt", "i8"),
        ("blocks", "i8"),
        ("first_content", "i8"),
        ("first_page", "i8"),
        ("end_page", "i8"),
        # interleave: time
        ("ready_at", "i8"),  # when its next reference is due
        ("at", "i8"),  # place of its next reference in the chunk
        ("end", "i8"),
        ("left", "i8"),  # references that are not in the chunk yet
    ]
)
STEP = _record(  # one batch that moved along an edge
    [
        ("time_ns", "i8"),
        ("source", "i4"),
        ("target", "i4"),
        ("trigger", "i4"),
        ("cgroup", "i4"),
        ("entries", "i8"),
        ("freed_bytes", "i8"),
        ("written_bytes", "i8"),
    ]
)
RECENCY = _record(  # one cgroup's order of recency, for inversion
    [
        ("fenwick_at", "i8"),  # address of (tiers, capacity + 1) int32
        ("capacity", "i8"),
        ("next", "i8"),
        ("mask", "i8"),  # a page counts if its hash has none of these bits
        ("entries", "i8", (MAX_TIERS,)),
        ("inverted", "i8", (MAX_TIERS, MAX_TIERS)),  # [faster, slower]
        ("late_sum", "f8"),
        ("late_any", "i8"),
        ("late_n", "i8"),
        ("excess_ns", "i8"),
        ("excess_n", "i8"),
    ]
)
LAB = _record(
    [
        ("pages_at", "i8"),
        ("pages_n", "i8"),
        ("log_at", "i8"),
        ("log_n", "i8"),
        ("segment", "i8"),
        ("segment_stamp", "i8"),
        ("epoch", "i8"),
        ("lengths_at", "i8"),  # (codecs, contents) int32; 0 = payloads are real, lengths come from the codec
        ("zero_at", "i8"),
        ("contents_n", "i8"),
        ("lengths_n", "i8"),
        ("recency_at", "i8"),  # 0 = inversion is off
        ("recency_n", "i8"),
        ("following_at", "i8"),  # per reference, when its page is referenced next; 0 = nobody knows the future
        ("following_n", "i8"),
        ("nexts_at", "i8"),  # per page
        ("kept_at", "i8"),  # per page, the row of the slot that it kept when it was read; 0 = no tier keeps any
        ("ages_at", "i8"),  # per cgroup, at which ages pages were used again; 0 = nobody wants to know
        ("ages_n", "i8"),
        ("workloads_n", "i8"),
        ("reclaim_batch", "i8"),
        ("by_time", "i8"),  # 1 = interleave: time
        # the loop
        ("phase", "i8"),
        ("cursor", "i8"),
        ("now", "i8"),
        ("stop_at", "i8"),
        ("page", "i8"),
        ("write", "i8"),
        ("workload", "i8"),
        ("is_fault", "i8"),
        ("latency", "i8"),
        ("rounds", "i8"),
        ("scope", "i8"),
        ("room_before", "i8"),
        ("moved", "i8"),
        ("move_lengths", "i8"),
        ("worker_edge", "i8"),
        ("is_resuming", "i8"),  # 1: the workers stopped for Python in the middle of their steps
        ("writing_tier", "i8"),
        ("evict_left", "i8"),  # pages still to be evicted without anybody waiting
        ("evict_before", "i8"),  # last used before then
        ("warm", "i8"),
        # what is counted
        ("refs", "i8"),
        ("stall_ns", "i8"),
        ("fault_ns", "i8"),
        ("faults", "i8"),
        ("ram_byte_ns", "f8"),
        ("ram_since", "i8"),
        ("ram_peak", "i8"),
        ("steps_at", "i8"),  # 0 = nobody wants to know each step
        ("steps_n", "i8"),
        ("latencies_at", "i8"),  # (workloads, LATENCY_BUCKETS): faults by how long they took
        ("workloads", WORKLOAD, (MAX_WORKLOADS,)),
    ]
)


@part
def following_of(lab: Lab) -> Any:
    return carray(pointer(lab.following_at), (lab.following_n,), np.int64)


@part
def nexts_of(lab: Lab) -> Any:
    return carray(pointer(lab.nexts_at), (lab.pages_n,), np.int64)


@part
def kept_of(lab: Lab) -> Any:
    return carray(pointer(lab.kept_at), (lab.pages_n,), np.int32)


@part
def log_of(lab: Lab) -> Any:
    return carray(pointer(lab.log_at), (LOG_CAPACITY,), EVENT)


@part
def steps_of(lab: Lab) -> Any:
    return carray(pointer(lab.steps_at), (STEPS_CAPACITY,), STEP)


@part
def is_log_full(lab: Lab) -> bool:
    """True if events or steps have to be taken out before the replay goes on."""
    return bool(lab.log_n >= LOG_HIGH or lab.steps_n >= STEPS_HIGH)


@part
def lengths_of(lab: Lab) -> Any:
    return carray(pointer(lab.lengths_at), (lab.lengths_n,), np.int32)


@part
def zero_of(lab: Lab) -> Any:
    return carray(pointer(lab.zero_at), (lab.contents_n,), np.uint8)


@part
def recency_of(lab: Lab) -> Any:
    return carray(pointer(lab.recency_at), (lab.recency_n,), RECENCY)


@part
def latencies_of(lab: Lab) -> Any:
    return carray(pointer(lab.latencies_at), (lab.workloads_n * LATENCY_BUCKETS,), np.int64)


@part
def latency_bucket(latency: int) -> int:
    """Log-linear: 64 buckets per power of two, so that a percentile is right within 1.6 %."""
    if latency < SUB_BUCKETS:
        return latency
    octave = 0
    rest = latency
    while rest >= 2 * SUB_BUCKETS:
        rest >>= 1
        octave += 1
    return min((octave + 1) * SUB_BUCKETS + rest - SUB_BUCKETS, LATENCY_BUCKETS - 1)


def bucket_latency(bucket: int) -> int:
    """The lowest latency of a bucket, ns."""
    if bucket < SUB_BUCKETS:
        return bucket
    octave, rest = divmod(bucket - SUB_BUCKETS, SUB_BUCKETS)
    return int((rest + SUB_BUCKETS) << octave)
