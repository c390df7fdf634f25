"""What a request would do, without doing it: the same decisions, on a copy of the core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.core import api_plans
from swaptiers.core.constants import (
    ACCEPTED,
    NOT_REACHED,
    REASON_NAMES,
    REFERENCED,
    STORED,
    TOO_YOUNG,
    TRIGGER_NAMES,
    UNREADABLE,
)
from swaptiers.core.core import Core
from swaptiers.core.entries import GENERATION_BITS, ROW_BITS
from swaptiers.demotion.request import Demoted, Moved, Plan, Referenced, demote
from swaptiers.graph import TierGraph

Ids = npt.NDArray[np.uint64]


@attrs.frozen(kw_only=True, eq=False)
class PlannedMove:
    """One batch: these entries of one cgroup along one edge. `trigger`: what for; push-back from a full target says
    `pressure`. `stored_bytes`: of each entry, in the source."""

    source: str
    target: str
    cgroup: str
    trigger: str
    ids: Ids
    stored_bytes: npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class DemotionPlan:
    """What a request would do now.

    `moves`: batch by batch, in order. `outcome`: what the request would return; bytes written into compressed tiers are
    taken to be as many as were stored before. `stays`: why -> the entries of the source that would stay.
    """

    moves: tuple[PlannedMove, ...]
    outcome: Demoted
    stays: Mapping[str, Ids]

    def reason(self, entry: int) -> str:
        """Why this entry would stay. KeyError if it would not, or is none of the request's."""
        for why, ids in self.stays.items():
            if entry in ids:
                return why
        raise KeyError(f"entry {entry:#x} would move, or is not among those that were asked for")


class Preview:
    """A copy of a core on which a request is tried."""

    def __init__(self, core: Core, graph: TierGraph, path_of: Callable[[int], str]) -> None:
        self._graph = graph
        self._path_of = path_of
        self._before = core.records[: int(core.st.row_top)].copy()
        self.core = core.copy()
        self.core.st.flying = 0
        self._moves: list[PlannedMove] = []

    def request(
        self, *, scope: int, source: str, nbytes: int, target: str | None, referenced: Referenced, now: int
    ) -> DemotionPlan:
        """Try it, and look at what stayed."""
        try:
            outcome = demote(
                self.core,
                self._graph,
                threading.Lock(),
                self._move,
                scope=scope,
                source=source,
                nbytes=nbytes,
                target=target,
                referenced=referenced,
                now=now,
            )
            stays = self._stays(scope, source, target, referenced, outcome)
        finally:
            self.core.close()
        return DemotionPlan(moves=tuple(self._moves), outcome=outcome, stays=stays)

    def _move(self, plan: Plan) -> Moved:
        """Commit without bytes."""
        state, entries = self.core.state, plan.entries
        api_plans.place_plan(state, plan.edge, entries, len(entries))
        self._note(plan)
        moved = api_plans.commit_plan(state, plan.edge, plan.trigger, entries, len(entries))
        self.core.land(plan)
        done = entries["copied"] == 1
        return Moved(
            entries=moved,
            freed_bytes=int(entries["length"][done].sum()),
            written_bytes=int(entries["to_length"][done].sum()),
        )

    def _note(self, plan: Plan) -> None:
        if plan.edge >= len(self._graph.edges):
            return  # cleaning moves nothing to another tier
        edge = self._graph.edges[plan.edge]
        self._moves.append(
            PlannedMove(
                source=edge.source,
                target=edge.target,
                cgroup=self._path_of(int(plan.entries["cgroup"][0])),
                trigger=TRIGGER_NAMES[plan.trigger],
                ids=self._ids(plan.entries["row"]),
                stored_bytes=plan.entries["length"].astype(np.int64),
            )
        )

    def _ids(self, rows: npt.NDArray[np.int64]) -> Ids:
        tag = (int(self.core.st.id_tag) << GENERATION_BITS) | self._before["generation"][rows].astype(np.uint64)
        ids: Ids = (tag << np.uint64(ROW_BITS)) | rows.astype(np.uint64)
        return ids

    def _stays(
        self, scope: int, source: str, target: str | None, referenced: Referenced, outcome: Demoted
    ) -> dict[str, Ids]:
        """The entries that are still in the source, by reason."""
        core, rank = self.core, self._graph.rank(source)
        records: Any = core.records[: len(self._before)]
        places = core.cgroups["place"][records["cgroup"]]
        first, end = core.cgroups[scope].place, core.cgroups[scope].place_end
        here = (records["backing"] == STORED) & (records["tier"] == rank) & (places >= first) & (places < end)
        rows = np.flatnonzero(here & (self._before["tier"] == rank)).astype(np.int64)
        if outcome.met:
            return {"not_needed": self._ids(rows)} if len(rows) else {}
        why = self._reasons(rows, source, target, referenced)
        return {reason: self._ids(rows[why == reason]) for reason in sorted(set(why.tolist()))}

    def _reasons(
        self, rows: npt.NDArray[np.int64], source: str, target: str | None, referenced: Referenced
    ) -> npt.NDArray[Any]:
        why = np.full(len(rows), "no_edge", dtype=object)
        open_yet = np.ones(len(rows), np.bool_)
        for edge in self._graph.edges_from(source, target):
            codes = np.zeros(len(rows), np.int64)
            api_plans.find_reasons(self.core.state, edge, rows, codes)
            for code in set(codes[open_yet].tolist()) - {NOT_REACHED}:
                why[open_yet & (codes == code)] = _name(int(code))
            open_yet &= codes == NOT_REACHED
        why[(self._before["marks"][rows] & UNREADABLE) != 0] = "unreadable"
        if referenced == "rotate":
            marked = (self._before["marks"][rows] & REFERENCED) != 0
            why[marked & (why == "not_reached")] = "referenced"
        return why


def _name(code: int) -> str:
    if code == ACCEPTED:
        return "not_reached"
    return "too_young" if code == TOO_YOUNG else REASON_NAMES[code]
