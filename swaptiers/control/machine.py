"""What control files stand on: a swap system, resident memory and pressure where there are any, and a dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import attrs

from swaptiers.cgroups import CgroupSpec
from swaptiers.control.named_tiers import NamedTiers
from swaptiers.counters import SubtreeCounters, SystemCounters
from swaptiers.demotion.request import Demoted, Referenced
from swaptiers.graph import TierGraph
from swaptiers.inversion import Inversion
from swaptiers.zswap_parameters import ZswapParameters

Dialect = Literal["all", "zswap_writeback_only", "source", "tiers-demote"]
"""Which forms of asking for a demotion the files accept: all of them, or one of the three that were proposed."""


class Controlled(Protocol):
    """A swap system as the files see it. `SwapSystem` is one; an experiment makes one of a run.

    Methods raise ValueError for a path that is no cgroup. Each is one consistent step for every other thread.
    """

    page_size: int
    graph: TierGraph

    def cgroup_paths(self) -> tuple[str, ...]:
        """All cgroups, the root first."""
        ...

    def cgroup_spec(self, path: str) -> CgroupSpec:
        """A cgroup's configured limits."""
        ...

    def change_cgroup(self, path: str, change: Callable[[CgroupSpec], CgroupSpec]) -> None:
        """Replace a cgroup's limits by what `change` makes of them."""
        ...

    def cgroup(self, path: str) -> object:
        """Make a cgroup; its parent is there."""
        ...

    def remove_cgroup(self, path: str) -> None:
        """Remove a cgroup without children; its entries go to its parent."""
        ...

    def is_populated(self, path: str) -> bool:
        """True if somebody runs in the cgroup, so that it can't be removed."""
        ...

    def subtree(self, path: str) -> SubtreeCounters:
        """What a cgroup and its descendants have and did."""
        ...

    def subtree_inversion(self, path: str) -> Inversion:
        """How far a subtree's entries are from an order by last use."""
        ...

    def stats(self) -> SystemCounters:
        """All counters."""
        ...

    @property
    def zswap_tiers(self) -> tuple[str, ...]:
        """The zswap tiers, fastest first."""
        ...

    def zswap_parameters(self, tier: str) -> ZswapParameters:
        """What is in force for one of them. Raises ValueError if it was removed."""
        ...

    def set_zswap(self, tier: str, **changes: Any) -> None:
        """Change it from the next store on. Raises ValueError for what can't be, and changes nothing then."""
        ...

    def demote(
        self,
        nbytes: int,
        *,
        source: str,
        target: str | None = None,
        cgroup: str = "/",
        referenced: Referenced = "ignore",
    ) -> Demoted:
        """Move stored bytes out of a tier; the one engine that every form of asking ends in."""
        ...


class ResidentMemory(Protocol):
    """The pages of cgroups that are in memory, which only an experiment has."""

    def reclaim(self, cgroup: str, pages: int) -> int:
        """Swap out the coldest pages of a cgroup and its descendants, at most `pages`; how many went."""
        ...

    def obey_max(self, cgroup: str) -> None:
        """memory.max of the cgroup is another one now: reclaim what is above it, as far as that can be done."""
        ...


class NoResidentMemory:
    """Resident memory of a system that has none: nothing is ever there to be reclaimed."""

    def reclaim(self, cgroup: str, pages: int) -> int:
        """None."""
        return 0

    def obey_max(self, cgroup: str) -> None:
        """Nothing to do: what counts towards memory.max then is zswap's, and memory.max does not move that."""


class Pressure(Protocol):
    """Who knows how long cgroups were stalled on memory, which only an experiment does."""

    def read(self, cgroup: str) -> str:
        """memory.pressure of a cgroup."""
        ...


@attrs.frozen(kw_only=True)
class Machine:
    """Everything that a control file may read or change."""

    system: Controlled
    resident: ResidentMemory = attrs.field(factory=NoResidentMemory)
    pressure: Pressure | None = None
    dialect: Dialect = "all"
    names: NamedTiers

    def takes(self, dialect: Dialect) -> bool:
        """True if forms of this dialect are accepted."""
        return self.dialect in ("all", dialect)
