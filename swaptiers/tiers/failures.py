"""What failed in which tier, counted: a failing device shows in the numbers before anybody misses a page."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Literal

Failure = Literal["store", "load", "free", "corrupt"]
"""A call that raised, or (`corrupt`) a payload that failed its checksum."""


class Failures:
    """Per tier, how often what failed. Safe from several threads."""

    def __init__(self, tiers: Iterable[str]) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in tiers}
        self._lock = threading.Lock()

    def note(self, tier: str, failure: Failure, times: int = 1) -> None:
        """It happened."""
        if times:
            with self._lock:
                self._counts[tier][failure] += times

    def counts(self) -> dict[str, dict[str, int]]:
        """Tier -> failure -> how often, those that happened."""
        with self._lock:
            return {tier: dict(counts) for tier, counts in self._counts.items()}
