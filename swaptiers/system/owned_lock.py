"""A lock whose owner is told so when it wants it once more, instead of waiting for itself forever."""

from __future__ import annotations

import threading
from types import TracebackType


class OwnedLock:
    """As threading.Lock, for a system that asks users' policies: they are called with the lock held.

    Raises RuntimeError where its owner would wait for itself: a policy that calls the system which asks it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As threading.Lock.acquire."""
        if self._is_owned():
            raise RuntimeError("a policy must not call the system that asks it: it would wait for itself")
        got = self._lock.acquire(blocking, timeout)
        if got:
            self._owner = threading.get_ident()
        return got

    def release(self) -> None:
        """As threading.Lock.release."""
        self._owner = 0
        self._lock.release()

    def _is_owned(self) -> bool:
        """True if the calling thread has it (threading.Condition asks, too)."""
        return self._owner == threading.get_ident()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
