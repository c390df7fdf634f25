"""The numbers that the core, its tables and Python agree on."""

from __future__ import annotations

MAX_TIERS = 32
MAX_EDGES = 64
EVACUATION = MAX_EDGES + MAX_TIERS
ALL_EDGES = EVACUATION + 1
"""With those that no config names: from each log to itself, for cleaning, and one for evacuation."""
MAX_CODECS = 8
MAX_BOUNDS = 14
"""Lengths at which what a tier holds falls into classes: 15 classes, one bit each."""
EVERY_CLASS = (1 << (MAX_BOUNDS + 1)) - 1
UNREADABLE_CLASS = MAX_BOUNDS + 1
"""Of entries that could not be read to be moved: none of EVERY_CLASS, so no edge takes them."""
REASONS = 16
TRIGGERS = 8
CHUNK = 127
"""Elements in a chunk of a cold list: a chunk is 1 KiB."""
CLUSTER = 256
"""Slots in a cluster (the kernel's SWAPFILE_CLUSTER is 512)."""
PLAN_MAX = 1024
PENDING_MAX = 256

# backing of a record
FREE, ZERO, STORED, RETIRED, KEPT = 0, 1, 2, 3, 4
# flags of a record
REFERENCED, RAW, BUSY, PLANNED, CHOSEN, COPYING, UNREADABLE = 1, 2, 4, 8, 16, 32, 64
# kinds of tier
ZSWAP, MEMORY, FILE = 0, 1, 2
# what a store into a full tier does
DEMOTE, SPILL, REFUSE = 0, 1, 2
# policies
LRU, FIFO, SECOND_CHANCE, AGE, ORACLE, LARGEST, RANDOM, CUSTOM = 0, 1, 2, 3, 4, 5, 6, 7
# triggers: bits in edge.when, and 1 + bit position in by_trigger
WHEN_PRESSURE, WHEN_LIMIT, WHEN_WATERMARK, WHEN_AGE, WHEN_REQUEST = 1, 2, 4, 8, 16
BY_PRESSURE, BY_LIMIT, BY_WATERMARK, BY_AGE, BY_REQUEST, BY_CLEANING, BY_EVACUATION = 0, 1, 2, 3, 4, 5, 6
TRIGGER_NAMES = ("pressure", "limit", "watermark", "age", "request", "cleaning", "evacuation")
# why a tier or a limit says no
(
    ACCEPTED,
    POOL_LIMIT,
    HYSTERESIS,
    FULL,
    ZSWAP_MAX,
    SWAP_MAX,
    TIERS_MAX,
    WRITEBACK_OFF,
    INCOMPRESSIBLE,
    FORBIDDEN,
    QUOTA,
    SPARSE,
    DRAINING,
    QUARANTINED,
    DISABLED,
) = range(15)
UNKNOWN_LENGTH = 15
NOT_REACHED, TOO_YOUNG = -1, -2
"""Outcomes of a suggestion: the batch was full before it; it was used after the time that the trigger asks for."""
REASON_NAMES = (
    "accepted",
    "pool_limit",
    "hysteresis",
    "full",
    "zswap_max",
    "swap_max",
    "tiers_max",
    "writeback_off",
    "incompressible",
    "forbidden",
    "quota",
    "sparse",
    "draining",
    "quarantined",
    "disabled",
)
# what a kernel that stopped wants from its caller
DONE, NEED_LENGTHS, NEED_ROOM, NEED_ROWS = 0, 1, 2, 3
# states of a pending page
WAITING, PLACED, PLACED_ZERO, REFUSED = 0, 1, 2, 3

# rows of plans that are over: for good, or but for the time that they took
LANDED, UNTIMED = -1, -2

NONE = -1
"""No row, slot, tier, cgroup or place in a list."""
NO_LIMIT = -1
# how cgroups take turns to give
ROUND_ROBIN, PROPORTIONAL, BORROW = 0, 1, 2
# what a quota is of
NO_QUOTA, BYTES_WRITTEN, TIME_TAKEN = 0, 1, 2
