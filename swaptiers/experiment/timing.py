"""The virtual clock: what an operation takes on the modelled device, and how long it keeps the device busy.

A device operation starts at max(now, busy_until); a per-call cost and the transfer keep the device busy, the latency is
added on completion. zswap and memory tiers are worked by the CPU that asks: their latency is per page, nobody queues.
"""

from __future__ import annotations

from typing import Any

from swaptiers.core.compile import part
from swaptiers.core.constants import FILE
from swaptiers.core.layout import Header

LONGEST = 1 << 61
"""Nanoseconds, 73 years: a device that would be busy beyond this stays busy until then, and the run ends there."""


@part
def _transfer_ns(t: Any, nbytes: int) -> int:
    return int(nbytes * t.ps_per_byte // 1000)


@part
def read_ns(st: Header, tier: int, now: int, pages: int, nbytes: int) -> int:
    """From now until `pages` scattered pages, `nbytes` in all, have been read from the tier."""
    t = st.tiers[tier]
    if t.kind != FILE:
        return int(pages * t.read_ns + _transfer_ns(t, nbytes))
    t.busy_until = min(max(t.busy_until, now) + pages * t.call_ns + _transfer_ns(t, nbytes), LONGEST)
    return int(t.busy_until - now + t.read_ns)


@part
def write_ns(st: Header, tier: int, now: int, pages: int, nbytes: int, new_call: bool) -> int:
    """From now until `pages` pages have been written side by side: one call on a device, one compression per page.

    `new_call`: False if this write goes on where the same eviction batch's last one ended.
    """
    t = st.tiers[tier]
    if t.kind != FILE:
        return int(pages * t.write_ns + _transfer_ns(t, nbytes))
    t.busy_until = min(max(t.busy_until, now) + (t.call_ns if new_call else 0) + _transfer_ns(t, nbytes), LONGEST)
    return int(t.busy_until - now + t.write_ns)


@part
def is_waited_for(st: Header, tier: int) -> bool:
    """True if whoever writes into the tier does the work; a device's writes are only submitted."""
    return bool(st.tiers[tier].kind != FILE)
