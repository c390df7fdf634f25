"""What the core's tables are made of, field by field.

All integers are signed; the interpreted kernels (NUMBA_DISABLE_JIT=1) must give the same numbers as the compiled ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swaptiers.core.constants import (
    ALL_EDGES,
    CHUNK,
    CLUSTER,
    MAX_BOUNDS,
    MAX_CODECS,
    MAX_EDGES,
    MAX_TIERS,
    REASONS,
    TRIGGERS,
)

Header = Any
"""A record of dtype HEADER. numba knows the type, mypy can't."""


def record_of(fields: list[Any], *, align: bool = True) -> np.dtype[Any]:
    """A structured dtype whose scalars take attribute access, in numba and in Python alike."""
    return np.dtype((np.record, np.dtype(fields, align=align)))


RECORD = record_of(
    [
        ("slot", "i8"),  # where in the tier; the free list threads through it
        ("last_use", "i8"),  # ns
        ("stamp", "i4"),  # of the latest placement; 0 = in no cold list
        ("length", "i4"),  # stored bytes
        ("cgroup", "i4"),
        ("generation", "i4"),
        ("owner", "i4"),  # the laboratory's page number
        ("tier", "i1"),
        ("backing", "i1"),
        ("marks", "i1"),
        ("way", "i1"),  # which way it came into its cold list: 0 = stored, 1 + e = along edge e
    ]
)
RECORD_BYTES = RECORD.itemsize
TIER = record_of(
    [
        ("kind", "i8"),
        ("rank", "i8"),  # 0 = fastest
        ("codec", "i8"),  # column of a pending page's lengths; -1 = whole pages
        ("raw_refused", "i8"),
        ("on_full", "i8"),
        ("capacity_bytes", "i8"),
        ("accept_bytes", "i8"),
        ("latched", "i8"),  # zswap's pool_reached_full
        ("barred", "i8"),  # why nothing new comes in: DRAINING or QUARANTINED; 0 = it does
        ("disabled", "i8"),  # 1 = zswap's `enabled` is N: nothing new comes in either
        ("watch_bytes", "i8"),  # from here on a background edge wants to be asked
        ("entries", "i8"),
        ("stored_bytes", "i8"),
        ("pool_bytes", "i8"),
        ("peak_pool_bytes", "i8"),
        ("pool_limit_hit", "i8"),
        ("stores", "i8"),
        ("loads", "i8"),
        ("demoted_in", "i8"),
        ("demoted_out", "i8"),
        ("read_bytes", "i8"),
        ("written_bytes", "i8"),
        ("refused", "i8", (REASONS,)),
        ("class_objects", "i8", (256,)),  # zsmalloc: objects per size class
        # keep_clean: slots of pages that were read back and not written since
        ("keeps_clean", "i8"),
        ("keep_bytes", "i8"),  # above so much in use none is kept any more
        ("kept", "i8"),
        ("kept_ring", "i8"),  # 1 + its index
        ("clean_stores", "i8"),
        # layout: log
        ("segment_bytes", "i8"),  # 0 = slots
        ("segments_at", "i8"),
        ("segments_n", "i8"),  # that the file has room for
        ("segments_limit", "i8"),  # that may be in use
        ("segments_used", "i8"),
        ("segment_top", "i8"),
        ("segment_empty", "i8"),  # list of those that were used before; -1 = none
        ("segments_sealed", "i8"),  # so far; the order of sealing
        ("head", "i8"),  # the segment that payloads are appended to; -1 = none
        ("copy_head", "i8"),  # the one that cleaning appends to
        ("unplaced", "i8"),  # payloads that are on their way and have no address yet
        ("cleaner", "i8"),  # the edge from the tier to itself
        ("cleans_down", "i8"),  # 1 = cleaning demotes what is alive, where it can
        ("cleanings", "i8"),
        ("cleaned_entries", "i8"),
        ("cleaned_bytes", "i8"),
        ("bounds_n", "i8"),
        ("bounds", "i8", (MAX_BOUNDS,)),  # stored lengths at which a new class of entries begins, for edges' `only`
        ("clusters_at", "i8"),
        ("clusters_n", "i8"),
        ("cluster_top", "i8"),
        ("cluster_current", "i8"),
        ("empty_head", "i8"),
        ("partial_head", "i8"),
        ("read_ns", "i8"),
        ("write_ns", "i8"),
        ("call_ns", "i8"),
        ("ps_per_byte", "i8"),
        ("busy_until", "i8"),
    ]
)
EDGE = record_of(
    [
        ("source", "i8"),
        ("target", "i8"),
        ("policy", "i8"),
        ("when", "i8"),
        ("batch", "i8"),
        ("older_than", "i8"),
        ("keeps_compressed", "i8"),  # the payload moves as it is
        ("high_bytes", "i8"),
        ("low_bytes", "i8"),
        ("age_older_than", "i8"),
        ("age_every", "i8"),
        ("age_due", "i8"),
        ("filling", "i8"),  # between high and low, on the way down
        ("working", "i8"),  # the limit's worker is on its way down to accept_threshold
        ("failures", "i8"),  # steps of the limit's worker, since it was woken, that moved nothing
        ("ready_at", "i8"),  # when its background worker may take the next step
        ("share", "i8"),  # how cgroups take turns
        ("cursor", "i8"),  # cgroup asked last, as a place in the preorder
        ("quota_of", "i8"),  # what the quota is of: NO_QUOTA, BYTES_WRITTEN, TIME_TAKEN
        ("quota_ps", "i8"),  # what one byte, or one ns, takes of the quota's time
        ("quota_burst", "i8"),  # ns that it may run ahead
        ("quota_at", "i8"),  # the time up to which the quota is used up
        ("quota_flying", "i8"),  # plans whose time is not known yet
        ("entries", "i8"),
        ("freed_bytes", "i8"),
        ("written_bytes", "i8"),
        ("wakeups", "i8"),  # how often its background worker was woken
        ("asked", "i8"),  # how often it was asked for a batch
        ("empty", "i8"),  # of those, how often it had nothing to take
        ("young", "i8"),  # nothing that was old enough
        ("waited", "i8"),  # nothing but referenced entries, which were rotated
        ("stalled", "i8", (REASONS,)),  # nothing because of a refusal
        ("scanned", "i8"),
        ("rotated", "i8"),
        ("backpressure", "i8"),
        ("passed_over", "i8"),  # cgroups whose turn it was, but for their memory.swap.tiers.low
        ("by_trigger", "i8", (TRIGGERS,)),
        ("refused", "i8", (REASONS,)),
    ]
)
CGROUP = record_of(
    [
        ("parent", "i4"),
        ("alive", "i4"),
        ("place", "i4"),  # in the preorder of the tree
        ("place_end", "i4"),  # the subtree is [place, place_end)
        ("memory_max", "i8"),
        ("zswap_max", "i8"),
        ("swap_max", "i8"),
        ("writeback", "i8"),  # effective: 0 if any ancestor says 0
        ("allowed", "i8"),  # effective mask of tiers
        ("takes", "i2", (MAX_EDGES,)),  # per edge, the classes of this cgroup's entries that it takes
        ("owes", "i8", (MAX_EDGES,)),  # per edge with share: proportional, bytes that it should have given by now
        ("searched", "i8"),  # the latest search for a cgroup to give that is done with it
        ("resident_pages", "i8"),  # with descendants
        ("zswap_bytes", "i8"),  # with descendants
        ("swap_pages", "i8"),  # with descendants
        ("own_resident", "i8"),
        ("own_entries", "i8"),
        ("own_zero", "i8"),
        ("lru_head", "i4"),  # hottest resident page
        ("lru_tail", "i4"),  # coldest
        ("reclaim_place", "i8"),
        ("zswpin", "i8"),
        ("zswpout", "i8"),
        ("zswpwb", "i8"),
        ("zswpwb_proactive_bytes", "i8"),  # of that, what requests asked for, in stored bytes
        ("pswpin", "i8"),
        ("pswpout", "i8"),
        ("swap_max_events", "i8"),
        ("swap_fail_events", "i8"),
        ("zswap_max_events", "i8"),
        ("tiers_low_events", "i8"),  # batches that it gave though it was protected
        ("bypass", "i8"),
        ("refs", "i8"),
        ("hits", "i8"),
        ("faults", "i8"),
        ("first_touches", "i8"),
        ("over_limit", "i8"),
        ("fault_ns", "i8"),
        ("stall_ns", "i8"),
    ]
)
CELL = record_of(  # one cgroup in one tier
    [
        ("entries", "i8"),
        ("stored_bytes", "i8"),
        ("tree_bytes", "i8"),  # with descendants
        ("limit_bytes", "i8"),
        ("low_bytes", "i8"),  # up to which the subtree is protected; 0 = not
        ("first_ring", "i8"),  # 1 + its index; 0 = none, as in untouched memory
        ("loads", "i8"),  # its own entries, swapped in from there
        ("whole_pages", "i8"),  # its own entries that are stored in full: raw ones, where the tier compresses
    ]
)
RING = record_of(
    [
        ("head_chunk", "i4"),
        ("tail_chunk", "i4"),
        ("head_at", "i4"),
        ("tail_at", "i4"),
        ("total", "i8"),  # elements, dead ones too
        ("live", "i8"),
        ("latest_use", "i8"),
        ("disorder", "i8"),  # elements that came in later than warmer ones
        ("key", "i4"),  # its way in + WAYS x its class
        ("next", "i4"),  # 1 + index of the cell's next ring
    ]
)
CHUNK_RECORD = record_of([("next", "i4"), ("_", "i4"), ("rows", "i4", (CHUNK,)), ("stamps", "i4", (CHUNK,))])
CLUSTER_RECORD = record_of(
    [
        ("taken", "u1", (CLUSTER,)),
        ("used", "i4"),
        ("cursor", "i4"),
        ("previous", "i4"),
        ("next", "i4"),
        ("listed", "i4"),  # 0 = in no list, 1 = empty, 2 = partly used
    ]
)
PLAN = record_of(
    [
        ("row", "i8"),  # LANDED once the move is over, whatever became of it
        ("stamp", "i8"),
        ("epoch", "i8"),
        ("generation", "i8"),
        ("cgroup", "i8"),  # which the reservation is charged to
        ("owner", "i8"),
        ("slot", "i8"),
        ("length", "i8"),
        ("checksum", "i8"),
        ("to_slot", "i8"),
        ("reserved", "i8"),  # bytes accounted in the target until the true length is known
        ("to_length", "i8"),  # the mover writes the true one
        ("to_checksum", "i8"),
        ("copied", "i8"),  # set by the mover: 0 = the copy failed, the entry stays where it is
    ]
)
PENDING = record_of(
    [
        ("owner", "i8"),
        ("content", "i8"),
        ("cgroup", "i8"),
        ("last_use", "i8"),
        ("zero", "i8"),
        ("checksum", "i8"),
        ("state", "i8"),
        ("row", "i8"),
        ("tier", "i8"),
        ("slot", "i8"),
        ("length", "i8"),
        ("reason", "i8"),
        ("rank", "i8"),  # of the tier to be tried next
        ("first_rank", "i8"),  # of the first tier it is allowed in; -1 = not known yet
        ("fruitless", "i8"),
        ("limit_shrunk", "i8"),
        ("behind", "i8"),  # 1: entries are on their way somewhere, and no plan can move them until they are there
        ("lengths", "i4", (MAX_CODECS,)),
    ]
)
TAKE = record_of(
    [
        ("row", "i8"),
        ("placement", "i8"),  # as `placement_of` has it
        ("generation", "i8"),
        ("tier", "i8"),
        ("slot", "i8"),
        ("length", "i8"),
        ("checksum", "i8"),
        ("marks", "i8"),
    ]
)
PICK = record_of(
    [
        ("row", "i8"),
        ("score", "i8"),
        ("outcome", "i8"),  # of a suggestion: ACCEPTED, why not, or NOT_REACHED
    ]
)
QUARANTINE = record_of([("tier", "i8"), ("slot", "i8")])
SEGMENT = record_of(
    [
        ("at", "i8"),  # bytes appended
        ("live", "i8"),  # of them, still somebody's
        ("pending", "i4"),  # addresses given out that nobody has written to yet
        ("quarantined", "i4"),
        ("order", "i8"),  # of its sealing
        ("state", "i4"),
        ("noted", "i4"),  # payloads in it, dead ones too
        ("first_chunk", "i4"),
        ("last_chunk", "i4"),
        ("next", "i8"),  # in the list of empty ones
        ("barren", "i8"),  # all that is alive in it is unreadable: cleaning it would free nothing
    ]
)

HEADER = record_of(
    [
        ("page_size", "i8"),
        ("charge_zswap", "i8"),
        ("legacy_swap_charge", "i8"),
        ("tiers_n", "i8"),
        ("edges_n", "i8"),
        ("by_rank", "i8", (MAX_TIERS,)),
        # records
        ("records_at", "i8"),
        ("checksums_at", "i8"),
        ("records_n", "i8"),
        ("row_top", "i8"),
        ("free_row", "i8"),
        ("free_rows", "i8"),
        ("retired_rows", "i8"),
        ("zero_entries", "i8"),
        ("zero_stores", "i8"),
        ("zero_loads", "i8"),
        ("stamp", "i8"),
        ("stamp_limit", "i8"),
        ("epoch", "i8"),
        ("generation_limit", "i8"),
        ("id_tag", "i8"),
        # tables
        ("cgroups_at", "i8"),
        ("cgroups_n", "i8"),
        ("preorder_at", "i8"),
        ("cells_at", "i8"),
        ("cells_n", "i8"),
        ("rings_at", "i8"),
        ("rings_n", "i8"),
        ("ring_top", "i8"),
        ("chunks_at", "i8"),
        ("chunks_n", "i8"),
        ("chunk_top", "i8"),
        ("chunk_free", "i8"),
        ("pending_at", "i8"),
        ("pending_n", "i8"),
        ("pending_i", "i8"),
        ("quarantine_at", "i8"),
        ("quarantine_n", "i8"),
        ("quarantine_top", "i8"),
        # choosing by score
        ("picks_at", "i8"),
        ("scores_at", "i8"),
        ("chooser_at", "i8"),  # address of a function of Python's that suggests entries; 0 = there is none
        # the latest plan
        ("plan_at", "i8"),
        ("plan_n", "i8"),
        ("plan_taken", "i8"),  # 1: somebody has it, and lands it
        ("plan_edge", "i8"),
        ("plan_trigger", "i8"),
        ("plan_bytes", "i8"),
        ("plan_scanned", "i8"),
        ("plan_rotated", "i8"),
        ("plan_young", "i8"),  # 1: it ended at an entry that is too young
        ("plan_blocked", "i8"),
        # the latest plan that was carried out, those of its entries that moved
        ("done_freed", "i8"),
        ("done_written", "i8"),
        # the latest search for a cgroup to give
        ("search", "i8"),
        ("passed_over", "i8"),
        ("lows", "i8"),  # cells with low_bytes
        # the latest refusal
        ("refusal_scope", "i8"),
        ("need_codec", "i8"),
        ("is_logged", "i8"),  # 1 = a log names slots that are free by now: they stay in quarantine until it has run
        ("batch_tiers", "i8"),  # which tiers the latest batch of places or takes is in, a bit each
        ("batch_others", "i8"),  # pages of it that are in no tier: zero or refused
        ("one_tier", "i8"),  # where the single page of the latest call is, or was; -1 = it is a zero page
        ("one_slot", "i8"),
        ("one_entry", "i8"),  # the single page that was stored last; whoever asks says 0 first
        ("flying", "i8"),  # plans and writes that somebody is carrying out without the lock
        # background
        ("kick", "i8"),
        ("wake_at", "i8"),
        ("now", "i8"),
        ("edge_stack", "i8", (MAX_EDGES * 2,)),
        ("scope_stack", "i8", (MAX_EDGES * 2,)),
        # zsmalloc's size classes for this page size
        ("class_rep", "i8", (256,)),
        ("class_pages", "i8", (256,)),
        ("class_fits", "i8", (256,)),
        ("tiers", TIER, (MAX_TIERS,)),
        ("edges", EDGE, (ALL_EDGES,)),
    ]
)
