"""`zswap-shrinker`: write zswap back in proportion to reclaim, as the kernel's shrinker does.

Source: mm/zswap.c, zswap_shrinker_count() and zswap_shrinker_scan(); mm/shrinker.c, do_shrink_slab().

*The count.* Of the entries on the list as many are protected as pages were swapped in from disk: that many more in zswap,
and these swap-ins had not been. The protection is consumed by the count; what exceeds the list stays for the next one.
The rest is scaled by stored bytes over what they are uncompressed, in whole pages: the better zswap compresses, the less
writing back frees.

*The share.* do_shrink_slab() scans freeable * 4 / seeks / 2^priority entries where reclaim scans a 2^priority-th of the
list of pages. There is no priority here; what stands for 1 / 2^priority is the share of the resident pages that reclaim
has taken since the last step. Scanning goes in batches of 128; what is left of one is deferred, up to twice the freeable.

*Second chance.* Referenced entries are rotated once, as shrink_memcg_cb() does.

*The stop.* The kernel ends a walk at an entry whose page it finds in the swap cache: it has come to where pages are still
warm. Here a load takes its entry at once, and there is no swap cache. What would still be in it is what reclaim has only
just swapped out: so the walk ends at the first entry whose page was last used no earlier than the coldest page that was
resident at the last step, since whatever is younger than that page has been swapped out after it.
"""

from __future__ import annotations

from typing import Literal

import attrs

from swaptiers.controllers.base import ControllerSpec, Observation, Step
from swaptiers.units import Nanoseconds, to_nanoseconds

SHRINK_BATCH = 128
DEFAULT_SEEKS = 2


@attrs.frozen(kw_only=True, slots=False)
class ZswapShrinkerSpec(ControllerSpec):
    """A `zswap-shrinker` controller; its source is a zswap tier. It has no target: pressure drives it.

    `every`: how long pressure is gathered before it is passed on; the kernel does so at every turn of reclaim.
    """

    kind: Literal["zswap-shrinker"] = "zswap-shrinker"
    every: Nanoseconds = attrs.field(default=Nanoseconds(100_000_000), converter=to_nanoseconds)


class ZswapShrinker:
    """Keeps the protection and what was deferred. `measured`: the share of resident pages that reclaim took; `setting`:
    the count, in entries."""

    def __init__(self, spec: ZswapShrinkerSpec) -> None:
        self._spec = spec
        self._protected = 0
        self._deferred = 0
        self._due = 0
        """Of the latest step: deferred and new work, and the most that may be deferred again."""
        self._most = 0

    def step(self, seen: Observation) -> Step:
        """Ask for the entries that do_shrink_slab() would scan now."""
        self._deferred = min(max(self._due - seen.scanned, 0), self._most)
        freeable = self.count(seen)
        present = seen.resident_pages + seen.reclaimed_pages
        pressure = seen.reclaimed_pages / present if present else 0.0
        scan = self._scan(freeable, pressure)
        return Step(
            nbytes=seen.held_bytes if scan else 0,
            used_before_ns=seen.warm_ns,
            scan=scan,
            referenced="rotate",
            measured=pressure,
            target=None,
            setting=freeable,
        )

    def count(self, seen: Observation) -> int:
        """zswap_shrinker_count(): consumes the protection that the swap-ins since the last count have added to."""
        self._protected += seen.swap_ins
        if not seen.held_entries:
            return 0
        consumed = min(self._protected, seen.held_entries)
        self._protected -= consumed
        return (seen.held_entries - consumed) * (seen.held_bytes // seen.page_size) // seen.held_entries

    def _scan(self, freeable: int, pressure: float) -> int:
        """do_shrink_slab(): how many entries to look at; the rest is deferred."""
        if not freeable:  # nothing is looked at, and nothing forgotten
            self._due, self._most = self._deferred, self._deferred
            return 0
        new = int(freeable * pressure) * 4 // DEFAULT_SEEKS
        self._due, self._most = self._deferred + new, 2 * freeable
        total = min(int(self._deferred * pressure) + new, 2 * freeable)
        rest = total % SHRINK_BATCH
        return total if rest >= freeable else total - rest
