"""A tier that remembers what the system was told: what each slot holds, and what raised."""

from __future__ import annotations

import errno
import resource
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer, digest
from swaptiers.testing.faulty import FaultyTier
from swaptiers.testing.slow import SlowTier
from swaptiers.testing.wrapped import WrappedTier
from swaptiers.tiers.base import Tier

TOO_BIG = (errno.EFBIG, errno.EINVAL)
"""EINVAL: O_DIRECT, where the limit is amidst a block."""
Slots = npt.NDArray[np.int64]


class Witness(WrappedTier):
    """A tier in the torture chamber: inside a FaultyTier, inside that a SlowTier, inside that the tier.

    `held`: slot -> length and digest of what the system was told is there. `raised`: how often which error came out.
    """

    def __init__(self, tier: Tier, pause: Callable[[str, int], None]) -> None:
        self.bare = tier
        self.slow = SlowTier(tier, pause)
        self.faulty = FaultyTier(self.slow, armed=False)
        super().__init__(self.faulty)
        self.held: dict[int, tuple[int, int]] = {}
        self.raised: Counter[tuple[str, int]] = Counter()
        self.too_big = 0
        self.file_limit: int | None = None
        self._lock = threading.Lock()

    def encode(self, page: Buffer) -> Buffer:
        with self._told():
            return self.tier.encode(page)

    def store(self, slots: Slots, payloads: list[Buffer]) -> None:
        with self._lock:
            for slot in slots.tolist():
                self.held.pop(slot, None)
        told = [(len(payload), digest(payload)) for payload in payloads]
        with self._told(), self._limited():
            self.tier.store(slots, payloads)
        with self._lock:
            self.held.update(zip(slots.tolist(), told, strict=True))

    def load(self, slots: Slots, lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        with self._told():
            return self.tier.load(slots, lengths)

    def free(self, slots: Slots) -> None:
        with self._lock:
            for slot in slots.tolist():
                self.held.pop(slot, None)
        with self._told():
            self.tier.free(slots)

    def close(self) -> None:
        with self._told():
            self.tier.close()

    def is_damaged(self, slot: int) -> bool:
        """True if the device does not hold there what it acknowledged."""
        with self._lock:
            told = self.held.get(slot)
        if told is None:
            return False
        try:
            payload = self.bare.load(np.array([slot], np.int64), np.array([told[0]], np.int32))[0]
        except (OSError, KeyError):
            return True
        return digest(payload) != told[1]

    def has_lied(self) -> bool:
        """True if something was acknowledged that was not done."""
        return any(kind in ("lost", "stray") for _, kind in self.faulty.injected)

    @contextmanager
    def calm(self) -> Iterator[None]:
        """For a while nothing fails that could be made to."""
        limit, self.file_limit = self.file_limit, None
        try:
            with self.faulty.disarmed():
                yield
        finally:
            self.file_limit = limit

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Files may not grow beyond `file_limit`: for this call alone, since the limit is the whole process's."""
        if self.file_limit is None:
            yield
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_limit, hard))
        try:
            yield
        except OSError as error:
            self.too_big += error.errno in TOO_BIG
            raise
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            with self._lock:
                self.raised[(type(error).__name__, getattr(error, "errno", None) or 0)] += 1
            raise

    def count(self) -> Counter[Any]:
        """What was injected and what came out, so far."""
        with self._lock:
            return Counter(self.faulty.injected) + Counter(self.raised)
