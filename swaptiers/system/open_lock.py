"""A system's lock, entered only while the system is open, and never left locked by a signal.

Python looks for signals between instructions, and a handler may raise there (Ctrl-C does). A `with` over a lock that is
written in C has no such place between its being locked and the block, nor between the block and its being unlocked. One
over a class of Python's has: at the start of `__exit__`, before anything could be unlocked. So `__exit__` here is the
lock's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


def open_lock(lock: Any, is_closed: Callable[[], bool], alive: Callable[[], None]) -> AbstractContextManager[Any]:
    """`lock`, an RLock, over a system that is open: entering it raises what `alive` does if `is_closed` says so."""

    def enter(_: object) -> None:
        check_free(lock)
        try:
            lock.acquire()
            if is_closed():
                alive()
        except BaseException:
            if lock._is_owned():
                lock.release()
            raise

    made: Any = type("OpenLock", (), {"__enter__": enter, "__exit__": lock.__exit__, "__doc__": open_lock.__doc__})()
    return made  # type: ignore[no-any-return]


def new_lock() -> Any:
    """A lock that knows who holds it. Nobody takes it twice: who could, asks `check_free` first."""
    return threading.RLock()


def check_free(lock: Any) -> None:
    """Raise RuntimeError if this thread has the lock: users' policies are called with it held."""
    if lock._is_owned():
        raise RuntimeError("a policy must not call the system that asks it: it would wait for itself")
