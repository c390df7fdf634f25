"""Who drives a run from outside: a hand that is given the laboratory at safe points, between two references.

At a safe point nothing is under way: the log has what was decided, no page waits for a place, every account balances.
"""

from __future__ import annotations

from typing import Protocol


class Driver(Protocol):
    """Asked at every stop of the run, at the latest when virtual time reaches `next_due`."""

    @property
    def next_due(self) -> int:
        """When it wants to be asked, in virtual nanoseconds; the past = as soon as can be."""

    def turn(self, now: int) -> None:
        """Do to the laboratory what is wanted now."""
