"""memory.swap.tiers.max, and this program's own memory.swap.tiers.low and memory.swap.tiers.current.

memory.swap.tiers.max is that of swap tiers v10 (patch 3): which tiers the pages of a cgroup may go to. A child only
narrows what its parent allows, but may be written all the same: the file shows what is configured, not what is in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from swaptiers.cgroups import CgroupSpec
from swaptiers.control.file import READ_ONLY, ControlFile, invalid
from swaptiers.control.grammar import parse_tier_limit
from swaptiers.graph import TierGraph
from swaptiers.units import shown


def tier_names(graph: TierGraph) -> list[str]:
    """The tiers that there are, fastest first."""
    return sorted(graph.nx, key=graph.rank)


def known_tier(graph: TierGraph, name: str) -> None:
    """-EINVAL unless there is a tier of this name."""
    if name not in graph.nx:
        raise invalid(f"there is no tier {shown(name)}; the tiers are {', '.join(tier_names(graph))}")


class _TierLimit(ControlFile):
    """One ``<tier> <bytes>|max`` per line, fastest tier first; one pair per write."""

    on_root = False
    field: ClassVar[str]
    default: ClassVar[int | None]

    def read(self, cgroup: str) -> str:
        """As configured for this cgroup."""
        system = self._machine.system
        limits: Mapping[str, int | None] = getattr(system.cgroup_spec(cgroup), self.field)
        each = ((tier, limits.get(tier, self.default)) for tier in tier_names(system.graph))
        return "".join(f"{tier} {'max' if limit is None else limit}\n" for tier, limit in each)

    def write(self, cgroup: str, text: str) -> None:
        """One pair. -EINVAL for an unknown tier, for another value, for anything behind the pair."""
        system = self._machine.system
        tier, limit = parse_tier_limit(text)
        known_tier(system.graph, tier)

        def change(spec: CgroupSpec) -> CgroupSpec:
            limits: dict[str, Any] = {self.field: {**getattr(spec, self.field), tier: limit}}
            return attrs.evolve(spec, **limits)

        system.change_cgroup(cgroup, change)


class TiersMax(_TierLimit):
    """memory.swap.tiers.max. ``max`` is the default; 0 keeps new pages out of the tier, and those that are there stay.

    A number of stored bytes between them is this program's extension.
    """

    field = "tiers_max"
    default = None


class TiersLow(_TierLimit):
    """memory.swap.tiers.low (this program's): stored bytes up to which others give first, as memory.low protects."""

    field = "tiers_low"
    default = 0


class TiersCurrent(ControlFile):
    """memory.swap.tiers.current (this program's): what the subtree has in each tier."""

    mode = READ_ONLY

    def read(self, cgroup: str) -> str:
        """``<tier> entries=N logical=BYTES stored=BYTES`` per line, fastest tier first."""
        tiers = self._machine.system.subtree(cgroup).tiers
        return "".join(
            f"{tier} entries={has.entries} logical={has.logical_bytes} stored={has.stored_bytes}\n"
            for tier, has in tiers.items()
        )
