"""What can be done to a system in an episode: plain values, so that they can be printed, dropped and made smaller.

Pages are named by the numbers of `pages.page_of`; one that is not in the system when its turn comes is passed over, so that
any part of a list of operations is a list of operations.
"""

from __future__ import annotations

from typing import Literal

import attrs

from swaptiers.demotion.request import Referenced
from swaptiers.testing.faults import Fault
from swaptiers.testing.faults import Operation as TierCall

Numbers = tuple[int, ...]
TakeWay = Literal["swap_in", "peek", "discard", "swap_in_page"]
Limits = tuple[tuple[str, int | None], ...]
"""Tier -> bytes, or None for none."""


@attrs.frozen
class SwapOut:
    """Store these pages, last used `age_ns` ago and each a little longer ago than the one before."""

    pages: Numbers
    cgroup: str = "/"
    age_ns: int = 0


@attrs.frozen
class SwapOutPage:
    """Store one page, the short way."""

    page: int
    cgroup: str = "/"


@attrs.frozen
class SwapOutAgain:
    """Store pages that were taken with `keep_clean`: `pages[i]`, or where it was changed `others[i]`."""

    pages: Numbers
    others: Numbers
    cgroup: str = "/"


@attrs.frozen
class SwapIn:
    """Take these pages back."""

    pages: Numbers
    keep_clean: bool = False


@attrs.frozen
class SwapInPage:
    """Take one page back, the short way."""

    page: int


@attrs.frozen
class Peek:
    """Read these pages; all there are if none is named."""

    pages: Numbers = ()


@attrs.frozen
class Discard:
    """Forget these pages."""

    pages: Numbers


@attrs.frozen
class ForgetClean:
    """Give up what is kept of pages that were taken with `keep_clean`."""


@attrs.frozen
class UseGone:
    """Use the id of a page that is gone, among those of others: nothing may change."""

    page: int
    others: Numbers = ()
    way: TakeWay = "swap_in"


@attrs.frozen
class UseTwice:
    """Name a page twice in one call: nothing may change."""

    page: int
    way: Literal["swap_in", "discard"] = "swap_in"


@attrs.frozen
class Demote:
    """A request; `is_planned`: its preview is asked for first."""

    nbytes: int
    source: str
    target: str | None = None
    cgroup: str = "/"
    referenced: Referenced = "ignore"
    is_planned: bool = False


@attrs.frozen
class Evacuate:
    """Let entries leave a tier, for so many batches at most (None: until it is over)."""

    tier: str
    batches: int | None = None


@attrs.frozen
class Readmit:
    """The tier takes entries again."""

    tier: str


@attrs.frozen
class Quarantine:
    """The tier takes nothing new, until it is readmitted."""

    tier: str


@attrs.frozen
class RemoveTier:
    """Evacuate a tier and close it."""

    tier: str


@attrs.frozen
class RunBackground:
    """Take background steps that are due."""

    steps: int = 1 << 20


@attrs.frozen
class SetLimits:
    """All limits of a cgroup, which is made if absent."""

    cgroup: str
    zswap_max: int | None = None
    swap_max: int | None = None
    zswap_writeback: bool = True
    tiers_max: Limits = ()
    tiers_low: Limits = ()


@attrs.frozen
class SetZswap:
    """Parameters of a zswap tier, from the next store on."""

    tier: str
    compressor: str
    enabled: bool = True
    accept_threshold_percent: int = 90


@attrs.frozen
class RemoveCgroup:
    """A cgroup goes; its pages are its parent's."""

    cgroup: str


@attrs.frozen
class Look:
    """Counters and inversion are asked for."""


@attrs.frozen
class MoveClock:
    """Time goes by; or the clock jumps, also backwards."""

    ns: int


@attrs.frozen
class Arm:
    """From now on the tier fails like this."""

    tier: str
    faults: tuple[Fault, ...]


@attrs.frozen
class Disarm:
    """The tier is well again."""

    tier: str


@attrs.frozen
class Slow:
    """Each call of the tier moves the clock on by so much."""

    tier: str
    ns: int


@attrs.frozen
class LimitFiles:
    """No file of this process may grow beyond so many bytes (RLIMIT_FSIZE); None: any size."""

    nbytes: int | None


@attrs.frozen
class CutFile:
    """Somebody truncates a tier's file: what was beyond is lost."""

    tier: str
    nbytes: int


@attrs.frozen
class UnlinkFile:
    """Somebody removes the name of a tier's file."""

    tier: str


@attrs.frozen
class Fork:
    """A forked child tries to use the system."""

    page: int


@attrs.frozen
class Hanging:
    """`first` runs in a thread of its own and hangs in `call` of the tier, if it comes there; `then` is done meanwhile."""

    tier: str
    call: TierCall
    first: Operation
    then: tuple[Operation, ...]


Operation = (
    SwapOut
    | SwapOutPage
    | SwapOutAgain
    | SwapIn
    | SwapInPage
    | Peek
    | Discard
    | ForgetClean
    | UseGone
    | UseTwice
    | Demote
    | Evacuate
    | Readmit
    | Quarantine
    | RemoveTier
    | RunBackground
    | SetLimits
    | SetZswap
    | RemoveCgroup
    | Look
    | MoveClock
    | Arm
    | Disarm
    | Slow
    | LimitFiles
    | CutFile
    | UnlinkFile
    | Fork
    | Hanging
)
