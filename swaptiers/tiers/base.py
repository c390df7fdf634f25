"""The contract that every tier keeps, and the terms that all kinds of tier share."""

from __future__ import annotations

from typing import Literal, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.units import (
    MAX_LATENCY,
    MIN_RATE,
    BytesPerSecond,
    Nanoseconds,
    format_rate,
    to_nanoseconds,
    to_rate,
    write_nanoseconds,
)

OnFull = Literal["demote", "spill", "refuse"]


@attrs.frozen
class Latency:
    """What one operation of the modelled device takes.

    `read` and `write`: from submission to completion, apart from the transfer. `call`: how long an operation keeps the
    device busy for itself, so that others queue behind it (a disk's seek); 0 = operations overlap freely.
    """

    read: Nanoseconds = attrs.field(default=Nanoseconds(0), converter=to_nanoseconds)
    write: Nanoseconds = attrs.field(default=Nanoseconds(0), converter=to_nanoseconds)
    call: Nanoseconds = attrs.field(default=Nanoseconds(0), converter=to_nanoseconds)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what is no latency of a device: a few of them would overflow the virtual clock."""
        longest = max(self.read, self.write, self.call)
        if longest > MAX_LATENCY:
            raise ValueError(f"a latency is at most {write_nanoseconds(MAX_LATENCY)}, not {write_nanoseconds(longest)}")


def _bandwidth(instance: object, attribute: object, value: BytesPerSecond | None) -> None:
    if value is not None and value < MIN_RATE:
        raise ValueError(f"bandwidth is at least {format_rate(MIN_RATE)}, not {format_rate(value)}")


@attrs.frozen(kw_only=True)
class TierSpec:
    """The terms that every kind of tier has.

    `priority`: higher is faster and is tried first; default: the order in which the tiers are listed. `bandwidth`: what
    the modelled device transfers (None = any amount at once). `on_full`: what a store into this tier does when it is
    refused (None = what the system says). `latency`: what an operation of the modelled device takes.
    """

    name: str = attrs.field(default="", metadata={"names": True})
    priority: int | None = None
    latency: Latency = Latency()
    bandwidth: BytesPerSecond | None = attrs.field(
        default=None, converter=attrs.converters.optional(to_rate), validator=_bandwidth
    )
    on_full: OnFull | None = None

    @property
    def is_compressed(self) -> bool:
        """True if entries are stored as the tier's compressor made them."""
        return False


class Tier(Protocol):
    """A place that keeps payloads in numbered slots (in a log: at addresses). Which is whose is the core's business, never
    the tier's.

    A tier MUST hold exactly what it acknowledged: a `store` that raises has stored none of the batch as far as anybody
    may rely on it, and has not touched any other slot. `load` MUST return the bytes of the last acknowledged `store`
    into that slot, or raise; whether they are intact is checked by the caller's checksum. All methods MUST be callable
    from several threads at once on different slots.
    """

    name: str
    compressed: bool
    """True: payloads are of any length up to a page, made by this tier's codec. False: whole pages."""
    by_reference: bool
    """True: `store` only keeps references to payloads, so that it may be called with the lock held."""

    def encode(self, page: Buffer) -> Buffer:
        """The payload that this tier keeps for a page."""

    def decode(self, payload: Buffer) -> Buffer:
        """The page of a payload. Raises ValueError if it can't be one."""

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        """Keep `payloads[i]` in `slots[i]`. Raises OSError, after which none of these slots hold anything."""

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        """The payloads of `slots`, in order. Raises OSError if they can't be read; nothing changes."""

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        """Forget what is in `slots`. Never raises for a slot that the core gave out."""

    def close(self) -> None:
        """Give back memory and files. A second call does nothing."""
