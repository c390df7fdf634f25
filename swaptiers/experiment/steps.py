"""Every step of demotion, for whoever wants to know each: taken out of the replay as it goes, so that no run is too long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core.constants import TRIGGER_NAMES
from swaptiers.experiment.lab import STEP, STEPS_CAPACITY

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory


@attrs.frozen(kw_only=True)
class Steps:
    """Some steps, in order: batches of one cgroup's entries that moved along one edge.

    `table`: columns `time_ns`, `source`, `target`, `trigger`, `cgroup` (numbers), `entries`, `freed_bytes` (stored bytes
    that left the source), `written_bytes`. What the numbers stand for is in `tiers`, `triggers` and `cgroups`.
    """

    table: npt.NDArray[Any]
    tiers: Sequence[str]
    triggers: Sequence[str]
    cgroups: Mapping[int, str]


StepSink = Callable[[Steps], None]
"""Takes the steps as they come, a few thousand at a time."""
OpenSteps = Callable[[str, int], AbstractContextManager[StepSink]]
"""Makes the sink of a run, given the variant's name and which of its repetitions it is; in the process that runs it."""


class StepLog:
    """The steps of one run that nobody has taken yet."""

    def __init__(self, laboratory: Laboratory, sink: StepSink) -> None:
        self._sink = sink
        self._lab = laboratory.lab
        self._rows = laboratory.table("steps_at", np.zeros(STEPS_CAPACITY, STEP))
        self._tiers = [tier.name for tier in laboratory.graph.tiers]
        self._tree = laboratory.tree

    def drain(self) -> None:
        """Hand out what there is."""
        count = int(self._lab.steps_n)
        if count == 0:
            return
        cgroups = {index: path for path, index in self._tree.paths.items()}
        self._lab.steps_n = 0
        self._sink(Steps(table=self._rows[:count].copy(), tiers=self._tiers, triggers=TRIGGER_NAMES, cgroups=cgroups))
