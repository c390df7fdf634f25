"""What actions and controllers of an experiment ask for, checked against its tiers, edges and cgroups."""

from __future__ import annotations

import difflib

from swaptiers.config import Node
from swaptiers.control.intent import Intent, in_dialect
from swaptiers.control.registry import CGROUP_FILES, RESERVED
from swaptiers.controllers.base import RESIDENT
from swaptiers.controllers.kinds import AnyControllerSpec
from swaptiers.controllers.zswap_shrinker import ZswapShrinkerSpec
from swaptiers.errors import ConfigError
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.graph import TierGraph, TierGraphError, unknown_tier
from swaptiers.tiers.specs import ZswapSpec
from swaptiers.units import shown


def check_requests(spec: ExperimentSpec, graph: TierGraph, document: Node) -> None:
    """Raises ConfigError, with its place, for a request that can never be met."""
    for index, action in enumerate(spec.actions):
        here = document.place_of(("actions", index))
        try:
            if action.evacuate is not None:
                _check_tier(graph, action.evacuate)
            if action.source is not None:
                _check_edges(graph, action.source, action.target)
            if action.to is not None:
                _check_file(spec, action.to)
            _check_cgroup(spec, action.cgroup)
            if action.intent is not None:
                _check_words(spec, graph, action.intent)
        except ConfigError as error:
            raise here.error(error.what) from None
    for index, controller in enumerate(spec.controllers):
        here = document.place_of(("controllers", index))
        try:
            _check_source(graph, controller)
            _check_cgroup(spec, controller.cgroup)
        except ConfigError as error:
            raise here.error(f"{controller.kind}: {error.what}") from None


def _check_file(spec: ExperimentSpec, path: str) -> None:
    """There is such a control file. Of the system-wide ones only the run knows."""
    folder, _, name = path.rpartition("/")
    if path[1:].partition("/")[0] in RESERVED:
        return
    if name not in CGROUP_FILES or not path.startswith("/"):
        near = difflib.get_close_matches(name, CGROUP_FILES, 1)
        hint = f"did you mean {near[0]!r}?" if near else "files are like /web/memory.reclaim"
        raise ConfigError(f"there is no control file {shown(path)}; {hint}")
    if not folder and not CGROUP_FILES[name].on_root:
        raise ConfigError(f"the root cgroup has no {name}")
    if name == "memory.swap.tiers.demote" and spec.dialect not in ("all", "tiers-demote"):
        raise ConfigError(f"in dialect {spec.dialect} there is no {name}")
    _check_cgroup(spec, folder or "/")


def _check_words(spec: ExperimentSpec, graph: TierGraph, intent: Intent) -> None:
    """The dialect has words for it."""
    try:
        in_dialect(intent, spec.dialect, graph)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _check_tier(graph: TierGraph, name: str) -> None:
    if name not in graph.nx:
        raise ConfigError(unknown_tier(name, graph.nx.nodes).what)


def _check_edges(graph: TierGraph, source: str, target: str | None) -> None:
    try:
        edges = graph.edges_from(source, target)
    except TierGraphError as error:
        raise ConfigError(error.what) from None
    if not edges:
        to = f" to {target!r}" if target else ""
        raise ConfigError(f"no edge leads from {source!r}{to}: nothing can be demoted")


def _check_source(graph: TierGraph, controller: AnyControllerSpec) -> None:
    if isinstance(controller, ZswapShrinkerSpec):
        _check_zswap(graph, controller.source)
    if controller.source != RESIDENT:
        _check_edges(graph, controller.source, controller.to)
    elif controller.source in graph.nx:
        raise ConfigError(f"source {RESIDENT!r} means resident pages; give the tier of that name another one")
    elif controller.to is not None:
        raise ConfigError("resident pages are swapped out to wherever stores go: leave `to` out")


def _check_zswap(graph: TierGraph, source: str) -> None:
    tier = graph.tiers[graph.rank(source)] if source in graph.nx else None
    if source == RESIDENT or not isinstance(tier, ZswapSpec | None):
        raise ConfigError(f"its source is a zswap tier, not {shown(source)}")


def _check_cgroup(spec: ExperimentSpec, path: str) -> None:
    paths = {cgroup.path for cgroup in spec.cgroups} | {workload.cgroup for workload in spec.workloads}
    if path != "/" and not any(p == path or p.startswith(path + "/") for p in paths):
        raise ConfigError(f"there is no cgroup {shown(path)}; there are: {', '.join(sorted(paths))}")
