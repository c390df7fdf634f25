"""What every controller is: a pure function of what it has seen, from an observation to a step."""

from __future__ import annotations

from typing import ClassVar, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.cgroups import check_path
from swaptiers.demotion.request import Referenced
from swaptiers.units import Nanoseconds, to_nanoseconds

RESIDENT = "resident"
"""As a source: not a tier, but the cgroup's pages in memory, the coldest of which are then swapped out."""

Int64s = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, slots=False)
class ControllerSpec:
    """What every kind of controller has.

    `cgroup`: it watches and moves this one and its descendants. `source`: the tier that it demotes from, or `resident`.
    `to`: along which edge (None = every edge out of the source, in order). `every`: from one step to the next.
    """

    needs_ages: ClassVar[bool] = False

    cgroup: str = attrs.field(default="/", converter=check_path)
    source: str
    to: str | None = None
    every: Nanoseconds = attrs.field(default=Nanoseconds(6_000_000_000), converter=to_nanoseconds)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for no time between two steps."""
        if self.every <= 0:
            raise ValueError("every is a duration above 0")


@attrs.frozen(kw_only=True, eq=False)
class Ages:
    """How long ago pages were used, in classes: class i is from `from_ns[i]` up to `from_ns[i + 1]`.

    `reused`: references in the last interval to pages that were of that age. `idle_pages`: the cgroup's pages, wherever
    they are, of that age now. `held_bytes`: of them, what the source holds.
    """

    from_ns: Int64s
    reused: Int64s
    idle_pages: Int64s
    held_bytes: Int64s


@attrs.frozen(kw_only=True)
class Observation:
    """What a controller sees of its cgroup's subtree. "Interval": since the observation before.

    `held_bytes`, `held_entries`: in the source now. `stall_ns`: waited for memory in the interval. `swap_ins`: pages
    swapped in from below the source in the interval (from anywhere, if that is `resident`). `reclaimed_pages`: swapped
    out in the interval, of `resident_pages` that there are now. `warm_ns`: what was swapped out in the interval was last
    used then or later. `scanned`: entries that were looked at for the step before. `ages`: for those who want them.
    """

    now_ns: int
    interval_ns: int
    held_bytes: int
    held_entries: int
    page_size: int = 4096
    stall_ns: int = 0
    swap_ins: int = 0
    reclaimed_pages: int = 0
    resident_pages: int = 0
    warm_ns: int | None = None
    scanned: int = 0
    ages: Ages | None = None


@attrs.frozen(kw_only=True)
class Step:
    """What a controller wants moved, and why.

    At most `nbytes` stored bytes; if given, only what was last used before `used_before_ns`, and only as far as `scan`
    entries have been looked at. `measured` against `target` (None = it has none) led to `setting`: each kind says what
    these are.
    """

    nbytes: int
    used_before_ns: int | None = None
    scan: int | None = None
    referenced: Referenced = "ignore"
    measured: float
    target: float | None
    setting: float


class Controller(Protocol):
    """One controller of one cgroup. Its only state is what earlier observations left in it."""

    def step(self, seen: Observation) -> Step:
        """What to move now."""
