"""Every order in which threads can reach the lock and the tiers: one runs at a time, and a depth-first search picks which.

An actor is a thread that stops before each lock and each `load` and `store` of a tier. Orders that differ only in steps that
touch nothing in common are the same (sleep sets leave them out): sections under the lock all touch the same state, a load
and a store the same slot, and bytes in slots are no business of the state's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs

import swaptiers as st
from swaptiers.system.open_lock import open_lock
from swaptiers.testing import WrappedTier

PATIENCE_S = 60.0
Step = tuple[str, str, frozenset[int]]
"""`lock`, `load` or `store`; of a tier the name and the slots."""
LOCK: Step = ("lock", "", frozenset())


def commute(one: Step, other: Step) -> bool:
    """True if it makes no difference which of the two comes first."""
    if LOCK in (one, other):
        return one != other
    is_same = one[1] == other[1] and bool(one[2] & other[2])
    return not is_same or one[0] == other[0] == "load"


class Stage:
    """Runs actors one at a time. `result`: what each returned or raised."""

    def __init__(self) -> None:
        self.pending: dict[str, Step] = {}
        self.result: dict[str, Any] = {}
        self._turns: dict[str, threading.Semaphore] = {}
        self._back = threading.Semaphore(0)

    def stop_before(self, step: Step) -> None:
        """An actor waits for its turn; others are not held up."""
        name = threading.current_thread().name
        if name in self._turns:
            self.pending[name] = step
            self._back.release()
            self._wait(self._turns[name])

    def start(self, actors: Mapping[str, Callable[[], Any]]) -> None:
        """Let each actor come to its first step."""
        for name, action in actors.items():
            self._turns[name] = threading.Semaphore(0)
            threading.Thread(target=self._play, args=(name, action), name=name, daemon=True).start()
            self._wait(self._back)

    def go(self, name: str) -> None:
        """Let the actor take its step, and go on to the next."""
        del self.pending[name]
        self._turns[name].release()
        self._wait(self._back)

    def _play(self, name: str, action: Callable[[], Any]) -> None:
        try:
            self.result[name] = action()
        except BaseException as error:
            self.result[name] = error
        self._back.release()

    @staticmethod
    def _wait(semaphore: threading.Semaphore) -> None:
        if not semaphore.acquire(timeout=PATIENCE_S):
            raise TimeoutError("an actor does not come back: it waits for something else than its turn")


class SteppedLock:
    """A system's lock, before which actors stop. It is free whenever one of them stops."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.RLock()
        self._is_owned = self._lock._is_owned  # type: ignore[attr-defined]
        self.release = self._lock.release

    def acquire(self) -> bool:
        self._stage.stop_before(LOCK)
        return self._lock.acquire()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class SteppedTier(WrappedTier):
    """A tier whose loads and stores actors stop before. Loads of the actors in `failing` fail."""

    def __init__(self, tier: Any, stage: Stage, failing: tuple[str, ...]) -> None:
        super().__init__(tier)
        self._stage = stage
        self._failing = failing

    def load(self, slots: Any, lengths: Any) -> Any:
        self._stage.stop_before(("load", self.name, frozenset(slots.tolist())))
        if threading.current_thread().name in self._failing:
            raise OSError(5, "no")
        return self.tier.load(slots, lengths)

    def store(self, slots: Any, payloads: Any) -> None:
        self._stage.stop_before(("store", self.name, frozenset(slots.tolist())))
        self.tier.store(slots, payloads)


def put_on(stage: Stage, swap: st.SwapSystem) -> None:
    """Let the system use a lock that actors stop before."""
    parts, lock = swap._parts, SteppedLock(stage)
    parts.lock = parts.quick_lock = lock
    parts._open_lock = open_lock(lock, lambda: parts.closed, parts.alive)
    parts.engine._lock = lock
    parts.engine._reader._lock = parts.engine._writer._lock = lock
    parts.engine._landed = threading.Condition(lock)  # type: ignore[arg-type]


@attrs.define
class Node:
    """A point of the search: who could go on there, before which step each stood, and who need not be tried any more."""

    enabled: dict[str, Step]
    asleep: dict[str, Step]
    taken: str = ""


def every_order(play: Callable[[], tuple[Stage, Callable[[list[str]], None]]]) -> int:
    """Play again and again, in every order; the number of orders. `play` gives a stage whose actors stand before their
    first step, and what is to be checked at the end, which is told the order."""
    path: list[Node] = []
    orders = 0
    while True:
        stage, check = play()
        for node in path:
            stage.go(node.taken)
        is_new = _to_the_end(stage, path)
        if is_new:
            orders += 1
            check([node.taken for node in path])
        while path and not _next_choice(path[-1]):
            path.pop()
        if not path:
            return orders


def _to_the_end(stage: Stage, path: list[Node]) -> bool:
    """Go on as the first who may; False if all who may have been tried in an order that is the same as this one."""
    while stage.pending:
        asleep: dict[str, Step] = {}
        if path:
            last = path[-1]
            step = last.enabled[last.taken]
            asleep = {name: each for name, each in last.asleep.items() if name != last.taken and commute(each, step)}
        node = Node(dict(stage.pending), asleep)
        awake = [name for name in node.enabled if name not in asleep]
        if not awake:
            while stage.pending:  # to its end all the same: a thread can't be left standing
                stage.go(next(iter(stage.pending)))
            return False
        node.taken = awake[0]
        path.append(node)
        stage.go(node.taken)
    return True


def _next_choice(node: Node) -> bool:
    """Put whom was taken to sleep, and take the next; False if there is none."""
    node.asleep[node.taken] = node.enabled[node.taken]
    awake = [name for name in node.enabled if name not in node.asleep]
    if awake:
        node.taken = awake[0]
    return bool(awake)
