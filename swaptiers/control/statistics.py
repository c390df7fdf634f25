"""memory.stat, memory.pressure, this program's memory.swap.inversion, and vmstat: files that are only read."""

from __future__ import annotations

from swaptiers.control.file import READ_ONLY, ControlFile
from swaptiers.control.machine import Machine
from swaptiers.control.tier_limits import tier_names
from swaptiers.counters import SubtreeCounters
from swaptiers.graph import TierGraph
from swaptiers.tiers.specs import ZswapSpec


def zswap_tiers(graph: TierGraph) -> list[str]:
    """The tiers that hold compressed pages in memory, fastest first."""
    return [name for name in tier_names(graph) if isinstance(graph.nx.nodes[name]["spec"], ZswapSpec)]


def stat_lines(counted: SubtreeCounters, graph: TierGraph) -> dict[str, int]:
    """memory.stat's keys in the kernel's order: bytes of what there is, then events in pages (zswpwb_proactive_b: bytes)."""
    zswap = [counted.tiers[name] for name in zswap_tiers(graph)]
    events = counted.events
    return {
        "anon": counted.resident_bytes,
        "zswap": counted.zswap_bytes,
        "zswapped": sum(tier.logical_bytes for tier in zswap),
        "zswap_incomp": sum(tier.whole_pages for tier in zswap),
        "pswpin": events["pswpin"],
        "pswpout": events["pswpout"],
        "zswpin": events["zswpin"],
        "zswpout": events["zswpout"],
        "zswpwb": events["zswpwb"],
        "zswpwb_proactive_b": events["zswpwb_proactive_bytes"],
    }


def flat_keyed(values: dict[str, int]) -> str:
    """``key value`` per line."""
    return "".join(f"{key} {value}\n" for key, value in values.items())


class MemoryStat(ControlFile):
    """memory.stat: the kernel's keys that concern swap, each with the cgroup's descendants."""

    mode = READ_ONLY

    def read(self, cgroup: str) -> str:
        """``key value`` per line."""
        return flat_keyed(stat_lines(self._machine.system.subtree(cgroup), self._machine.system.graph))


class MemoryPressure(ControlFile):
    """memory.pressure, of an experiment: how long the cgroup was stalled on memory. Triggers can't be set."""

    mode = READ_ONLY

    @classmethod
    def exists(cls, machine: Machine) -> bool:
        """Where somebody knows about stalls."""
        return machine.pressure is not None

    def read(self, cgroup: str) -> str:
        """``some`` and ``full``, each with three averages in percent and a total in microseconds."""
        assert self._machine.pressure is not None
        return self._machine.pressure.read(cgroup)


class SwapInversion(ControlFile):
    """memory.swap.inversion (this program's): how far the subtree's entries are from an order by last use.

    docs/inversion.md defines `pairs`; ``-`` where there is no pair of entries in different tiers.
    """

    mode = READ_ONLY

    def read(self, cgroup: str) -> str:
        """``pairs <share>``, ``bypass <pages>``, then ``<fast>/<slow> <share>`` for each pair of tiers."""
        found = self._machine.system.subtree_inversion(cgroup)
        pairs = "-" if found.pairs is None else f"{found.pairs:.6f}"
        by_tiers = (f"{key.replace('>', '/')} {share:.6f}\n" for key, share in found.by_tiers.items())
        return f"pairs {pairs}\nbypass {found.bypass}\n" + "".join(by_tiers)


class Vmstat(ControlFile):
    """vmstat, system-wide: the counters of /proc/vmstat that concern swap, in pages."""

    mode = READ_ONLY

    def read(self, cgroup: str) -> str:
        """``key value`` per line."""
        lines = stat_lines(self._machine.system.subtree(cgroup), self._machine.system.graph)
        return flat_keyed({key: lines[key] for key in ("pswpin", "pswpout", "zswpin", "zswpout", "zswpwb")})
