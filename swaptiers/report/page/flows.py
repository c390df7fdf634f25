"""The tier graph with what flowed: memory at the left, the tiers below each other by rank, demotion edges at the right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from markupsafe import escape

from swaptiers.experiment.results import VariantResult
from swaptiers.report.figures import count
from swaptiers.report.page.sides import Comparison, Side
from swaptiers.units import format_bytes

ROW, TOP, BOX = 92, 14, 56
RAIL, LEFT, RIGHT = 30, 152, 256
"""x: the right side of memory, both sides of a tier's box."""
NEAR, STEP, LABEL = 24, 66, 56
"""How far to the right an edge to the next tier goes, one to every further tier, and what its numbers take."""
WIDEST = 9.0
INK, SOFT, BACK = "#1b1f24", "#57606a", "#eef1f4"
STORE, LOAD, MOVE = "#3b82d6", "#d9660a", "#2a9455"


@attrs.frozen(kw_only=True, eq=False)
class FlowPanel:
    """One variant's drawing, and its numbers: columns from, to, pages, bytes."""

    title: str
    svg: str
    columns: Mapping[str, Sequence[Any]]


@attrs.frozen
class Flow:
    """`what`: stored, faulted, or demoted; `nbytes`: written, or read for a fault."""

    source: str
    target: str
    what: str
    pages: int
    nbytes: int


def flow_panels(comparison: Comparison) -> list[FlowPanel]:
    """A drawing per side, with the same widths for the same numbers."""
    flows = [_flows_of(side.result) for side in comparison.sides]
    most = max((flow.pages for each in flows for flow in each), default=0)
    far = max((_steps(flow, comparison.tiers) for each in flows for flow in each), default=0)
    width = RIGHT + (NEAR + STEP * (far - 1) + LABEL if far else 12)
    return [
        FlowPanel(
            title=side.name,
            svg=_draw(side, each, most, width),
            columns={
                "from": [flow.source for flow in each],
                "to": [flow.target for flow in each],
                "as": [flow.what for flow in each],
                "pages": [flow.pages for flow in each],
                "bytes": [flow.nbytes for flow in each],
            },
        )
        for side, each in zip(comparison.sides, flows, strict=True)
    ]


def _flows_of(result: VariantResult) -> list[Flow]:
    flows = []
    for name, tier in result.tiers.items():
        moved = sum(edge.written_bytes for edge_name, edge in result.edges.items() if edge_name.endswith(f"->{name}"))
        stored = max(tier.written_bytes - moved - tier.cleaned_bytes, 0)
        flows.append(Flow("memory", name, "stored", tier.stores, stored))
        flows.append(Flow(name, "memory", "faulted", tier.loads, tier.read_bytes))
    for name, edge in result.edges.items():
        source, _, target = name.partition("->")
        flows.append(Flow(source, target, "demoted", edge.entries, edge.written_bytes))
    return flows


def _steps(flow: Flow, tiers: Sequence[str]) -> int:
    """How many tiers down a demotion goes; 0 for what is none."""
    if flow.what != "demoted" or flow.source not in tiers or flow.target not in tiers:
        return 0
    return abs(tiers.index(flow.target) - tiers.index(flow.source))


def _draw(side: Side, flows: Sequence[Flow], most: int, across: int) -> str:
    tiers = list(side.result.tiers)
    height = TOP + ROW * len(tiers) - (ROW - BOX) + 14
    middle = {name: TOP + rank * ROW + BOX / 2 for rank, name in enumerate(tiers)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {height}" width="{across}" height="{height}" '
        f'role="img" aria-label="{escape(_said(side.name, flows))}" font-family="system-ui, sans-serif" font-size="11">',
        _box(4, TOP, RAIL - 4, height - TOP - 14),
        f'<text class="ink" fill="{INK}" font-size="12" text-anchor="middle" '
        f'transform="translate({(RAIL + 4) / 2 + 4} {(height) / 2}) rotate(-90)">memory</text>',
    ]
    for name in tiers:
        parts += _tier(name, side, middle[name])
    for flow in flows:
        width = WIDEST * math.sqrt(flow.pages / most) if most else 0.0
        if flow.what == "demoted":
            parts += _edge(flow, middle, width)
        else:
            parts += _beside_memory(flow, middle, width)
    return "".join([*parts, "</svg>"])


def _box(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="box" x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{BACK}" stroke="#7d8591"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "middle", size: float = 11, soft: bool = False) -> str:
    name, fill = ("soft", SOFT) if soft else ("ink", INK)
    return (
        f'<text class="{name}" fill="{fill}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )


def _tier(name: str, side: Side, y: float) -> list[str]:
    counters = side.result.tiers[name]
    shown = name if len(name) <= 16 else f"{name[:15]}…"
    center = (LEFT + RIGHT) / 2
    return [
        f"<g><title>{escape(name)}</title>",
        _box(LEFT, y - BOX / 2, RIGHT - LEFT, BOX),
        _text(center, y - 9, shown, size=13),
        _text(center, y + 6, f"{count(counters.entries)} entries", soft=True),
        _text(center, y + 20, f"{format_bytes(counters.stored_bytes)} at the end", size=10, soft=True),
        "</g>",
    ]


def _beside_memory(flow: Flow, middle: Mapping[str, float], width: float) -> list[str]:
    """An arrow from memory to a tier's box, or back, with its number above."""
    stored = flow.what == "stored"
    y = middle[flow.target] - 12 if stored else middle[flow.source] + 16
    start, end = (RAIL, LEFT) if stored else (LEFT, RAIL)
    arrow = f"M{start} {y}H{end + (-6 if stored else 6)}"
    label = _text((RAIL + LEFT) / 2, y - 3 - width / 2, f"{count(flow.pages)} {flow.what}", soft=not flow.pages)
    return [*_arrow(flow, arrow, STORE if stored else LOAD, width, (end, y), 1 if stored else -1), label]


def _edge(flow: Flow, middle: Mapping[str, float], width: float) -> list[str]:
    """An arc at the right, the wider the further down it goes."""
    if flow.source not in middle or flow.target not in middle:
        return []
    steps = max(1, round(abs(middle[flow.target] - middle[flow.source]) / ROW))
    apart = 11 * min(
        steps - 1, 2
    )  # those that go further leave higher and arrive lower: no arc crosses another's numbers
    start, end = middle[flow.source] + 14 - apart, middle[flow.target] - 14 + apart
    peak = NEAR + STEP * (steps - 1)
    out = RIGHT + peak / 0.75
    arc = f"M{RIGHT} {start}C{out} {start} {out} {end} {RIGHT + 6} {end}"
    x, y = RIGHT + peak + 5 + width / 2, (2 * start + 3 * end) / 5
    return [
        *_arrow(flow, arc, MOVE, width, (RIGHT, end), -1),
        _text(x, y, f"{count(flow.pages)}", anchor="start", soft=not flow.pages),
        _text(x, y + 12, format_bytes(flow.nbytes), anchor="start", size=10, soft=True),
    ]


def _arrow(flow: Flow, path: str, color: str, width: float, tip: tuple[float, float], way: int) -> list[str]:
    """`way`: 1 = it ends going right, -1 = going left. What nothing flowed along is dotted."""
    x, y = tip
    title = f"{flow.source} to {flow.target}: {count(flow.pages)} {flow.what}, {format_bytes(flow.nbytes)}"
    dash = "" if flow.pages else ' stroke-dasharray="2 3"'
    stroke, size = max(width, 1), 4 + width / 2
    return [
        f'<g class="flow"><title>{escape(title)}</title>',
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{stroke:.1f}"{dash}/>',
        f'<path d="M{x} {y}l{-7 * way} {-size:.1f}v{2 * size:.1f}z" fill="{color}"/></g>',
    ]


def _said(name: str, flows: Sequence[Flow]) -> str:
    moved = [f"{flow.source} to {flow.target} {count(flow.pages)} {flow.what}" for flow in flows if flow.pages]
    return f"Tier graph of {name}: {'; '.join(moved) or 'nothing moved'}"
