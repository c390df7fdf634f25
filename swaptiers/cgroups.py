"""The terms of a control group: limits as the kernel names them. The numbers themselves live in the core's state."""

from __future__ import annotations

import attrs

from swaptiers.units import Bytes, to_bytes

ROOT = "/"


def _optional_bytes(value: object) -> Bytes | None:
    return None if value is None or value == "max" else to_bytes(value)


def check_path(path: str) -> str:
    """The path of a cgroup as it must be: `/`, `/web`, `/web/worker`. Raises ValueError with what to write instead."""
    if path == ROOT:
        return path
    parts = path.split("/")
    if not path.startswith("/") or len(path) > 4096:
        raise ValueError(f"a cgroup's path starts at the root, like /web/worker, not {path[:60]!r}")
    for part in parts[1:]:
        if not part or part in (".", "..") or len(part) > 255 or any(ord(letter) < 32 for letter in part):
            raise ValueError(f"a cgroup's path has plain names between single slashes, like /web/worker, not {path[:60]!r}")
    return path


@attrs.frozen(kw_only=True)
class CgroupSpec:
    """Limits of one cgroup; None = `max` = none. They hold for its whole subtree, as the kernel's do.

    `memory_max`: resident pages plus the stored bytes in zswap. `zswap_max`: stored bytes in zswap. `swap_max`: page_size
    per entry in other tiers. `zswap_writeback`: False forbids every store or move into a tier that is not zswap.
    `tiers_max`: tier -> bytes (0 forbids new stores there; other numbers are our extension).
    """

    path: str = attrs.field(converter=check_path)
    memory_max: Bytes | None = attrs.field(default=None, converter=_optional_bytes, metadata={"key": "memory.max"})
    zswap_max: Bytes | None = attrs.field(default=None, converter=_optional_bytes, metadata={"key": "memory.zswap.max"})
    swap_max: Bytes | None = attrs.field(default=None, converter=_optional_bytes, metadata={"key": "memory.swap.max"})
    zswap_writeback: bool = attrs.field(default=True, metadata={"key": "memory.zswap.writeback"})
    tiers_max: dict[str, Bytes | None] = attrs.field(factory=dict, metadata={"key": "memory.swap.tiers.max"})
