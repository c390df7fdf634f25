"""The files `tiers` and `swaps`: which named ranges of priority there are, and which devices lie in them."""

from __future__ import annotations

import errno

from swaptiers.control.file import READ_ONLY, ControlFile
from swaptiers.control.named_tiers import device_priorities
from swaptiers.errors import ControlFileError
from swaptiers.tiers.specs import FileSpec, MemorySpec, SlottedSpec

KIB = 1024


class Tiers(ControlFile):
    """tiers, system-wide: /sys/kernel/mm/swap/tiers of swap tiers v10 (patch 1): ``+NAME:PRIORITY`` and ``-NAME``."""

    def read(self, cgroup: str) -> str:
        """A header, then a line per range, highest first."""
        return self._machine.names.ranges.shown()

    def write(self, cgroup: str, text: str) -> None:
        """All of it or nothing. -EINVAL, -EEXIST, -EBUSY, -ENOSPC as TierRanges has them."""
        try:
            self._machine.names.write(text)
        except ControlFileError:
            raise
        except OSError as error:
            raise ControlFileError(error.errno or errno.EINVAL, str(error.strerror)) from error


class Swaps(ControlFile):
    """swaps, system-wide: the devices that `tiers` is about, as /proc/swaps lists them; KiB."""

    mode = READ_ONLY

    def read(self, cgroup: str) -> str:
        """A header, then a line per device, highest priority first."""
        system = self._machine.system
        counted = system.stats().tiers
        lines = ["Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"]
        for name, priority in device_priorities(system.graph).items():
            spec = system.graph.tiers[system.graph.rank(name)]
            kind = "file" if isinstance(spec, FileSpec) else "memory" if isinstance(spec, MemorySpec) else "partition"
            size = int(spec.capacity) // KIB if isinstance(spec, SlottedSpec) else 0
            used = counted[name].pool_bytes // KIB
            lines.append(f"{name:<40}{kind:<16}{size:<16}{used:<16}{priority}\n")
        return "".join(lines)
