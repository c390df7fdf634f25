"""A tier that tells what was asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.testing.faults import Operation
from swaptiers.testing.wrapped import WrappedTier
from swaptiers.tiers.base import Tier


@attrs.frozen
class Call:
    """One call: the slots in its order, the bytes handed over, and the type of what it raised (None: it returned)."""

    operation: Operation
    slots: tuple[int, ...] = ()
    nbytes: int = 0
    raised: type[BaseException] | None = None


@attrs.define
class _Tally:
    """What a call finds out while it runs."""

    nbytes: int = 0


class TracingTier(WrappedTier):
    """Any tier; `calls` has every call to it, in the order in which they returned or raised."""

    def __init__(self, tier: Tier) -> None:
        super().__init__(tier)
        self.calls: list[Call] = []

    def count(self) -> Counter[str]:
        """Operation -> calls."""
        return Counter(call.operation for call in self.calls)

    def encode(self, page: Buffer) -> Buffer:
        with self._told("encode") as tally:
            payload = self.tier.encode(page)
            tally.nbytes = len(payload)
            return payload

    def decode(self, payload: Buffer) -> Buffer:
        with self._told("decode") as tally:
            tally.nbytes = len(payload)
            return self.tier.decode(payload)

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        with self._told("store", slots) as tally:
            tally.nbytes = sum(len(payload) for payload in payloads)
            self.tier.store(slots, payloads)

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        with self._told("load", slots) as tally:
            payloads = self.tier.load(slots, lengths)
            tally.nbytes = sum(len(payload) for payload in payloads)
            return payloads

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        with self._told("free", slots):
            self.tier.free(slots)

    def close(self) -> None:
        with self._told("close"):
            self.tier.close()

    @contextmanager
    def _told(self, operation: Operation, slots: npt.NDArray[np.int64] | None = None) -> Iterator[_Tally]:
        tally, raised = _Tally(), None
        try:
            yield tally
        except BaseException as error:
            raised = type(error)
            raise
        finally:
            named = () if slots is None else tuple(slots.tolist())
            self.calls.append(Call(operation, named, tally.nbytes, raised))
