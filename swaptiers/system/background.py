"""Background demotion in a thread of its own, as kswapd and zswap's shrink worker are: it sleeps until something is due.

Who stores says so where a tier passed its watermark or a pool its limit, and so does who changes these; a time that has come
(ages, quotas) the thread finds by itself, by the system's clock. A clock that stands still is not polled: `wake` says that
it was set.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from swaptiers.core.plan import NEVER
from swaptiers.errors import ClosedError
from swaptiers.system.parts import Parts

LEAST_S, MOST_S = 0.001, 3600.0
"""Nobody sleeps for less while the clock runs, or for longer."""


class Background:
    """The thread that takes one system's background steps. Made by `SwapSystem.background`, which starts it.

    `error`: what the latest step failed with, None once one succeeded. `on_error`, if it is set, is called in the thread
    with each of them; what it raises itself takes the error's place. Whatever is raised, the thread goes on: the entries are
    where they were, and the edge rests until its next trigger.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._due = threading.Condition(parts.lock)
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._is_asleep = False
        self.error: Exception | None = None
        self.on_error: Callable[[Exception], object] | None = None

    @property
    def running(self) -> bool:
        """True from `start` to `stop`."""
        return self._thread is not None

    def start(self) -> Self:
        """Start the thread, if it does not run. Raises ClosedError."""
        with self._parts.held():
            if self._thread is None:
                self._stopping = False
                thread = threading.Thread(target=self._work, name="swaptiers-background", daemon=True)
                self._thread = thread
                thread.start()
                atexit.register(self._leave)
        return self

    def stop(self) -> None:
        """Let the step that is under way end, and the thread with it; a second call does nothing.

        Raises what the latest step failed with, once.
        """
        self._leave()
        error, self.error = self.error, None
        if error is not None:
            raise error

    def wake(self) -> None:
        """Look now whether something is due: the clock was set. Raises ClosedError."""
        with self._parts.held():
            self._due.notify_all()

    def changed(self) -> None:
        """Somebody has stored pages, or changed terms: wake the thread, if it sleeps and something is due."""
        if not self._is_asleep:
            return  # it looks before it sleeps, and whoever made the change lets go of the lock before this
        with self._parts.held():
            words = self._parts.core.words
            if words["kick"] or words["wake_at"] <= self._parts.clock():
                self._due.notify_all()

    def leave(self, patience_s: float | None = None) -> None:
        """The thread's end, without an error; wait for it at most so long. The lock is not held."""
        thread = self._thread
        if thread is None:
            return
        self._stopping = True
        if not self._parts.is_forked():
            with self._parts.lock:
                self._due.notify_all()
            if thread is not threading.current_thread():
                thread.join(patience_s)
        atexit.unregister(self._leave)
        self._thread = None

    def _leave(self) -> None:
        self.leave()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop. An error that is on its way out is not hidden by one of the background's, which becomes a note to it."""
        try:
            self.stop()
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"and in the background: {failure}")

    def _work(self) -> None:
        """The thread: step after step while any is due, then sleep."""
        parts = self._parts
        while not self._stopping:
            try:
                moved = parts.engine.step(parts.held(), parts.clock())
                if moved is None:
                    self._sleep()
                else:
                    self.error = None
            except ClosedError:
                return
            except BaseException as error:  # whatever a tier or a policy raises: nobody's signal comes to this thread
                self.error = error if isinstance(error, Exception) else _as_exception(error)
                self._tell(self.error)

    def _tell(self, error: Exception) -> None:
        """Whoever wants to know of a step that failed."""
        if self.on_error is not None:
            try:
                self.on_error(error)
            except Exception as own:
                self.error = own

    def _sleep(self) -> None:
        """Until a step may be due, or the thread is to stop. Raises ClosedError."""
        parts, before = self._parts, NEVER
        with parts.held():
            words = parts.core.words
            while not (self._stopping or parts.closed or words["kick"]):
                now = parts.clock()
                if words["wake_at"] <= now:
                    return
                left_s = (words["wake_at"] - now) / 1e9
                stands_still, before = now == before, now
                self._is_asleep = True
                try:
                    self._due.wait(None if stands_still else min(max(left_s, LEAST_S), MOST_S))
                finally:
                    self._is_asleep = False


def _as_exception(error: BaseException) -> RuntimeError:
    """What is raised where the thread is stopped must not look like somebody's Ctrl-C there."""
    failure = RuntimeError(f"a step in the background ended with {type(error).__name__}")
    failure.__cause__ = error
    return failure
