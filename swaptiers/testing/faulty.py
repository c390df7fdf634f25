"""A tier that fails as planned, while it is armed."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.testing.faults import Fault, FaultPlan, Operation, Script
from swaptiers.testing.wrapped import WrappedTier
from swaptiers.tiers.base import Tier

Slots = npt.NDArray[np.int64]
BAD_SECTOR = Fault("load")


class FaultyTier(WrappedTier):
    """Any tier, with faults: those of a plan, or the ones given. Armed from the start unless `armed` is False.

    `bad_slots`: bad sectors; while it is armed, every load that asks for one of them fails with EIO, whatever the plan
    says. `injected`: how often each (operation, kind) happened. Safe from several threads as far as the wrapped tier is.
    """

    def __init__(self, tier: Tier, plan: FaultPlan | Iterable[Fault] = (), *, armed: bool = True) -> None:
        super().__init__(tier)
        self.bad_slots: set[int] = set()
        self.injected: Counter[tuple[str, str]] = Counter()
        self._plan = _plan_of(plan)
        self._lock = threading.Lock()
        self._calls: Counter[Operation] = Counter()
        self._armed = armed

    def arm(self, plan: FaultPlan | Iterable[Fault] | None = None) -> None:
        """From now on it fails, as planned now or before; calls are counted from 0 again."""
        with self._lock:
            self._plan = self._plan if plan is None else _plan_of(plan)
            self._calls.clear()
            self._armed = True

    def disarm(self) -> None:
        """From now on it is as good as the tier inside."""
        with self._lock:
            self._armed = False

    @contextmanager
    def disarmed(self) -> Iterator[None]:
        """Good for a while; calls meanwhile are not counted."""
        before = self._armed
        self.disarm()
        try:
            yield
        finally:
            with self._lock:
                self._armed = before

    def encode(self, page: Buffer) -> Buffer:
        self._maybe_raise(self._next("encode"))
        return self.tier.encode(page)

    def decode(self, payload: Buffer) -> Buffer:
        self._maybe_raise(self._next("decode"))
        return self.tier.decode(payload)

    def store(self, slots: Slots, payloads: list[Buffer]) -> None:
        fault = self._next("store")
        if fault is None:
            self.tier.store(slots, payloads)
            return
        self._maybe_raise(fault)
        if fault.kind in ("short", "torn"):
            self._store_part(slots, payloads, torn=fault.kind == "torn")
            raise _os_error(fault)
        if fault.kind == "stray":
            self.tier.store(np.roll(slots, 1), payloads)
        elif fault.kind == "flip":
            self.tier.store(slots, _with_flip(payloads, fault.pick))

    def load(self, slots: Slots, lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        fault = self._next("load", slots)
        self._maybe_raise(fault)
        payloads = self.tier.load(slots, lengths)
        return payloads if fault is None else _with_flip(payloads, fault.pick)

    def free(self, slots: Slots) -> None:
        self._maybe_raise(self._next("free"))
        self.tier.free(slots)

    def close(self) -> None:
        fault = self._next("close")
        self.tier.close()
        self._maybe_raise(fault)

    def _next(self, operation: Operation, slots: Slots | None = None) -> Fault | None:
        with self._lock:
            if not self._armed:
                return None
            number = self._calls[operation]
            self._calls[operation] += 1
            fault = self._plan.fault(self.name, operation, number)
            if slots is not None and not self.bad_slots.isdisjoint(slots.tolist()):
                fault = BAD_SECTOR
            if fault is not None:
                self.injected[(operation, fault.kind)] += 1
            return fault

    def _store_part(self, slots: Slots, payloads: list[Buffer], *, torn: bool) -> None:
        """The first half of the batch, and where it is torn half of the next payload too."""
        half = len(payloads) // 2
        part = list(payloads[:half])
        if torn and payloads:
            whole = bytes(payloads[half])
            part.append(
                whole[: len(whole) // 2] if self.compressed else whole[: len(whole) // 2].ljust(len(whole), b"\0")
            )
        self.tier.store(slots[: len(part)], part)

    @staticmethod
    def _maybe_raise(fault: Fault | None) -> None:
        if fault is not None and fault.kind == "error":
            raise _os_error(fault)
        if fault is not None and fault.kind == "memory":
            raise MemoryError(f"no memory to {fault.operation}")
        if fault is not None and fault.kind == "interrupt":
            raise KeyboardInterrupt


def _plan_of(plan: FaultPlan | Iterable[Fault]) -> FaultPlan:
    return Script(plan) if isinstance(plan, Iterable) else plan


def _os_error(fault: Fault) -> OSError:
    return OSError(fault.errno, os.strerror(fault.errno))


def _with_flip(payloads: list[Buffer], pick: int) -> list[Buffer]:
    """The payloads with one bit changed in one of them."""
    if not payloads:
        return payloads
    index = pick % len(payloads)
    changed = bytearray(payloads[index])
    if changed:
        changed[pick % len(changed)] ^= 1 << pick % 8
    return [*payloads[:index], bytes(changed), *payloads[index + 1 :]]
