"""What a config may say but seldom means: sentences to show beside it, never errors."""

from __future__ import annotations

from collections.abc import Iterator

from swaptiers.demotion.branches import Branches
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.tiers.specs import ZswapSpec
from swaptiers.units import format_bytes


def advice(spec: ExperimentSpec) -> Iterator[str]:
    """One sentence each."""
    yield from _squeezed_cgroups(spec)
    yield from _rates(spec)
    yield from _silent_edges(spec)
    yield from _unclaimed(spec)


def _squeezed_cgroups(spec: ExperimentSpec) -> Iterator[str]:
    """Zswap's bytes count towards memory.max: without a limit of their own they may take all of it."""
    pools = [tier for tier in spec.tiers if isinstance(tier, ZswapSpec)]
    if not spec.charge_zswap or not pools:
        return
    largest = max(int(tier.max_pool.of(spec.ram)) for tier in pools)
    used = {workload.cgroup for workload in spec.workloads}
    for cgroup in spec.cgroups:
        if cgroup.path not in used or cgroup.memory_max is None or largest < cgroup.memory_max:
            continue
        if not any(each.zswap_max is not None and _covers(each.path, cgroup.path) for each in spec.cgroups):
            yield (
                f"{cgroup.path}: memory.max is {format_bytes(cgroup.memory_max)} and counts zswap's bytes, whose pool may "
                f"take {format_bytes(largest)}: its resident pages may be squeezed out; memory.zswap.max prevents that"
            )


def _covers(path: str, below: str) -> bool:
    return path == below or path == "/" or below.startswith(path + "/")


def _rates(spec: ExperimentSpec) -> Iterator[str]:
    with_rate = [workload.cgroup for workload in spec.workloads if workload.rate is not None]
    if with_rate and len(with_rate) < len(spec.workloads):
        yield (
            "some workloads have a rate and some have not: those without have the number of their references as rate; "
            "give one to each, or to none"
        )


def _silent_edges(spec: ExperimentSpec) -> Iterator[str]:
    if any(action.to and action.to.endswith((".reclaim", ".demote")) for action in spec.actions):
        return  # what a write asks for is known when it happens
    for edge in spec.edges or ():
        when = edge.when
        if when.pressure or when.limit or when.watermark or when.age:
            continue
        asked = {(a.source, a.target) for a in spec.actions} | {(c.source, c.to) for c in spec.controllers}
        if not asked & {(edge.source, None), (edge.source, edge.target)}:
            yield f"edge {edge.name}: it moves entries only when asked, and no action or controller asks"


def _unclaimed(spec: ExperimentSpec) -> Iterator[str]:
    """Edges that all choose may leave entries that none of them takes."""
    branches = Branches(spec.edges or (), int(spec.page_size))
    for source in dict.fromkeys(edge.source for edge in spec.edges or ()):
        for path in dict.fromkeys(workload.cgroup for workload in spec.workloads):
            if branches.unclaimed(source, path):
                yield f"tier {source}: some entries of {path} are for none of its edges: they stay until they are swapped in"
