"""What nobody may use more of than before: limits of cgroups, capacities, and tiers that take nothing new."""

from __future__ import annotations

import attrs

from swaptiers.cgroups import CgroupSpec
from swaptiers.testing.torture.arena import Arena
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.pages import PAGE
from swaptiers.tiers.specs import ZswapSpec

Use = dict[tuple[str, str], int]
"""(whose, what of) -> bytes or entries."""


@attrs.frozen
class Usage:
    """What is used now, and how much of it may be."""

    used: Use
    most: Use

    @classmethod
    def of(cls, arena: Arena) -> Usage:
        """As the system's own accounts have it, which `check()` recounts."""
        core = arena.swap.core
        used: Use = {}
        most: Use = {}
        for path, (index, spec) in arena.groups().items():
            _of_cgroup(arena, path, index, spec, used, most)
        for rank, tier in enumerate(arena.swap.graph.tiers):
            counters = core.st.tiers[rank]
            if tier.name in arena.draining:
                used[tier.name, "taking nothing new"] = int(counters.entries)
                most[tier.name, "taking nothing new"] = 0
            capacity = getattr(tier, "capacity", None)
            if capacity is not None:
                used[tier.name, "capacity"] = int(counters.pool_bytes)
                most[tier.name, "capacity"] = capacity
        return cls(used, most)

    def check_after(self, before: Usage) -> None:
        """Raise TortureError if something is beyond its limit, and more so than before."""
        for key, used in self.used.items():
            if key in before.used and used > max(before.used[key], self.most[key]):
                whose, what = key
                raise TortureError(
                    f"limit: {what.split(' of ')[0]}",
                    f"{what} of {whose}: {used}, where {self.most[key]} is the most and {before.used[key]} was used before",
                )


def _of_cgroup(arena: Arena, path: str, index: int, spec: CgroupSpec, used: Use, most: Use) -> None:
    """The limits that the cgroup has."""
    core, tiers = arena.swap.core, arena.swap.graph.tiers
    group = core.cgroups[index]
    if spec.zswap_max is not None:
        used[path, "zswap.max"] = int(group.zswap_bytes)
        most[path, "zswap.max"] = spec.zswap_max - 1 + PAGE if spec.zswap_max else 0
    if spec.swap_max is not None:
        used[path, "swap.max"] = int(group.swap_pages) * PAGE
        most[path, "swap.max"] = spec.swap_max
    for rank, tier in enumerate(tiers):
        limit = spec.tiers_max.get(tier.name)
        if limit is not None:
            used[path, f"tiers.max of {tier.name}"] = int(core.cell(index, rank).tree_bytes)
            most[path, f"tiers.max of {tier.name}"] = limit
    if not spec.zswap_writeback:
        slower = (rank for rank, tier in enumerate(tiers) if not isinstance(tier, ZswapSpec))
        used[path, "zswap.writeback 0"] = sum(int(core.cell(index, rank).tree_bytes) for rank in slower)
        most[path, "zswap.writeback 0"] = 0
