"""What failed in which tier, counted, and which tier keeps failing.

The rule: a tier is to be quarantined after `limit` failed calls of one kind in a row. Stores are one kind, loads another: a
device that only reads any more fails every store, however many loads succeed in between. A payload that fails its checksum
is a failed load. A load that fails in the same slot as the failed one before is not counted again: one bad sector is no bad
tier, however often its page is asked for. A `free` that fails loses nothing and does not count. No clock is asked.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import attrs

Failure = Literal["store", "load", "free", "corrupt"]
"""A call that raised, or (`corrupt`) a payload that failed its checksum."""
NOWHERE = -1


@attrs.define
class _Run:
    """Failed calls of one kind in a row, and where the latest was."""

    length: int = 0
    slot: int = NOWHERE


class Failures:
    """Per tier, how often what failed. Safe from several threads.

    `limit`: failed calls in a row that make a tier suspect; None: none ever is. `runs`: how many runs of failures there are
    now; while it is 0, nobody needs to say what succeeds. `suspects`: who reached the limit, until somebody takes them.
    """

    def __init__(self, tiers: Iterable[str], limit: int | None = None) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in tiers}
        self._limit = limit
        self._lock = threading.Lock()
        self._runs: dict[tuple[str, str], _Run] = {}
        self.runs = 0
        self.suspects: set[str] = set()

    def note(self, tier: str, failure: Failure, times: int = 1, slot: int = NOWHERE) -> None:
        """It happened; `slot`: where, or the first of the call's."""
        if not times:
            return
        with self._lock:
            self._counts[tier][failure] += times
            if failure == "free" or self._limit is None:
                return
            kind = "store" if failure == "store" else "load"
            run = self._runs.setdefault((tier, kind), _Run())
            if kind == "load" and run.length and slot == run.slot:
                return
            run.length += 1
            run.slot = slot
            self.runs = len(self._runs)
            if run.length >= self._limit:
                self.suspects.add(tier)

    def worked(self, tier: str, kind: Literal["store", "load"]) -> None:
        """A call succeeded: its run of failures is over."""
        with self._lock:
            self._runs.pop((tier, kind), None)
            self.runs = len(self._runs)

    def forgive(self, tier: str) -> None:
        """The tier begins anew; what was counted stays."""
        with self._lock:
            for kind in ("store", "load"):
                self._runs.pop((tier, kind), None)
            self.runs = len(self._runs)
            self.suspects.discard(tier)

    def counts(self) -> dict[str, dict[str, int]]:
        """Tier -> failure -> how often, those that happened. Without the lock: each copy is one step."""
        return {tier: dict(counts) for tier, counts in self._counts.items()}
