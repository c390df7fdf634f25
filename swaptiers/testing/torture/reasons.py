"""Which error may come of what was injected, and what it says about the data."""

from __future__ import annotations

import errno
from collections import Counter
from typing import Any

from swaptiers.errors import CorruptEntryError, GraphError, PolicyError, TierIOError
from swaptiers.testing.torture.arena import Arena
from swaptiers.testing.torture.own_kinds import WHIMS
from swaptiers.testing.torture.witness import TOO_BIG

RAISING = ("error", "short", "torn")


def explain(arena: Arena, error: BaseException, before: dict[str, Counter[Any]]) -> str | None:
    """Why this error may be, in a word, or None if it may not.

    `before`: what `arena.injected()` was before the call, {} to look at the whole episode. `damaged`: the device lost
    what it acknowledged, so that some entry can't be had.
    """
    since = {name: counts - before.get(name, Counter()) for name, counts in arena.injected().items()}
    if isinstance(error, TierIOError):
        return _of_tier(arena, error, since.get(error.tier, Counter()))
    if isinstance(error, CorruptEntryError):
        if error.tier in arena.witnesses and arena.witnesses[error.tier].is_damaged(error.slot):
            return "damaged"
        return "flip" if since.get(error.tier, Counter())[("load", "flip")] else None
    if type(error) is RuntimeError and isinstance(
        error.__cause__, KeyboardInterrupt
    ):  # what the background makes of one
        error = error.__cause__
    kind = {MemoryError: "memory", KeyboardInterrupt: "interrupt"}.get(type(error))
    if kind is not None:
        injected = (each for counts in since.values() for each in counts)
        return kind if any(each[1] == kind for each in injected) else None
    if isinstance(error, GraphError):  # somebody else removed it between our look and our call
        return "removed" if not before and arena.removed_or_going else None
    if isinstance(error, PolicyError):
        return "policy" if any(e.policy == WHIMS and e.options for e in arena.swap.graph.edges) else None
    return None


def _of_tier(arena: Arena, error: TierIOError, since: Counter[Any]) -> str | None:
    """A failure of a tier: the same as came out of it, and it was made to fail."""
    if not since[("OSError", error.errno)]:
        return None
    if any(kind in RAISING for operation, kind in since if operation != "OSError"):
        return "injected"
    if error.errno in TOO_BIG and arena.witnesses[error.tier].too_big:
        return "file size limit"
    is_lossy = error.tier in arena.cut or arena.witnesses[error.tier].has_lied()
    return "damaged" if is_lossy and error.errno == errno.EIO else None
