"""Why each edge moved or stalled: how often it was asked for a batch, and what became of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from swaptiers.counters import EdgeCounters
from swaptiers.experiment.results import VariantResult
from swaptiers.report.figures import count

WORDS = {
    "full": "the target is full",
    "pool_limit": "the target's pool is at its limit",
    "hysteresis": "the target waits for its accept threshold",
    "zswap_max": "memory.zswap.max of the target",
    "swap_max": "memory.swap.max",
    "tiers_max": "memory.swap.tiers.max",
    "writeback_off": "memory.zswap.writeback is 0",
    "incompressible": "the target takes no raw pages",
    "forbidden": "the cgroup may not use the target",
    "quota": "the quota is used up",
    "sparse": "the log has nothing to clean",
    "draining": "the target is being evacuated",
    "quarantined": "the target failed too often: it is quarantined",
    "disabled": "the target is disabled",
}


def explain(variants: Mapping[str, VariantResult]) -> Table:
    """Per variant and edge: the times it was asked, and what became of them, as shares of those."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("edge", no_wrap=True)
    table.add_column("asked", justify="right", no_wrap=True)
    table.add_column("what became of it")
    table.add_column("share", justify="right", no_wrap=True)
    for name, variant in variants.items():
        table.add_section()
        table.add_row(Text(name, style="bold"), "", "" if variant.edges else "no edges: nothing is demoted", "")
        for edge, counters in variant.edges.items():
            label, asked = f"  {edge}", count(counters.asked)
            for what, times in outcomes(counters):
                table.add_row(label, asked, what, f"{times / counters.asked:.1%}" if counters.asked else "")
                label, asked = "", ""
    return table


def outcomes(edge: EdgeCounters) -> Iterator[tuple[str, int]]:
    """What became of the times that an edge was asked for a batch, in words; all but push-back add up to `asked`."""
    if not edge.asked:
        yield "nobody asked: no trigger came", 0
        return
    moved = edge.asked - edge.empty - edge.young - edge.waited - sum(edge.stalled.values())
    if moved:
        yield f"moved a batch ({count(edge.entries)} entries{_triggers(edge)})", moved
    if edge.empty:
        yield "nothing to take", edge.empty
    if edge.young:
        yield "nothing that is old enough", edge.young
    if edge.waited:
        yield f"a second chance ({count(edge.rotated)} entries rotated)", edge.waited
    for reason, times in sorted(edge.stalled.items(), key=lambda item: -item[1]):
        yield f"stalled: {WORDS[reason]}", times
    if edge.backpressure:
        yield "of these, pushed back on the target's own edges", edge.backpressure


def _triggers(edge: EdgeCounters) -> str:
    if not edge.entries:
        return ""
    shares = sorted(edge.by_trigger.items(), key=lambda item: -item[1])
    return ": " + ", ".join(f"{trigger} {entries / edge.entries:.0%}" for trigger, entries in shares)
