"""The system of an episode with everything around it: a clock, the tiers' wrappers, and counts of what was done to it."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs

from swaptiers.cgroups import CgroupSpec
from swaptiers.system import SwapSystem
from swaptiers.system.background import Background
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.witness import Witness
from swaptiers.testing.torture.world import World
from swaptiers.tiers.base import Tier

LATEST = 1 << 60
MAX_ENTRIES = 1 << 14
START_NS = 1 << 40


class Arena:
    """A world, built in `folder`. `is_bare`: without wrappers, as a program has it; nothing can be made to fail then.

    `now`: the clock. `counts`: what was done, and what was found right. `background`: the thread that demotes, if one does.
    """

    def __init__(self, world: World, folder: Path, *, is_bare: bool = False) -> None:
        self.world = world
        self.now = START_NS
        self.counts: Counter[str] = Counter()
        self.witnesses: dict[str, Witness] = {}
        self.slow_ns: Counter[str] = Counter()
        self.cut: set[str] = set()
        self.draining: set[str] = set()
        self.removed: set[str] = set()
        self.given: set[int] = set()
        self.background: Background | None = None
        self.lock = threading.Lock()
        values = {name: getattr(world, name) for name in attrs.fields_dict(World)}
        wrap: Any = {} if is_bare else {"wrap": self._wrap}
        self.swap = SwapSystem(**values, folder=folder, clock=self.clock, max_entries=MAX_ENTRIES, **wrap)
        self.names = [tier.name for tier in self.swap.graph.tiers]

    def clock(self) -> int:
        return self.now

    def move_clock(self, ns: int) -> None:
        self.now = max(0, min(self.now + ns, LATEST))

    def _wrap(self, tier: Tier) -> Tier:
        name = tier.name

        def pause(call: str, pages: int) -> None:
            if self.slow_ns[name]:
                self.counts["slow call"] += 1
                self.move_clock(self.slow_ns[name])

        self.witnesses[name] = Witness(tier, pause)
        return self.witnesses[name]

    def give(self, entry: int, old: int | None = None) -> None:
        """An id came out of the system. Raises TortureError if it was given out before."""
        if entry == old:
            return
        with self.lock:
            if entry in self.given:
                raise TortureError("id used twice", f"the id {entry:#x} was given out for a second page")
            self.given.add(entry)

    def injected(self) -> dict[str, Counter[Any]]:
        """Tier -> what was done to it and what came out, so far."""
        return {name: witness.count() for name, witness in self.witnesses.items()}

    @contextmanager
    def calm(self) -> Iterator[None]:
        """For a while nothing fails that could be made to."""
        with ExitStack() as stack:
            for witness in self.witnesses.values():
                stack.enter_context(witness.calm())
            yield

    @property
    def removed_or_going(self) -> bool:
        """True if some tier is not in the graph any more."""
        return len(self.swap.graph.nx) < len(self.names)

    def groups(self) -> dict[str, tuple[int, CgroupSpec]]:
        """Path -> number and limits of each cgroup that there is."""
        tree = self.swap._parts.tree
        return {path: (index, tree.specs[path]) for path, index in tree.paths.items()}

    def close_anyhow(self) -> None:
        """After a failure, which is to be told: whatever closing says."""
        with contextlib.suppress(Exception):
            self.swap.close()

    def count_faults(self) -> None:
        """Add what the wrappers counted."""
        for witness in self.witnesses.values():
            for (operation, kind), times in witness.faulty.injected.items():
                self.counts[f"{operation} {kind}"] += times
            for (raised, number), times in witness.raised.items():
                if raised == "OSError":
                    self.counts[f"errno {number}"] += times
            self.counts["file size limit"] += witness.too_big
