"""A tier that takes its time, or hangs: until the test says go on, never for a number of seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.testing.faults import Operation
from swaptiers.testing.wrapped import WrappedTier
from swaptiers.tiers.base import Tier

PATIENCE_S = 60.0
"""Longer than anything takes: a barrier that nobody opens fails the test instead of hanging it."""


class Hang:
    """One call that hangs. `wait` until it is there, `release` to let it go on."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._reached = threading.Event()
        self._released = threading.Event()

    def wait(self) -> None:
        """Until a call hangs here. Raises TimeoutError if none comes within a minute."""
        if not self._reached.wait(PATIENCE_S):
            raise TimeoutError(f"no call of {self.operation} came to hang")

    def is_reached(self) -> bool:
        """True if a call hangs here, or did."""
        return self._reached.is_set()

    def release(self) -> None:
        """Let the call go on; if none is here yet, the one that comes will not hang."""
        self._released.set()

    def hang(self) -> None:
        """What the call does. Raises TimeoutError if nobody releases it within a minute."""
        self._reached.set()
        if not self._released.wait(PATIENCE_S):
            raise TimeoutError(f"the hanging {self.operation} was never released")


class SlowTier(WrappedTier):
    """Any tier, slower: before each call `pause(operation, pages)` is called (to move a clock on, say), and a call that
    was told to hang does so before it reaches the tier inside."""

    def __init__(self, tier: Tier, pause: Callable[[Operation, int], None] | None = None) -> None:
        super().__init__(tier)
        self._pause = pause
        self._lock = threading.Lock()
        self._hangs: list[Hang] = []

    def hang(self, operation: Operation) -> Hang:
        """The next call of `operation` hangs until the returned barrier is released. Several: one call after the other."""
        hang = Hang(operation)
        with self._lock:
            self._hangs.append(hang)
        return hang

    def encode(self, page: Buffer) -> Buffer:
        self._wait("encode", 1)
        return self.tier.encode(page)

    def decode(self, payload: Buffer) -> Buffer:
        self._wait("decode", 1)
        return self.tier.decode(payload)

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        self._wait("store", len(payloads))
        self.tier.store(slots, payloads)

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        self._wait("load", len(slots))
        return self.tier.load(slots, lengths)

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        self._wait("free", len(slots))
        self.tier.free(slots)

    def close(self) -> None:
        self._wait("close", 0)
        self.tier.close()

    def _wait(self, operation: Operation, pages: int) -> None:
        if self._pause is not None:
            self._pause(operation, pages)
        with self._lock:
            hang = next((each for each in self._hangs if each.operation == operation), None)
            if hang is not None:
                self._hangs.remove(hang)
        if hang is not None:
            hang.hang()
