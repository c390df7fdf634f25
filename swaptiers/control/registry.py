"""Every control file there is, by name: those of each cgroup, and the system-wide ones by their path below the root.

Names of system-wide files, and of their folders, are taken from the root's cgroups.
"""

from __future__ import annotations

from collections.abc import Mapping

from swaptiers.control.file import ControlFile
from swaptiers.control.limits import (
    MemoryCurrent,
    MemoryMax,
    SwapCurrent,
    SwapEvents,
    SwapMax,
    ZswapCurrent,
    ZswapMax,
    ZswapWriteback,
)
from swaptiers.control.machine import Machine
from swaptiers.control.reclaim import MemoryReclaim, TiersDemote
from swaptiers.control.statistics import MemoryPressure, MemoryStat, SwapInversion, Vmstat
from swaptiers.control.tier_limits import TiersCurrent, TiersLow, TiersMax
from swaptiers.control.tiers_file import Swaps, Tiers
from swaptiers.control.zswap import zswap_files

CGROUP_FILES: Mapping[str, type[ControlFile]] = {
    "memory.current": MemoryCurrent,
    "memory.max": MemoryMax,
    "memory.pressure": MemoryPressure,
    "memory.reclaim": MemoryReclaim,
    "memory.stat": MemoryStat,
    "memory.swap.current": SwapCurrent,
    "memory.swap.events": SwapEvents,
    "memory.swap.inversion": SwapInversion,
    "memory.swap.max": SwapMax,
    "memory.swap.tiers.current": TiersCurrent,
    "memory.swap.tiers.demote": TiersDemote,
    "memory.swap.tiers.low": TiersLow,
    "memory.swap.tiers.max": TiersMax,
    "memory.zswap.current": ZswapCurrent,
    "memory.zswap.max": ZswapMax,
    "memory.zswap.writeback": ZswapWriteback,
}


def cgroup_files(machine: Machine) -> dict[str, ControlFile]:
    """The files of every cgroup that this machine has."""
    return {name: kind(machine) for name, kind in CGROUP_FILES.items() if kind.exists(machine)}


def system_files(machine: Machine) -> dict[str, ControlFile]:
    """The system-wide files, by path: ``vmstat``, ``zswap/...``."""
    return {"swaps": Swaps(machine), "tiers": Tiers(machine), "vmstat": Vmstat(machine), **zswap_files(machine)}


RESERVED = ("swaps", "tiers", "vmstat", "zswap")
"""What no cgroup below the root may be called, whether the file is there or not."""
