"""One family of metrics: its name, kind, labels and meaning, and how its samples are read from what is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Literal, TypeVar

import attrs

from swaptiers.counters import SystemCounters

PREFIX = "swaptiers_"
NS_PER_S = 1_000_000_000

Look = TypeVar("Look")
Kind = Literal["counter", "gauge", "histogram"]


@attrs.frozen(kw_only=True)
class Buckets:
    """A histogram's sample. `counts`: (upper bound, how many were at most that), rising; the last bound is infinity."""

    counts: Sequence[tuple[float, int]]
    total: float


Sample = tuple[tuple[str, ...], float | Buckets]
"""Label values, in the order of the family's labels, and the number."""


@attrs.frozen(kw_only=True)
class Family(Generic[Look]):
    """A family, whose name ends as Prometheus wants it: the base unit, and `_total` for a counter."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    read: Callable[[Look], Iterable[Sample]]


@attrs.frozen(kw_only=True)
class Snapshot:
    """A system at one moment. `capacity_bytes`: tier -> what it may take, zswap's pool at its present limit."""

    counters: SystemCounters
    capacity_bytes: Mapping[str, int]
