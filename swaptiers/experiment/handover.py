"""A run that is driven from outside: other threads hand requests over, and they are carried out between two references."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from swaptiers.control.filesystem import Tree
from swaptiers.core.plan import NEVER
from swaptiers.errors import ControlFileError

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

Result = TypeVar("Result")
STEP_S = 0.02
"""How often a paced run looks at the clock."""


class Request(Generic[Result]):
    """Something that another thread wants, and what became of it."""

    def __init__(self, wanted: Callable[[Tree], Result]) -> None:
        self._wanted = wanted
        self._done = threading.Event()
        self._result: Result | None = None
        self._error: BaseException | None = None

    def carry_out(self, tree: Tree) -> None:
        """By the run's own thread. What it raises belongs to whoever asked."""
        try:
            self._result = self._wanted(tree)
        except Exception as error:
            self._error = error
        self._done.set()

    def drop(self) -> None:
        """The run is over."""
        self._error = ControlFileError(errno.ENODEV, "the run is over")
        self._done.set()

    def result(self) -> Result:
        """Wait for it; raises what it raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return cast(Result, self._result)


class DrivenTree:
    """The control tree of a run that somebody outside writes into: what he writes is noted among the run's actions."""

    def __init__(self, laboratory: Laboratory) -> None:
        tree = laboratory.control_tree()
        self.read, self.list, self.mode, self.is_dir = tree.read, tree.list, tree.mode, tree.is_dir
        self.mkdir, self.rmdir = tree.mkdir, tree.rmdir
        self.write = laboratory.actions.driven


class Handover:
    """Drives runs, one after the other, with what other threads ask for. As `driver` of a laboratory it has its thread.

    `pace`: so many virtual seconds in a second of `clock` (ns), at most; None = as fast as it goes. Requests wait between
    one run and the next, and get -ENODEV after `close`.
    """

    def __init__(self, pace: float | None = None, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._pace = pace
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: deque[Request[object]] = deque()
        self._laboratory: Laboratory | None = None
        self._tree: Tree | None = None
        self._is_closed = False
        self._began_ns = 0
        self._due = NEVER

    # for the thread that runs

    def take(self, laboratory: Laboratory) -> None:
        """A run begins."""
        with self._changed:
            self._laboratory = laboratory
            self._tree = DrivenTree(laboratory)
            laboratory.driver = self
            self._began_ns = self._clock()
            self._due = NEVER if self._pace is None else 0

    def leave(self) -> None:
        """The run is over; there may be another one."""
        with self._changed:
            self._laboratory = self._tree = None

    def close(self) -> None:
        """There will be none."""
        with self._changed:
            self._is_closed = True
            self._laboratory = self._tree = None
            while self._queue:
                self._queue.popleft().drop()

    @property
    def next_due(self) -> int:
        """At once where somebody waits; a paced run stops often."""
        return 0 if self._queue else self._due

    def turn(self, now: int) -> None:
        """Carry out what is wanted, and where virtual time is ahead wait for the clock."""
        self._serve()
        if self._pace is None:
            return
        self._due = now + max(1, int(STEP_S * self._pace * 1e9))
        reached_ns = self._began_ns + int(now / self._pace)
        self._began_ns += max(0, self._clock() - reached_ns)  # late: it does not hurry afterwards
        while (left_ns := reached_ns - self._clock()) > 0:
            with self._changed:
                if not self._queue:
                    self._changed.wait(left_ns / 1e9)
            self._serve()

    def _serve(self) -> None:
        while self._queue:
            assert self._tree is not None
            self._queue.popleft().carry_out(self._tree)

    # for all others

    def ask(self, wanted: Callable[[Tree], Result], /) -> Result:
        """Let `wanted` be called with the run's control tree at its next safe point; what it returns, or raises."""
        request = Request(wanted)
        with self._changed:
            if self._is_closed:
                raise ControlFileError(errno.ENODEV, "the run is over")
            self._queue.append(cast(Request[object], request))
            if self._laboratory is not None:
                self._laboratory.wake()
            self._changed.notify()
        return request.result()
