"""Named tiers over the tiers that there are: what names written into the file `tiers` mean in other files.

In the kernel a tier is a range of swap devices' priorities. Our tiers that are not zswap are the devices, each with its
`priority`. Nothing written, each of them goes by its own name; afterwards the written names mean all devices in their
range, and devices' own names that are not taken by a range are still understood.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence

from swaptiers.control.tier_ranges import DEFAULT_PRIORITY, MAX_PRIORITY, NR_SWAP_TIERS, TierRanges
from swaptiers.errors import ControlFileError
from swaptiers.graph import TierGraph
from swaptiers.tiers.specs import ZswapSpec
from swaptiers.units import shown


def device_priorities(graph: TierGraph) -> dict[str, int]:
    """The active swap devices, fastest first: every tier that is there and no zswap, with its priority as the kernel counts.

    A config that gives none has the devices in its order: n - 1 for the fastest of n, down to 0. One beyond what a range
    can say counts as the nearest that it can.
    """
    specs = [spec for spec in graph.tiers if not isinstance(spec, ZswapSpec)]
    found = {}
    for place, spec in enumerate(specs):
        priority = len(specs) - 1 - place if spec.priority is None else spec.priority
        if spec.name in graph.nx:
            found[spec.name] = min(max(priority, DEFAULT_PRIORITY), MAX_PRIORITY)
    return found


class NamedTiers:
    """The ranges of one tree, and which of them a cgroup may not use while no device is in them. Safe from several threads.

    `most`: CONFIG_NR_SWAP_TIERS.
    """

    def __init__(self, graph: TierGraph, most: int = NR_SWAP_TIERS) -> None:
        self._graph = graph
        self._ranges = TierRanges(most=most)
        self._closed: dict[str, set[int]] = {}
        """Per cgroup the ranges, by index, that were last written as 0."""
        self._lock = threading.Lock()

    @property
    def ranges(self) -> TierRanges:
        """What is in force."""
        return self._ranges

    def write(self, text: str) -> None:
        """A write to `tiers`: all of it, or an OSError. A name that goes is `max` everywhere, should its index come back."""
        with self._lock:
            for name in self._zswap():
                if any(token.startswith(f"+{name}:") for token in text.replace(",", " ").split()):
                    raise ControlFileError(errno.EEXIST, f"{name} is a zswap tier, which is in no range")
            self._ranges = self._ranges.written(text, device_priorities(self._graph))
            for closed in self._closed.values():
                closed.difference_update(self._ranges.removed)

    def names(self) -> list[str]:
        """What the files list: zswap tiers and then the ranges; while there are none, all tiers, fastest first."""
        if not self._ranges.ranges:
            return sorted(self._graph.nx, key=self._graph.rank)
        return [*self._zswap(), *(each.name for each in self._ranges.ranges)]

    def meant(self, name: str) -> list[str]:
        """The tiers that a name means, fastest first: of a range all devices in it, which may be none. Else -EINVAL."""
        if self.is_range(name):
            return list(self._ranges.members(name, device_priorities(self._graph)))
        if name not in self._graph.nx:
            raise ControlFileError(
                errno.EINVAL, f"there is no tier {shown(name)}; the tiers are {', '.join(self.names())}"
            )
        return [name]

    def is_range(self, name: str) -> bool:
        """True if `name` was written into `tiers`."""
        return any(each.name == name for each in self._ranges.ranges)

    def forget(self, cgroup: str) -> None:
        """A new cgroup of this path begins with everything allowed."""
        with self._lock:
            self._closed.pop(cgroup, None)

    def close(self, cgroup: str, name: str, is_closed: bool) -> None:
        """Note what was written for a range."""
        with self._lock:
            closed = self._closed.setdefault(cgroup, set())
            for each in self._ranges.ranges:
                if each.name == name:
                    (closed.add if is_closed else closed.discard)(each.index)

    def is_closed(self, cgroup: str, name: str) -> bool:
        """What was last written for a range."""
        closed = self._closed.get(cgroup, set())
        return any(each.index in closed for each in self._ranges.ranges if each.name == name)

    def _zswap(self) -> list[str]:
        return [spec.name for spec in self._graph.tiers if isinstance(spec, ZswapSpec) and spec.name in self._graph.nx]


def range_limit(limits: Sequence[int | None]) -> int | None:
    """What a range's line says for the limits of its devices (None = max): their sum, if each has one."""
    return None if None in limits else sum(limit for limit in limits if limit is not None)
