"""Looking at runs now and then, for whoever shows them, at a bounded price."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from swaptiers.experiment.glimpse import Glimpse, Moment

EVERY_S = 0.25
SHARE = 0.005
"""Of the run's time, what looking and showing may take: half of a hundredth, as the last look of a run is never left out."""

Viewer = Callable[[Moment, Glimpse], None]
"""Shown a run. What it does counts as time that looking takes."""


class Watcher:
    """A `Watch` that looks at most four times a second, seldomer where that would take more than SHARE of the time.

    The first look is at once, the last one when the run is over. `clock`: seconds, never backwards.
    """

    def __init__(self, viewers: Sequence[Viewer], clock: Callable[[], float] = time.monotonic) -> None:
        self._viewers = viewers
        self._clock = clock
        self._due = float("-inf")

    def __call__(self, moment: Moment) -> None:
        """Look, if it is time to."""
        started = self._clock()
        if started < self._due and not moment.is_over:
            return
        glimpse = moment.glimpse()
        for view in self._viewers:
            view(moment, glimpse)
        ended = self._clock()
        self._due = ended + max(EVERY_S, (ended - started) / SHARE)
