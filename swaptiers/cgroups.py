"""The terms of a control group: limits as the kernel names them. The numbers themselves live in the core's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from swaptiers.units import Bytes, shown, to_bytes

if TYPE_CHECKING:
    from swaptiers.core.core import Core

ROOT = "/"
ROOT_INDEX = 0
MAX_DEPTH = 64
ALL = 1 << 62
"""Bytes: more than anybody has."""


def _optional_bytes(value: object) -> Bytes | None:
    return None if value is None or value == "max" else to_bytes(value)


def _tier_limits(limits: object) -> dict[str, Bytes | None]:
    if not isinstance(limits, Mapping):
        raise ValueError(f"limits per tier are wanted, like {{'ssd': '10M', 'disk': 0}}, not {shown(limits)}")
    return {tier: _optional_bytes(limit) for tier, limit in limits.items()}


def _switch(value: object) -> bool:
    if not isinstance(value, int) or value not in (0, 1):
        raise ValueError(f"zswap_writeback is True or False, not {shown(value)}")
    return bool(value)


def check_path(path: str) -> str:
    """The path of a cgroup as it must be: `/`, `/web`, `/web/worker`. Raises ValueError with what to write instead."""
    if path == ROOT:
        return path
    parts = path.split("/")
    if len(parts) > MAX_DEPTH + 1:
        raise ValueError(f"a cgroup is at most {MAX_DEPTH} levels deep, not {len(parts) - 1}")
    if not path.startswith("/") or len(path) > 4096:
        raise ValueError(f"a cgroup's path starts at the root, like /web/worker, not {path[:60]!r}")
    for part in parts[1:]:
        if not part or part in (".", "..") or len(part) > 255 or not part.isprintable():
            raise ValueError(
                f"a cgroup's path has plain names between single slashes, like /web/worker, not {path[:60]!r}"
            )
    return path


def _limit(key: str) -> dict[str, str]:
    return {"key": key, "none": "max"}


@attrs.frozen(kw_only=True)
class CgroupSpec:
    """Limits of one cgroup; None = `max` = none. They hold for its whole subtree, as the kernel's do.

    `memory_max`: resident pages plus the stored bytes in zswap. `zswap_max`: stored bytes in zswap. `swap_max`: page_size
    per entry in other tiers. `zswap_writeback`: False forbids every store or move into a tier that is not zswap.
    `tiers_max`: tier -> bytes (0 forbids new stores there; other numbers are our extension). `tiers_low`: tier -> stored
    bytes; while the subtree holds no more than that there, others give first (best effort, as memory.low; ours too).
    """

    path: str = attrs.field(converter=check_path, metadata={"names": True})
    memory_max: Bytes | None = attrs.field(default=None, converter=_optional_bytes, metadata=_limit("memory.max"))
    zswap_max: Bytes | None = attrs.field(default=None, converter=_optional_bytes, metadata=_limit("memory.zswap.max"))
    swap_max: Bytes | None = attrs.field(default=None, converter=_optional_bytes, metadata=_limit("memory.swap.max"))
    zswap_writeback: bool = attrs.field(
        default=True, converter=_switch, metadata={"key": "memory.zswap.writeback", "zero_one": True}
    )
    tiers_max: dict[str, Bytes | None] = attrs.field(
        factory=dict, converter=_tier_limits, metadata={"key": "memory.swap.tiers.max"}
    )
    tiers_low: dict[str, Bytes | None] = attrs.field(
        factory=dict, converter=_tier_limits, metadata={"key": "memory.swap.tiers.low"}
    )


class CgroupTree:
    """The tree of control groups: paths, configured limits, and what of them is in force below.

    The numbers that the kernels use live in the core; this is where they are set. Not safe from several threads: its
    owner holds the lock. `takes`: a path -> per edge the classes of its entries that the edge takes (default: all).
    """

    def __init__(
        self, core: Core, tier_names: Sequence[str], takes: Callable[[str], Sequence[int]] | None = None
    ) -> None:
        self._core = core
        self._takes = takes
        self._tiers = {name: index for index, name in enumerate(tier_names)}
        self.paths: dict[str, int] = {ROOT: ROOT_INDEX}
        self.specs: dict[str, CgroupSpec] = {ROOT: CgroupSpec(path=ROOT)}
        self._set_takes(ROOT, 0)
        self._refresh()

    def add(self, path: str) -> int:
        """The cgroup's number; it and its ancestors are made if absent."""
        check_path(path)
        if path in self.paths:
            return self.paths[path]
        parent = self.add(parent_path(path))
        index = self._core.add_cgroup(parent)
        self._set_takes(path, index)
        self.paths[path] = index
        self.specs[path] = CgroupSpec(path=path)
        self._refresh()
        return index

    def _set_takes(self, path: str, index: int) -> None:
        """Which entries of the cgroup go along which edge, where edges choose."""
        if self._takes is not None:
            takes = self._takes(path)
            self._core.cgroups[index].takes[: len(takes)] = takes

    def path_of(self, index: int) -> str:
        """The path of a cgroup that there is."""
        return next(path for path, number in self.paths.items() if number == index)

    def spec(self, path: str) -> CgroupSpec:
        """A cgroup's limits as configured. Raises ValueError if there is none at `path`."""
        if path not in self.specs:
            raise ValueError(f"there is no cgroup {path!r}")
        return self.specs[path]

    def forget_tier(self, tier: str) -> None:
        """The tier is gone, or begins anew: no limit of any cgroup names it any more, as when swap_tier.c removes one."""
        for path, spec in self.specs.items():
            self.specs[path] = attrs.evolve(
                spec,
                tiers_max={name: limit for name, limit in spec.tiers_max.items() if name != tier},
                tiers_low={name: low for name, low in spec.tiers_low.items() if name != tier},
            )
        self._refresh()

    def limit(self, spec: CgroupSpec) -> int:
        """Set all limits of a cgroup, made if absent; returns its number. Raises ValueError for an unknown tier."""
        for tier in (*spec.tiers_max, *spec.tiers_low):
            if tier not in self._tiers:
                raise ValueError(f"there is no tier {shown(tier)}; the tiers are {', '.join(self._tiers)}")
        index = self.add(spec.path)
        self.specs[spec.path] = spec
        self._refresh()
        return index

    def remove(self, path: str) -> None:
        """The cgroup goes, its entries join its parent. Raises ValueError for the root, an unknown one, or a parent."""
        if path == ROOT or path not in self.paths:
            raise ValueError(
                f"there is no cgroup {shown(path)} to remove" if path != ROOT else "the root can't be removed"
            )
        if any(other.startswith(path + "/") for other in self.paths):
            raise ValueError(f"cgroup {path!r} has cgroups below it; remove those first")
        self._core.remove_cgroup(self.paths.pop(path))
        del self.specs[path]
        self._refresh()

    def _refresh(self) -> None:
        """Hand the tree and the limits in force to the core."""
        children: dict[str, list[str]] = {path: [] for path in self.paths}
        for path in sorted(self.paths):
            if path != ROOT:
                children[parent_path(path)].append(path)
        order: list[tuple[int, int]] = []
        self._core.st.lows = sum(low != 0 for spec in self.specs.values() for low in spec.tiers_low.values())
        self._visit(ROOT, children, order, True, -1)
        self._core.set_tree(order)

    def _visit(
        self, path: str, children: dict[str, list[str]], order: list[tuple[int, int]], writeback: bool, allowed: int
    ) -> int:
        spec, index = self.specs[path], self.paths[path]
        writeback = writeback and spec.zswap_writeback
        for tier, limit in spec.tiers_max.items():
            bit = self._tiers[tier]
            self._core.cell(index, bit).limit_bytes = -1 if limit is None else limit
            if limit == 0:
                allowed &= ~(1 << bit)
        for tier, bit in self._tiers.items():
            if tier not in spec.tiers_max:
                self._core.cell(index, bit).limit_bytes = -1
            low = spec.tiers_low.get(tier, Bytes(0))
            self._core.cell(index, bit).low_bytes = ALL if low is None else low
        c = self._core.cgroups[index]
        c.memory_max = -1 if spec.memory_max is None else spec.memory_max
        c.zswap_max = -1 if spec.zswap_max is None else spec.zswap_max
        c.swap_max = -1 if spec.swap_max is None else spec.swap_max
        c.writeback = writeback
        c.allowed = allowed
        place = len(order)
        order.append((index, 1))
        size = 1
        for child in children[path]:
            size += self._visit(child, children, order, writeback, allowed)
        order[place] = (index, size)
        return size


def parent_path(path: str) -> str:
    """`/web` of `/web/worker`, `/` of `/web`."""
    return path.rsplit("/", 1)[0] or ROOT
