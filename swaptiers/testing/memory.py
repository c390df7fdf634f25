"""How much memory this process has, and the most that it ever had."""

from __future__ import annotations

import os
import resource
import sys

__all__ = ["peak_bytes", "resident_bytes"]


def resident_bytes() -> int:
    """Of this process now; where the system does not say, the most that it ever was."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes()


def peak_bytes() -> int:
    """The most resident memory of this process since its program began.

    Linux's `ru_maxrss` outlives execve(), so a small child of a large process would show its parent's: VmHWM does not.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
