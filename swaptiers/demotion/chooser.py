"""Between the core and users' policies: candidates as arrays, suggestions checked, outcomes told."""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from swaptiers.cgroups import CgroupTree
from swaptiers.core import api_plans
from swaptiers.core.chooser import CHOOSE, CHOOSERS
from swaptiers.core.constants import ACCEPTED, NOT_REACHED, PLAN_MAX, RAW, REASON_NAMES, REFERENCED, TOO_YOUNG
from swaptiers.core.core import Core
from swaptiers.core.entries import GENERATION_BITS, ROW_BITS
from swaptiers.demotion.custom import MAX_CANDIDATES, Candidates, Policy, load_policy
from swaptiers.demotion.terms import POLICIES
from swaptiers.errors import PolicyError
from swaptiers.graph import TierGraph

OUTCOMES = {NOT_REACHED: "not_reached", TOO_YOUNG: "too_young"}


class Chooser:
    """Lets the core ask the policies in `policies` (edge -> policy). `path_of`: the path of a cgroup by its number.

    A policy that raises, or suggests what is not there, moves nothing; `core.failure` keeps the error for the caller. One
    that suggests nothing is not asked again before time has passed or an entry has come or gone: a cgroup over its limit
    tries page after page, and would ask for each.
    """

    def __init__(
        self, core: Core, graph: TierGraph, policies: Mapping[int, Policy], path_of: Callable[[int], str]
    ) -> None:
        self._core = core
        self._graph = graph
        self._policies = policies
        self._path_of = path_of
        self._latest: tuple[Candidates, npt.NDArray[np.int64]] | None = None
        self._nothing: dict[tuple[int, int, int], tuple[int, int]] = {}
        self._function = CHOOSE(self._choose)
        address = ctypes.cast(self._function, ctypes.c_void_p).value
        assert address is not None
        self._address = address
        CHOOSERS[address] = self._choose
        core.st.chooser_at = address

    def for_trial(self, core: Core) -> Chooser:
        """One for a copy of the core, with copies of the policies: they go on from what they remember, and the originals
        remember nothing of it. Raises PolicyError for one that can't be copied."""
        policies = {}
        for edge, policy in self._policies.items():
            try:
                policies[edge] = copy.deepcopy(policy)
            except Exception as cause:
                raise PolicyError(self._graph.edges[edge].policy, self._graph.edges[edge].name, cause) from cause
        return Chooser(core, self._graph, policies, self._path_of)

    def close(self) -> None:
        """Let the function go; the core must not ask afterwards."""
        CHOOSERS.pop(self._address, None)

    def _choose(self, edge: int, cgroup: int, wanted: int) -> int:
        if self._core.failure is not None:
            return 0  # the caller has yet to hear of the first
        try:
            return self._suggest(edge, cgroup, wanted) if wanted >= 0 else self._tell(edge, -wanted)
        except KeyboardInterrupt as interrupt:
            self._core.failure = interrupt
        except BaseException as error:  # it can't pass through compiled code
            self._core.failure = PolicyError(self._graph.edges[edge].policy, self._graph.edges[edge].name, error)
        return 0

    def _suggest(self, edge: int, cgroup: int, wanted: int) -> int:
        asked, at = (edge, cgroup, wanted), (int(self._core.st.now), int(self._core.st.stamp))
        if self._nothing.get(asked) == at:
            return 0
        policy = self._policies[edge]
        rows = np.empty(int(getattr(policy, "max_candidates", MAX_CANDIDATES)), np.int64)
        rows = rows[: api_plans.list_candidates(self._core.state, edge, cgroup, rows)]
        if not len(rows):
            return 0
        rows = rows[np.argsort(self._core.records["last_use"][rows], kind="stable")]
        candidates = self._candidates(edge, cgroup, min(wanted, PLAN_MAX), rows)
        chosen = _checked(policy.suggest(candidates), len(rows))[: candidates.wanted]
        if not len(chosen):
            self._nothing[asked] = at
        self._latest = (candidates, chosen)
        self._core.picks["row"][: len(chosen)] = rows[chosen]
        return len(chosen)

    def _candidates(self, edge: int, cgroup: int, wanted: int, rows: npt.NDArray[np.int64]) -> Candidates:
        st, spec = self._core.st, self._graph.edges[edge]
        records: Any = self._core.records[rows]
        tag = (int(st.id_tag) << GENERATION_BITS) | records["generation"].astype(np.uint64)
        return Candidates(
            source=spec.source,
            target=spec.target,
            cgroup=self._path_of(cgroup),
            now_ns=int(st.now),
            wanted=wanted,
            page_size=int(st.page_size),
            ids=(tag << np.uint64(ROW_BITS)) | rows.astype(np.uint64),
            last_use_ns=records["last_use"].astype(np.int64),
            arrival=records["stamp"].astype(np.int64),
            stored_bytes=records["length"].astype(np.int64),
            is_raw=(records["marks"] & RAW) != 0,
            is_referenced=(records["marks"] & REFERENCED) != 0,
        )

    def _tell(self, edge: int, count: int) -> int:
        """What became of the latest suggestions, if the policy wants to know."""
        decided = getattr(self._policies[edge], "decided", None)
        if decided is None or self._latest is None:
            return 0
        candidates, chosen = self._latest
        outcomes = self._core.picks["outcome"][:count]
        refused = {
            int(position): OUTCOMES.get(int(outcome)) or REASON_NAMES[int(outcome)]
            for position, outcome in zip(chosen, outcomes, strict=True)
            if outcome != ACCEPTED
        }
        decided(candidates, chosen[outcomes == ACCEPTED], refused)
        return 0


def make_chooser(core: Core, graph: TierGraph, tree: CgroupTree, folder: Path) -> Chooser | None:
    """What a system with edges under users' policies needs; None where there are none. Raises ConfigError."""
    policies = {
        index: load_policy(edge.policy, edge.options, folder)
        for index, edge in enumerate(graph.edges)
        if edge.policy not in POLICIES
    }
    return Chooser(core, graph, policies, tree.path_of) if policies else None


def _checked(suggested: Any, count: int) -> npt.NDArray[np.int64]:
    """Positions as an array. Raises ValueError for what can't be suggested."""
    chosen = np.asarray(suggested)
    if chosen.size == 0:
        return np.zeros(0, np.int64)
    if chosen.ndim != 1 or chosen.dtype.kind not in "ui":
        raise ValueError(f"suggest() gives positions, whole numbers in a row, not {chosen.dtype} {chosen.shape}")
    if int(chosen.min()) < 0 or int(chosen.max()) >= count:
        raise ValueError(f"suggest() gave a position outside of the {count} candidates")
    if len(np.unique(chosen)) != len(chosen):
        raise ValueError("suggest() gave a position twice")
    return chosen.astype(np.int64)
