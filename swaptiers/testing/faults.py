"""What may go wrong with a tier, and plans that say when: by hand, or from a seed."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterable
from typing import Literal, Protocol, get_args

import attrs

Operation = Literal["encode", "decode", "store", "load", "free", "close"]
Kind = Literal["error", "memory", "short", "torn", "lost", "stray", "flip", "interrupt"]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
POSSIBLE: dict[Operation, tuple[Kind, ...]] = {
    "encode": ("memory", "interrupt"),
    "decode": ("memory", "interrupt"),
    "store": ("error", "memory", "short", "torn", "lost", "stray", "flip", "interrupt"),
    "load": ("error", "memory", "flip", "interrupt"),
    "free": ("error",),
    "close": ("error",),
}
HONEST: tuple[Kind, ...] = ("error", "memory", "short", "torn")
"""Faults of devices that raise. `lost`, `stray` and `flip` say that all is well, and only a checksum finds them."""


def _possible(fault: Fault, _: object, kind: Kind) -> None:
    if kind not in POSSIBLE[fault.operation]:
        raise ValueError(
            f"what can happen to {fault.operation} is {', '.join(POSSIBLE[fault.operation])}, not {kind!r}"
        )


@attrs.frozen
class Fault:
    """One thing that goes wrong.

    `error`: OSError with `errno`, and nothing is done. `memory`: MemoryError. `short`: the first half of the batch is
    stored, then OSError. `torn`: as `short`, and half of the next payload too. `lost`: acknowledged, nothing is stored.
    `stray`: acknowledged, but the payloads are stored in each other's slots. `flip`: one bit is another, on its way in
    (store) or out (load). `interrupt`: KeyboardInterrupt, as a Ctrl-C at that moment. `close` closes the tier before it
    raises.

    `first`: from the how-manieth call of `operation` on, counted from 0 since the tier was armed. `times`: for so many
    calls; None = until it is disarmed. `pick`: which page of the batch and which of its bits `flip` changes.
    """

    operation: Operation = attrs.field(validator=attrs.validators.in_(OPERATIONS))
    kind: Kind = attrs.field(default="error", validator=_possible)
    errno: int = attrs.field(default=errno.EIO, kw_only=True)
    first: int = attrs.field(default=0, kw_only=True)
    times: int | None = attrs.field(default=1, kw_only=True)
    pick: int = attrs.field(default=0, kw_only=True)

    def is_due(self, number: int) -> bool:
        return number >= self.first and (self.times is None or number < self.first + self.times)


class FaultPlan(Protocol):
    """When which fault happens."""

    def fault(self, tier: str, operation: Operation, number: int) -> Fault | None:
        """The fault of the call with this number (from 0 since the tier was armed), or None. MUST always be the same."""


class Script:
    """Faults by hand: of those that are due, the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)

    def fault(self, tier: str, operation: Operation, number: int) -> Fault | None:
        due = (each for each in self._faults if each.operation == operation and each.is_due(number))
        return next(due, None)


def _kinds(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    return tuple(kinds)


def _operations(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    return tuple(operations)


def _errnos(errnos: Iterable[int]) -> tuple[int, ...]:
    return tuple(errnos)


@attrs.frozen(kw_only=True)
class SeededFaults:
    """Faults from a seed: each call fails with the chance `rate`, in one of `kinds` that its operation can have.

    What happens to a call depends on the seed, the tier's name, the operation and the call's number among those of its
    operation, and on nothing else.
    """

    seed: int
    rate: float = attrs.field(default=0.01, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    kinds: tuple[Kind, ...] = attrs.field(default=HONEST, converter=_kinds)
    operations: tuple[Operation, ...] = attrs.field(
        default=("encode", "decode", "store", "load"), converter=_operations
    )
    errnos: tuple[int, ...] = attrs.field(default=(errno.EIO, errno.ENOSPC), converter=_errnos)

    def fault(self, tier: str, operation: Operation, number: int) -> Fault | None:
        kinds = [kind for kind in POSSIBLE[operation] if kind in self.kinds]
        if operation not in self.operations or not kinds:
            return None
        draw = random.Random(f"{self.seed}:{tier}:{operation}:{number}")
        if draw.random() >= self.rate:
            return None
        return Fault(
            operation, draw.choice(kinds), errno=draw.choice(self.errnos), first=number, pick=draw.getrandbits(30)
        )
