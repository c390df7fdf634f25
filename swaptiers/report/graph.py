"""The tiers and their edges, drawn: as text for a terminal, as DOT for Graphviz, as Mermaid for a web page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swaptiers.demotion.terms import EdgeSpec
from swaptiers.graph import TierGraph
from swaptiers.tiers.base import TierSpec
from swaptiers.tiers.specs import SlottedSpec, ZswapSpec
from swaptiers.units import Bytes, format_bytes, format_fraction, format_nanoseconds


def graph_text(graph: TierGraph, ram: Bytes) -> str:
    """A line per tier, fastest first, and below it a line per edge out of it."""
    width = max(len(tier.name) for tier in graph.tiers)
    lines = []
    for tier in graph.tiers:
        lines.append(f"{tier.name:<{width}}  {tier_terms(tier, ram)}")
        for index in graph.edges_from(tier.name):
            edge = graph.edges[index]
            lines.append(f"{'':<{width}}    -> {edge.target}: {edge_terms(edge)}")
    return "\n".join(lines)


def graph_dot(graph: TierGraph, ram: Bytes) -> str:
    """DOT: `swaptiers graph --format dot CONFIG | dot -Tsvg > tiers.svg`."""
    lines = ["digraph tiers {", "  rankdir=TB;", '  node [shape=box, fontname="sans-serif"];']
    lines += [f'  {tier.name} [label="{tier.name}\\n{tier_terms(tier, ram)}"];' for tier in graph.tiers]
    lines += [f'  {edge.source} -> {edge.target} [label="{edge_terms(edge)}"];' for edge in graph.edges]
    return "\n".join([*lines, "}"])


def graph_mermaid(graph: TierGraph, ram: Bytes) -> str:
    """Mermaid, as many pages that show Markdown draw it."""
    lines = ["flowchart TD"]
    lines += [f'  {tier.name}["{tier.name}<br/>{tier_terms(tier, ram)}"]' for tier in graph.tiers]
    lines += [f'  {edge.source} -->|"{edge_terms(edge)}"| {edge.target}' for edge in graph.edges]
    return "\n".join(lines)


FORMATS: Mapping[str, Callable[[TierGraph, Bytes], str]] = {
    "text": graph_text,
    "dot": graph_dot,
    "mermaid": graph_mermaid,
}


def tier_terms(tier: TierSpec, ram: Bytes) -> str:
    """What a tier is, in a few words."""
    words = [str(getattr(tier, "kind", ""))]
    if isinstance(tier, ZswapSpec):
        words += [tier.compressor, f"pool up to {format_bytes(tier.max_pool.of(ram))}"]
    elif isinstance(tier, SlottedSpec):
        words.append(format_bytes(tier.capacity))
    if tier.latency.read:
        words.append(f"read {format_nanoseconds(tier.latency.read)}")
    if tier.bandwidth is not None:
        words.append(f"{format_bytes(tier.bandwidth)}/s")
    if tier.on_full is not None:
        words.append(f"on_full {tier.on_full}")
    return ", ".join(words)


def edge_terms(edge: EdgeSpec) -> str:
    """Which entries move along an edge, and when."""
    policy = edge.policy
    older = f" older than {format_nanoseconds(edge.older_than)}" if edge.older_than is not None else ""
    when = []
    if edge.when.pressure:
        when.append("pressure")
    if edge.when.limit:
        when.append("limit")
    if edge.when.watermark is not None:
        mark = edge.when.watermark
        when.append(f"watermark {format_fraction(mark.high)} to {format_fraction(mark.low)}")
    if edge.when.age is not None:
        when.append(f"age {format_nanoseconds(edge.when.age.older_than)}")
    if edge.when.request:
        when.append("request")
    return f"{policy}{older} on {', '.join(when)}"
