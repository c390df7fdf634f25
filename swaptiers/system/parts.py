"""What the halves of a SwapSystem share: the core, the tiers, the engine, and the lock over the bookkeeping."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from swaptiers.cgroups import CgroupTree
from swaptiers.core.core import Core
from swaptiers.demotion.engine import Engine
from swaptiers.demotion.terms import POLICIES
from swaptiers.errors import ClosedError, ForkedError
from swaptiers.graph import TierGraph
from swaptiers.system.open_lock import new_lock, open_lock
from swaptiers.tiers.base import Tier
from swaptiers.tiers.failures import Failures
from swaptiers.tiers.payloads import encoders
from swaptiers.tiers.single import bulk_of, quick_read, single_pages


class Parts:
    """One system's parts. `columns`: per tier the column of a pending page's lengths, -1 for whole pages.

    `lock` is held for bookkeeping only, never over a codec or I/O.
    """

    def __init__(
        self,
        core: Core,
        graph: TierGraph,
        tree: CgroupTree,
        tiers: Sequence[Tier],
        columns: Sequence[int],
        clock: Callable[[], int],
        quarantine_after: int | None,
    ) -> None:
        self.core = core
        self.state = core.state
        self.graph = graph
        self.tree = tree
        self.tiers = tiers
        self.singles = [single_pages(tier) for tier in tiers]
        self.quick_reads = [quick_read(tier) for tier in tiers]
        self.bulks = [bulk_of(tier) for tier in tiers]
        self.clock = clock
        self.page_size = int(core.st.page_size)
        self.zero_page = bytes(self.page_size)
        self.lock = new_lock()
        self.closed = False
        self.failures = Failures((tier.name for tier in tiers), quarantine_after)
        self.engine = Engine(core, graph, tiers, self.lock, clock, self.failures)
        self.codec_tiers = encoders(tiers, columns)
        self.codec_bulks = {codec: bulk_of(tier) for codec, tier in self.codec_tiers.items()}
        self.columns = columns
        self.first_codec = columns[0]
        self.first_is_quick = columns[0] >= 0 and tiers[0].by_reference
        """True if a page can be stored in the fastest tier in one go, under the lock."""
        asks_policies = any(edge.policy not in POLICIES for edge in graph.edges)
        self.needs_now = asks_policies or any(edge.quota for edge in graph.edges)
        """True if a store may need the time to make room: reading the clock is not free."""
        self.has_background = any(e.when.limit or e.when.watermark or e.when.age for e in graph.edges)

        self._open_lock = open_lock(self.lock, lambda: self.closed, self.alive)
        self.quick_lock = self._open_lock if asks_policies else self.lock
        """The lock for single pages, which look themselves whether the system is open; a policy may not come by there."""
        self._process = os.getpid()
        _all_parts.add(self)

    def columns_changed(self) -> None:
        """A tier has another compressor: `columns` says so. The caller holds the lock. What no tier has any more stays known
        to whoever is just compressing for it."""
        self.codec_tiers.update(encoders(self.tiers, self.columns))
        self.codec_bulks = {codec: bulk_of(tier) for codec, tier in self.codec_tiers.items()}
        self.bulks = [bulk_of(tier) for tier in self.tiers]
        self.first_codec = self.columns[0]

    def held(self) -> AbstractContextManager[Any]:
        """The lock, over a system that is still open. Entering it raises ClosedError."""
        return self._open_lock

    def alive(self) -> None:
        """Raise ClosedError if the system is closed, or another process's."""
        if not self.closed:
            return
        if self.is_forked():
            raise ForkedError(self._process, os.getpid())
        raise ClosedError("this SwapSystem is closed; what it held is gone")

    def is_forked(self) -> bool:
        """True in a forked child of the process whose system this is."""
        return self._process != os.getpid()

    def disown(self) -> None:
        """This is a forked child: the tiers' files are its parent's, and so is whatever the lock was held for."""
        self.closed = True
        self.lock = self.quick_lock = new_lock()
        self._open_lock = open_lock(self.lock, lambda: self.closed, self.alive)


_all_parts: weakref.WeakSet[Parts] = weakref.WeakSet()


def _disown_all() -> None:
    for parts in list(_all_parts):
        parts.disown()


os.register_at_fork(after_in_child=_disown_all)
