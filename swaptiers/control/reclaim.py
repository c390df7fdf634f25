"""memory.reclaim and memory.swap.tiers.demote: asking for pages to be swapped out, or moved down. One engine does both.

memory.reclaim is the kernel's (user_proactive_reclaim()), with what was proposed for zswap's proactive writeback:
``zswap_writeback_only`` (v4) and ``source=zswap`` (v5), and its general form, ``source=<tier>``. The proposed
memory.swap.tiers.demote is specified in docs/memory.swap.tiers.demote.md.
"""

from __future__ import annotations

import errno

from swaptiers.cgroups import ROOT, parent_path
from swaptiers.control.file import WRITE_ONLY, ControlFile, invalid
from swaptiers.control.grammar import ReclaimRequest, parse_demote, parse_reclaim
from swaptiers.control.machine import Machine
from swaptiers.control.statistics import zswap_tiers
from swaptiers.errors import ControlFileError

ANON = "anon"
Road = tuple[str, str | None]
"""A source, and the target of its entries; None = along all its edges."""


class MemoryReclaim(ControlFile):
    """memory.reclaim. The size is in bytes: of resident pages, or as stored in the tier that is named."""

    mode = WRITE_ONLY

    def write(self, cgroup: str, text: str) -> None:
        """Reclaim, or -EAGAIN where less than was asked for could be; what was done stays done and is seen in memory.stat.

        -EINVAL: the grammar; an unknown source; `file`; a tier whose entries can go nowhere. -EOPNOTSUPP: no zswap.
        """
        machine = self._machine
        request = parse_reclaim(text)
        if request.form != "plain" and not machine.takes(request.form):
            raise invalid(f"the dialect is {machine.dialect}, in which memory.reclaim has no such key")
        steps = _steps(machine, cgroup, request)
        page_size = machine.system.page_size
        left = request.nbytes
        if not set(steps) - {(ANON, None)}:
            left -= left % page_size
        for step in steps:
            if step == (ANON, None):
                left -= machine.resident.reclaim(cgroup, left // page_size) * page_size if left > 0 else 0
            else:
                left -= _demoted_bytes(machine, cgroup, left, step)
        _met(request.nbytes, left)


class TiersDemote(ControlFile):
    """memory.swap.tiers.demote, write-only: ``<size> <tier> [to=<tier>] [referenced=rotate|ignore]``."""

    mode = WRITE_ONLY

    @classmethod
    def exists(cls, machine: Machine) -> bool:
        """In its own dialect only."""
        return machine.takes("tiers-demote")

    def write(self, cgroup: str, text: str) -> None:
        """Move stored bytes of the subtree out of the tier, or -EAGAIN where less than was asked for could be.

        -EINVAL: the grammar; an unknown tier; no edge out of it, or into `to`, that the cgroup's entries may take.
        """
        machine = self._machine
        request = parse_demote(text)
        sources = machine.names.meant(request.tier)
        targets = None if request.to is None else machine.names.meant(request.to)
        left = request.nbytes
        for source, target in _roads(machine, cgroup, request.tier, sources, targets):
            if left > 0:
                left -= machine.system.demote(
                    left, source=source, target=target, cgroup=cgroup, referenced=request.referenced
                ).freed_bytes
        _met(request.nbytes, left)


def _steps(machine: Machine, cgroup: str, request: ReclaimRequest) -> list[Road]:
    """What is reclaimed, one after the other: ANON, or out of tiers. Checked before anything moves.

    Without a source, that is resident pages, which are all anonymous; swappiness=0 takes none of those.
    """
    if request.form == "plain":
        return [] if request.swappiness == 0 else [(ANON, None)]
    steps: list[Road] = []
    for name in request.sources:
        roads = [(ANON, None)] if name == ANON else _roads(machine, cgroup, name, _tiers_named(machine, name), None)
        steps += [road for road in roads if road not in steps]
    return steps


def _tiers_named(machine: Machine, name: str) -> list[str]:
    """The tiers that ``source=<name>`` means: the one of that name; for ``zswap``, where none has it, every zswap tier."""
    graph = machine.system.graph
    if name == "file":
        raise invalid("source=file is the page cache, and there is none here: files' pages are never swapped")
    if name == "zswap" and name not in graph.nx:
        tiers = zswap_tiers(graph)
        if not tiers:
            raise ControlFileError(errno.EOPNOTSUPP, "there is no zswap tier")
        return tiers
    return machine.names.meant(name)


def _roads(machine: Machine, cgroup: str, name: str, sources: list[str], targets: list[str] | None) -> list[Road]:
    """Where entries of what `name` means may go to leave it, fastest source first: a tier, along all its edges (or the one
    into the only target); a named range of devices, along every edge that leads out of it.

    -EINVAL where there is none, or writeback is switched off.
    """
    if not machine.names.is_range(name) and (targets is None or len(targets) == 1):
        for source in sources:
            _check_edges(machine, cgroup, source, None if targets is None else targets[0])
        return [(source, None if targets is None else targets[0]) for source in sources]
    graph = machine.system.graph
    roads: list[Road] = [
        (source, edge.target)
        for source in sources
        for edge in graph.edges
        if edge.source == source
        and edge.target in graph.nx
        and edge.target not in sources
        and (targets is None or edge.target in targets)
    ]
    if not roads:
        raise invalid(f"no edge leads out of {name} to where was asked for: nothing can be demoted")
    for source, target in roads:
        _check_edges(machine, cgroup, source, target)
    return roads


def _check_edges(machine: Machine, cgroup: str, source: str, target: str | None) -> None:
    """-EINVAL unless an edge leads out of the tier (into `target`), and not only where writeback is switched off."""
    graph = machine.system.graph
    edges = [graph.edges[index] for index in graph.edges_from(source, target)]
    targets = [edge.target for edge in edges if edge.target in graph.nx]
    if not targets:
        raise invalid(f"no edge leads from {source}{f' to {target}' if target else ''}: nothing can be demoted")
    in_memory = zswap_tiers(graph)
    if not any(tier in in_memory for tier in targets) and not _may_write_back(machine, cgroup):
        raise invalid(f"memory.zswap.writeback is 0 for {cgroup}: nothing may leave {source}")


def _may_write_back(machine: Machine, cgroup: str) -> bool:
    """memory.zswap.writeback as in force: its own and that of every ancestor."""
    while machine.system.cgroup_spec(cgroup).zswap_writeback:
        if cgroup == ROOT:
            return True
        cgroup = parent_path(cgroup)
    return False


def _demoted_bytes(machine: Machine, cgroup: str, nbytes: int, road: Road) -> int:
    if nbytes <= 0:
        return 0
    source, target = road
    return machine.system.demote(nbytes, source=source, target=target, cgroup=cgroup, referenced="rotate").freed_bytes


def _met(wanted: int, left: int) -> None:
    """-EAGAIN if less was done than was asked for."""
    if left > 0:
        raise ControlFileError(errno.EAGAIN, f"{wanted - left} of {wanted} bytes could be reclaimed; those are")
