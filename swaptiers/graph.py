"""The graph of tiers: which there are, along which edges entries move down, and every check of its shape."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence

import attrs
import networkx as nx

from swaptiers.demotion.branches import BranchError, Branches
from swaptiers.demotion.terms import EdgeSpec
from swaptiers.errors import GraphError
from swaptiers.tiers.base import OnFull, TierSpec
from swaptiers.tiers.specs import ZswapSpec
from swaptiers.units import shown

MAX_TIERS, MAX_EDGES = 32, 64


class TierGraphError(GraphError):
    """A graph that can't work. `edge_index`: of the edge at fault, or None; `tier`: the tier at fault, or None."""

    def __init__(self, what: str, *, edge_index: int | None = None, tier: str | None = None) -> None:
        super().__init__(what)
        self.edge_index = edge_index
        self.tier = tier


@attrs.frozen
class TierGraph:
    """Tiers by rank (0 = fastest) and the edges between them, checked.

    `nx`: a networkx.DiGraph; each node has `spec` and `rank`, each edge `spec` and `index`.
    """

    tiers: tuple[TierSpec, ...]
    edges: tuple[EdgeSpec, ...]
    nx: nx.DiGraph[str]
    branches: Branches

    @classmethod
    def build(
        cls,
        tiers: Sequence[TierSpec],
        edges: Iterable[EdgeSpec] | None,
        on_full: OnFull = "demote",
        page_size: int = 4096,
    ) -> TierGraph:
        """Order the tiers, fill in the chain if `edges` is None, and check. Raises GraphError with what to change."""
        ordered = _by_priority(tiers)
        terms = _chain(ordered) if edges is None else tuple(edges)
        graph: nx.DiGraph[str] = nx.DiGraph()
        for rank, tier in enumerate(ordered):
            graph.add_node(tier.name, spec=tier, rank=rank)
        _add_edges(graph, terms)
        _check_acyclic(graph)
        _check_reachable(graph, ordered, on_full)
        return cls(ordered, terms, graph, _branches(graph, terms, page_size))

    def rank(self, name: str) -> int:
        """0 = fastest. Raises GraphError for an unknown tier, naming the nearest."""
        if name not in self.nx:
            raise unknown_tier(name, self.nx.nodes)
        return int(self.nx.nodes[name]["rank"])

    def edges_from(self, source: str, target: str | None = None) -> tuple[int, ...]:
        """The indexes of the edges out of `source` (into `target` only, if given), in their order."""
        self.rank(source)
        if target is not None:
            self.rank(target)
        found = (i for i, e in enumerate(self.edges) if e.source == source and target in (None, e.target))
        return tuple(found)

    def on_full(self, name: str, default: OnFull) -> OnFull:
        """What a store into this tier does when it is refused."""
        spec: TierSpec = self.nx.nodes[name]["spec"]
        return spec.on_full or default


def unknown_tier(name: str, known: Iterable[str], edge_index: int | None = None) -> TierGraphError:
    """The error for a tier that there is not."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the tiers are {', '.join(names)}"
    return TierGraphError(f"there is no tier {shown(name)}; {hint}", edge_index=edge_index)


def _by_priority(tiers: Sequence[TierSpec]) -> tuple[TierSpec, ...]:
    if not tiers:
        raise TierGraphError("there is no tier; write at least one under tiers")
    if len(tiers) > MAX_TIERS:
        raise TierGraphError(
            f"there are {len(tiers)} tiers; at most {MAX_TIERS} are possible", tier=tiers[MAX_TIERS].name
        )
    seen: set[str] = set()
    for tier in tiers:
        if tier.name in seen:
            raise TierGraphError(f"there are two tiers named {tier.name!r}; give each its own name", tier=tier.name)
        seen.add(tier.name)
    given = [tier for tier in tiers if tier.priority is not None]
    if given and len(given) != len(tiers):
        other = next(tier for tier in tiers if tier.priority is None)
        raise TierGraphError(
            f"tier {other.name!r} has no priority but {given[0].name!r} has; give one to each tier, or to none",
            tier=other.name,
        )
    return tuple(sorted(tiers, key=lambda tier: -(tier.priority or 0)))


def _chain(ordered: Sequence[TierSpec]) -> tuple[EdgeSpec, ...]:
    return tuple(EdgeSpec(source=a.name, target=b.name) for a, b in itertools.pairwise(ordered))


def _add_edges(graph: nx.DiGraph[str], edges: Sequence[EdgeSpec]) -> None:
    if len(edges) > MAX_EDGES:
        raise TierGraphError(f"there are {len(edges)} edges; at most {MAX_EDGES} are possible", edge_index=MAX_EDGES)
    for index, edge in enumerate(edges):
        for name in (edge.source, edge.target):
            if name not in graph:
                raise unknown_tier(name, graph.nodes, index)
        if edge.source == edge.target:
            raise TierGraphError(f"the edge {edge.name} leads back to its own tier", edge_index=index)
        if graph.has_edge(edge.source, edge.target):
            raise TierGraphError(f"the edge {edge.name} is there twice; keep one", edge_index=index)
        if edge.when.limit and not isinstance(graph.nodes[edge.source]["spec"], ZswapSpec):
            raise TierGraphError(
                f"edge {edge.name}: limit is for a zswap source (down to its accept threshold); use pressure or watermark",
                edge_index=index,
            )
        graph.add_edge(edge.source, edge.target, spec=edge, index=index)


def _branches(graph: nx.DiGraph[str], edges: Sequence[EdgeSpec], page_size: int) -> Branches:
    """Who takes what, where several edges leave one tier."""
    for index, edge in enumerate(edges):
        spec: TierSpec = graph.nodes[edge.source]["spec"]
        if edge.keep_compressed:
            _check_same_compressor(edge, spec, graph.nodes[edge.target]["spec"], index)
        if edge.only is not None and edge.only.is_about_contents and not spec.is_compressed:
            raise TierGraphError(
                f"edge {edge.name}: {edge.source!r} keeps whole pages, so that all its entries have ratio 1; "
                f"ratios and raw are for a source that compresses",
                edge_index=index,
            )
    try:
        return Branches(edges, page_size)
    except BranchError as error:
        raise TierGraphError(str(error), edge_index=error.edge_index) from None


def _check_same_compressor(edge: EdgeSpec, source: TierSpec, target: TierSpec, index: int) -> None:
    """A payload that moves as it is must be one that the target can decompress."""
    made, read = getattr(source, "compressor", None), getattr(target, "compressor", None)
    if made is None or made != read:
        raise TierGraphError(
            f"edge {edge.name}: keep_compressed is between tiers with one compressor, and {edge.source!r} has "
            f"{made or 'none'} and {edge.target!r} {read or 'none'}; give both the same, or leave keep_compressed out",
            edge_index=index,
        )


def _check_acyclic(graph: nx.DiGraph[str]) -> None:
    try:
        cycle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return
    names = [edge[0] for edge in cycle] + [cycle[-1][1]]
    last = graph.edges[cycle[-1][0], cycle[-1][1]]["index"]
    raise TierGraphError(f"the edges form a cycle: {' -> '.join(names)}; remove one of them", edge_index=last)


def _check_reachable(graph: nx.DiGraph[str], ordered: Sequence[TierSpec], on_full: OnFull) -> None:
    """Every tier must be reachable by edges from the first, or by priority where the tier above it spills."""
    links: Mapping[str, Iterable[str]] = graph.adj
    reached = {ordered[0].name}
    queue = [ordered[0].name]
    below = {a.name: b.name for a, b in itertools.pairwise(ordered)}
    spills = {tier.name for tier in ordered if (tier.on_full or on_full) == "spill"}
    spills |= {tier.name for tier in ordered if isinstance(tier, ZswapSpec) and tier.raw == "refuse"}
    while queue:
        name = queue.pop()
        following = list(links[name])
        if name in spills and name in below:
            following.append(below[name])
        for each in following:
            if each not in reached:
                reached.add(each)
                queue.append(each)
    for tier in ordered:
        if tier.name not in reached:
            raise TierGraphError(
                f"tier {tier.name!r} can't be reached: no edge leads to it and nothing spills into it; "
                f"add an edge to it, or on_full: spill",
                tier=tier.name,
            )
