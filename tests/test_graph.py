"""The graph of tiers: order, the default chain, and every check, with what its error names."""

from __future__ import annotations

import itertools
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.graph import MAX_EDGES, MAX_TIERS, TierGraph, TierGraphError

NAMES = "abcdef"


def far(name: str, **terms: Any) -> st.MemorySpec:
    return st.MemorySpec(name=name, capacity="1M", **terms)


def edges_of(*pairs: str) -> list[st.EdgeSpec]:
    """`ab` is an edge from a to b."""
    return [st.EdgeSpec(source=pair[0], target=pair[1]) for pair in pairs]


def tiers_of(names: str) -> list[st.MemorySpec]:
    return [far(name) for name in names]


def pairs_in(graph: TierGraph) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in graph.edges]


def test_a_chain_in_the_order_of_the_list() -> None:
    """Without edges and priorities: each tier to the next, fastest first, when pressed."""
    graph = TierGraph.build(tiers_of("cab"), None)
    assert [tier.name for tier in graph.tiers] == ["c", "a", "b"]
    assert pairs_in(graph) == [("c", "a"), ("a", "b")]
    assert all(edge.when == st.Triggers(pressure=True) and edge.policy == "lru" for edge in graph.edges)
    assert [graph.rank(name) for name in "cab"] == [0, 1, 2]


@given(priorities=some.lists(some.integers(-1, 5), min_size=1, max_size=6))
def test_priorities_override_the_list(priorities: list[int]) -> None:
    """Higher is faster, equal ones in the order of the list; the chain goes down by priority, never up."""
    tiers = [far(name, priority=priority) for name, priority in zip(NAMES, priorities, strict=False)]
    graph = TierGraph.build(tiers, None)
    order = [(-(tier.priority or 0), NAMES.index(tier.name)) for tier in graph.tiers]
    assert order == sorted(order)
    assert pairs_in(graph) == list(itertools.pairwise(tier.name for tier in graph.tiers))


def test_the_networkx_graph_has_the_terms() -> None:
    """For whoever draws or searches it: nodes with spec and rank, edges with spec and index."""
    graph = TierGraph.build(tiers_of("abc"), edges_of("ac", "ab"))
    assert {name: data["rank"] for name, data in graph.nx.nodes(data=True)} == {"a": 0, "b": 1, "c": 2}
    assert graph.nx.nodes["b"]["spec"] is graph.tiers[1]
    assert graph.nx.edges["a", "b"] == {"spec": graph.edges[1], "index": 1}


def test_edges_from_a_tier() -> None:
    """In the order in which they stand; into one target only if that is asked for."""
    graph = TierGraph.build(tiers_of("abc"), edges_of("ac", "bc", "ab"))
    assert graph.edges_from("a") == (0, 2)
    assert graph.edges_from("a", "b") == (2,)
    assert graph.edges_from("c") == graph.edges_from("b", "a") == ()
    for wrong in (("x",), ("a", "x")):
        with pytest.raises(st.GraphError, match="no tier 'x'"):
            graph.edges_from(*wrong)


@given(some.lists(some.sampled_from(list(itertools.permutations(NAMES[:5], 2))), unique=True, max_size=12))
def test_a_cycle_is_named_edge_by_edge(pairs: list[tuple[str, str]]) -> None:
    """Any graph with a cycle is refused with a cycle that is really there, and the edge to look at is one of it."""
    edges = edges_of(*("".join(pair) for pair in pairs))
    acyclic = nx.is_directed_acyclic_graph(nx.DiGraph(pairs))
    try:
        TierGraph.build(tiers_of(NAMES[:5]), edges, "spill")
    except TierGraphError as error:
        assert not acyclic
        walk = error.what.removeprefix("the edges form a cycle: ").split(";")[0].split(" -> ")
        named = list(itertools.pairwise(walk))
        assert walk[0] == walk[-1]
        assert set(named) <= set(pairs)
        assert len(set(named)) == len(named) >= 2
        assert error.edge_index is not None
        assert pairs[error.edge_index] in named
    else:
        assert acyclic


def reached(names: str, pairs: set[tuple[str, str]], spills: set[str]) -> set[str]:
    """By following everything until nothing new is found."""
    links = pairs | {(a, b) for a, b in itertools.pairwise(names) if a in spills}
    found = {names[0]}
    for _ in names:
        found |= {b for a, b in links if a in found}
    return found


@given(
    pairs=some.sets(some.sampled_from(list(itertools.combinations(NAMES, 2))), max_size=8),
    on_full=some.lists(some.sampled_from([None, "spill", "refuse", "demote"]), min_size=6, max_size=6),
    default=some.sampled_from(["spill", "refuse", "demote"]),
)
def test_a_tier_that_nothing_reaches(pairs: set[tuple[str, str]], on_full: list[Any], default: Any) -> None:
    """By edges, or from the tier above it where that spills; the error names a tier that is really cut off."""
    tiers = [far(name, on_full=mode) for name, mode in zip(NAMES, on_full, strict=True)]
    spills = {name for name, mode in zip(NAMES, on_full, strict=True) if (mode or default) == "spill"}
    missing = set(NAMES) - reached(NAMES, pairs, spills)
    edges = edges_of(*sorted("".join(pair) for pair in pairs))
    if missing:
        with pytest.raises(TierGraphError, match="can't be reached") as caught:
            TierGraph.build(tiers, edges, default)
        assert caught.value.tier in missing
        assert repr(caught.value.tier) in caught.value.what
    else:
        graph = TierGraph.build(tiers, edges, default)
        assert [graph.on_full(name, default) for name in NAMES] == [mode or default for mode in on_full]


def test_what_zswap_does_not_take_reaches_the_next() -> None:
    """`raw: refuse` sends pages on even where nothing spills."""
    zswap = st.ZswapSpec(name="z", max_pool="1M", raw="refuse")
    assert len(TierGraph.build([zswap, far("a")], []).tiers) == 2
    with pytest.raises(TierGraphError, match="'b' can't be reached"):
        TierGraph.build([zswap, far("a"), far("b")], [])


TO_BCD = st.EdgeSpec(source="a", target="bcd")


@pytest.mark.parametrize(
    ("edges", "says", "index"),
    [
        ([TO_BCD, *edges_of("xa")], "there is no tier 'x'; the tiers are a, bcd", 1),
        ([st.EdgeSpec(source="a", target="bdc")], "there is no tier 'bdc'; did you mean 'bcd'?", 0),
        ([TO_BCD, TO_BCD], "the edge a->bcd is there twice", 1),
        (edges_of("aa"), "the edge a->a leads back to its own tier", 0),
        (
            [st.EdgeSpec(source="a", target="bcd", when=st.Triggers(limit=True))],
            "edge a->bcd: limit is for a zswap source",
            0,
        ),
    ],
)
def test_edges_that_cannot_be(edges: list[st.EdgeSpec], says: str, index: int) -> None:
    """Each says which edge it is, and what there is instead."""
    with pytest.raises(TierGraphError) as caught:
        TierGraph.build([far("a"), far("bcd")], edges)
    assert caught.value.what.startswith(says)
    assert caught.value.edge_index == index


@pytest.mark.parametrize(
    ("tiers", "says", "tier"),
    [
        ([], "there is no tier", None),
        ([far("a"), far("b"), far("a")], "there are two tiers named 'a'", "a"),
        ([far("a"), far("b", priority=3)], "tier 'a' has no priority but 'b' has", "a"),
        ([far(f"t{i}") for i in range(MAX_TIERS + 1)], f"there are {MAX_TIERS + 1} tiers; at most", f"t{MAX_TIERS}"),
    ],
)
def test_tiers_that_cannot_be(tiers: list[Any], says: str, tier: str | None) -> None:
    """Each says which tier it is."""
    with pytest.raises(TierGraphError) as caught:
        TierGraph.build(tiers, None)
    assert caught.value.what.startswith(says)
    assert caught.value.tier == tier
    assert isinstance(caught.value, ValueError)


def test_as_many_as_are_possible() -> None:
    """The limits themselves are allowed; one more edge is not."""
    tiers = [far(f"t{i:02}") for i in range(MAX_TIERS)]
    assert len(TierGraph.build(tiers, None).edges) == MAX_TIERS - 1
    pairs = list(itertools.combinations([tier.name for tier in tiers], 2))
    pairs.sort(key=lambda pair: int(pair[1][1:]) - int(pair[0][1:]))
    edges = [st.EdgeSpec(source=a, target=b) for a, b in pairs[: MAX_EDGES + 1]]
    assert len(TierGraph.build(tiers, edges[:MAX_EDGES]).edges) == MAX_EDGES
    with pytest.raises(TierGraphError, match=f"at most {MAX_EDGES}"):
        TierGraph.build(tiers, edges)
