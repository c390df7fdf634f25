"""memory.current, memory.max, memory.swap.{current,max,events}, memory.zswap.{current,max,writeback}: charges and limits.

Mirrors mm/memcontrol.c. Limits are whole pages, as page counters are. None of these is on the root cgroup, but
memory.zswap.writeback.
"""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from swaptiers.control.file import READ_ONLY, ControlFile
from swaptiers.control.grammar import parse_limit, parse_switch


class MemoryCurrent(ControlFile):
    """memory.current: bytes of resident pages, and zswap's stored bytes where they are charged."""

    mode = READ_ONLY
    on_root = False

    def read(self, cgroup: str) -> str:
        """Of the subtree."""
        return f"{self._machine.system.subtree(cgroup).memory_bytes}\n"


class SwapCurrent(ControlFile):
    """memory.swap.current: page_size per entry that is charged to swap."""

    mode = READ_ONLY
    on_root = False

    def read(self, cgroup: str) -> str:
        """Of the subtree."""
        return f"{self._machine.system.subtree(cgroup).swap_bytes}\n"


class ZswapCurrent(ControlFile):
    """memory.zswap.current: stored (compressed) bytes in zswap."""

    mode = READ_ONLY
    on_root = False

    def read(self, cgroup: str) -> str:
        """Of the subtree."""
        return f"{self._machine.system.subtree(cgroup).zswap_bytes}\n"


class SwapEvents(ControlFile):
    """memory.swap.events: how often memory.swap.max said no (`max`), and no swap was to be had at all (`fail`).

    `high` is there because the kernel has it; there is no memory.swap.high here.
    """

    mode = READ_ONLY
    on_root = False

    def read(self, cgroup: str) -> str:
        """Of the subtree."""
        events = self._machine.system.subtree(cgroup).events
        return f"high 0\nmax {events['swap_max_events']}\nfail {events['swap_fail_events']}\n"


class _Limit(ControlFile):
    """A limit of the cgroup itself, which is a field of CgroupSpec."""

    on_root = False
    field: ClassVar[str]

    def read(self, cgroup: str) -> str:
        """As configured."""
        limit = getattr(self._machine.system.cgroup_spec(cgroup), self.field)
        return "max\n" if limit is None else f"{limit}\n"

    def write(self, cgroup: str, text: str) -> None:
        """A size or ``max``. What is held above it stays, and new charges are refused."""
        change: dict[str, Any] = {self.field: parse_limit(text, self._machine.system.page_size)}
        self._machine.system.change_cgroup(cgroup, lambda spec: attrs.evolve(spec, **change))


class MemoryMax(_Limit):
    """memory.max: the limit of memory.current."""

    field = "memory_max"

    def write(self, cgroup: str, text: str) -> None:
        """A size or ``max``. What is above it is reclaimed; what can't be stays (there is no OOM killer here)."""
        super().write(cgroup, text)
        self._machine.resident.obey_max(cgroup)


class SwapMax(_Limit):
    """memory.swap.max: the limit of memory.swap.current."""

    field = "swap_max"


class ZswapMax(_Limit):
    """memory.zswap.max: the limit of memory.zswap.current."""

    field = "zswap_max"


class ZswapWriteback(ControlFile):
    """memory.zswap.writeback: 0 forbids the subtree every store or move into a tier that is not zswap."""

    def read(self, cgroup: str) -> str:
        """The cgroup's own switch; one that is 0 above it is in force all the same."""
        return f"{int(self._machine.system.cgroup_spec(cgroup).zswap_writeback)}\n"

    def write(self, cgroup: str, text: str) -> None:
        """0 or 1. -EINVAL for anything else, -ERANGE for what is no 32-bit number."""
        switch = parse_switch(text)
        self._machine.system.change_cgroup(cgroup, lambda spec: attrs.evolve(spec, zswap_writeback=switch))
