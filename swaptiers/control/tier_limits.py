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
from swaptiers.control.named_tiers import range_limit
from swaptiers.graph import TierGraph


def tier_names(graph: TierGraph) -> list[str]:
    """The tiers that there are, fastest first."""
    return sorted(graph.nx, key=graph.rank)


class _TierLimit(ControlFile):
    """One ``<tier> <bytes>|max`` per line, fastest tier first; one pair per write."""

    on_root = False
    field: ClassVar[str]
    default: ClassVar[int | None]

    def read(self, cgroup: str) -> str:
        """As configured for this cgroup."""
        names = self._machine.names
        limits: Mapping[str, int | None] = getattr(self._machine.system.cgroup_spec(cgroup), self.field)
        lines = []
        for name in names.names():
            members = names.meant(name)
            limit = range_limit([limits.get(member, self.default) for member in members])
            if not members:  # a range without devices: what was written
                limit = 0 if names.is_closed(cgroup, name) else self.default
            lines.append(f"{name} {'max' if limit is None else limit}\n")
        return "".join(lines)

    def write(self, cgroup: str, text: str) -> None:
        """One pair. -EINVAL for an unknown tier, for another value, for anything behind the pair."""
        system = self._machine.system
        names = self._machine.names
        name, limit = parse_tier_limit(text)
        members = names.meant(name)
        if limit not in (0, None) and len(members) != 1:
            raise invalid(f"bytes are for one device, and in {name} there are {len(members)}; write 0 or max")

        def change(spec: CgroupSpec) -> CgroupSpec:
            limits: dict[str, Any] = {self.field: {**getattr(spec, self.field), **dict.fromkeys(members, limit)}}
            return attrs.evolve(spec, **limits)

        system.change_cgroup(cgroup, change)
        if self.default is None:
            names.close(cgroup, name, limit == 0)


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
