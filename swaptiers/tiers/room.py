"""Where the files of tiers may be made, and whether the machine has the room that tiers ask for: looked at before any
memory is reserved or any file is made."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from swaptiers.errors import ConfigError
from swaptiers.tiers.base import TierSpec
from swaptiers.tiers.specs import FileSpec, MemorySpec, SlottedSpec
from swaptiers.units import format_bytes

MAX_CAPACITY = 1 << 50
"""Bytes of one tier; its table of slots is a thousandth of that in address space."""


class RoomError(ConfigError):
    """A tier that can't be where, or as large as, it is asked to be. `tier`: its name; `key`: of its terms."""

    def __init__(self, what: str, tier: str, key: str) -> None:
        super().__init__(what)
        self.tier = tier
        self.key = key


def check_room(tiers: Sequence[TierSpec], folder: Path, slack_bytes: int = 0) -> None:
    """Raises RoomError for a file that can't be made, and for tiers that are larger together than what they are on.

    `slack_bytes`: what each file takes beyond its capacity.
    """
    check_capacities(tiers)
    on: dict[int, int] = {}
    in_memory = 0
    for tier in tiers:
        if isinstance(tier, FileSpec):
            _check_file_system(tier, folder, slack_bytes, on)
        elif isinstance(tier, MemorySpec):
            in_memory += tier.capacity
            _check_memory(tier, in_memory)


def check_capacities(tiers: Sequence[TierSpec]) -> None:
    """Raises RoomError for a tier that is larger than its slots can be numbered."""
    for tier in tiers:
        if isinstance(tier, SlottedSpec) and tier.capacity > MAX_CAPACITY:
            raise RoomError(
                f"tier {tier.name!r}: capacity is at most {format_bytes(MAX_CAPACITY)}, not {format_bytes(tier.capacity)}",
                tier.name,
                "capacity",
            )


def file_of(tier: FileSpec, folder: Path) -> Path | None:
    """The file of a tier; None for one without a name.

    An absolute path is taken as it is. A relative one has to stay below `folder`, whatever links are in it: RoomError.
    """
    if tier.path is None:
        return None
    path = folder / tier.path
    if os.path.isabs(tier.path):
        return path
    home, base = os.path.realpath(path.parent), os.path.realpath(folder)
    if os.path.commonpath([home, base]) != base:
        raise RoomError(
            f"a relative path stays below the folder of the config, and this one leads to {home}; "
            f"write it as an absolute path if that is meant",
            tier.name,
            "path",
        )
    return path


def _check_file_system(tier: FileSpec, folder: Path, slack_bytes: int, on: dict[int, int]) -> None:
    path = file_of(tier, folder)
    home = Path(tempfile.gettempdir()) if path is None else path.parent
    problem = _problem(path, home)
    if problem is not None:
        raise RoomError(f"tier {tier.name!r}: {problem}", tier.name, "capacity" if path is None else "path")
    system = os.statvfs(home)
    device = os.stat(home).st_dev
    on[device] = on.get(device, 0) + tier.capacity + slack_bytes
    free = system.f_bavail * system.f_frsize
    if on[device] > free:
        raise RoomError(
            f"tier {tier.name!r}: the file system of {home} has {format_bytes(free)} free, and the tiers on it want "
            f"{format_bytes(on[device])}; give a smaller capacity, or a path on another file system",
            tier.name,
            "capacity",
        )


def _check_memory(tier: MemorySpec, wanted: int) -> None:
    """The machine has the memory that the memory tiers would fill."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > there:
        raise RoomError(
            f"tier {tier.name!r}: this machine has {format_bytes(there)} of memory, and the memory tiers want "
            f"{format_bytes(wanted)}; give a smaller capacity",
            tier.name,
            "capacity",
        )


def _problem(path: Path | None, home: Path) -> str | None:
    if not os.path.isdir(home):
        return f"there is no folder {home} to make its file in; make it, or give another path"
    if not os.access(home, os.W_OK | os.X_OK):
        return f"the folder {home} can't be written; give a path in one that can"
    if path is None:
        return None
    if len(os.fsencode(path.name)) > os.pathconf(home, "PC_NAME_MAX"):
        return f"the name of its file is too long for the file system of {home}; give a shorter one"
    if os.path.lexists(path):
        return (
            f"{path} is there already; a tier makes its own file and removes it at the end: "
            f"remove it, or give another path"
        )
    return None
