"""The table at the end of a run: the variants side by side, and what each of them cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from swaptiers.experiment.results import ExperimentResult, VariantResult
from swaptiers.units import format_bytes, format_nanoseconds

Cell = Callable[[VariantResult], str]
NOTHING = "-"


def variants_table(result: ExperimentResult) -> Group:
    """Variants as columns, figures as rows; the legend says what a figure is."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in result.variants:
        table.add_column(name, justify="right")
    for title, rows in _sections(result):
        table.add_section()
        table.add_row(Text(title, style="bold"), *("" for _ in result.variants))
        for label, cell in rows:
            table.add_row(f"  {label}", *(cell(variant) for variant in result.variants.values()))
    return Group(table, Text(_footer(result), style="dim"))


def _sections(result: ExperimentResult) -> Iterable[tuple[str, list[tuple[str, Cell]]]]:
    first = next(iter(result.variants.values()))
    yield (
        "references",
        [
            ("hits", lambda v: _count(v.hits)),
            ("first touches", lambda v: _count(v.first_touches)),
            ("faults", lambda v: _count(v.faults)),
            *((f"from {tier}", _loads(tier)) for tier in first.tiers),
            ("from zero pages", lambda v: _count(v.zero["loads"])),
        ],
    )
    yield (
        "latency of a fault",
        [
            ("mean", lambda v: _time(v.fault_latency_ns.mean)),
            ("p50", lambda v: _time(v.fault_latency_ns.p50)),
            ("p99", lambda v: _time(v.fault_latency_ns.p99)),
            ("stalled in all", lambda v: f"{v.time.stall_s:.1f} s of {v.time.virtual_s:.1f}"),
        ],
    )
    yield (
        "LRU inversion",
        [
            ("inverted pairs", lambda v: _share(v.inversion.pairs)),
            ("over all cgroups", lambda v: _share(v.inversion.all_entries.pairs)),
            ("late faults", lambda v: _share(v.inversion.late_faults)),
            ("bypassed", lambda v: _count(v.inversion.bypass)),
            ("excess latency", lambda v: _time(v.inversion.excess_latency_ns)),
        ],
    )
    yield (
        "its price",
        [
            ("RAM, mean", lambda v: _size(v.ram_bytes.mean)),
            *((f"written to {tier}", _written(tier)) for tier in first.tiers),
            ("entries demoted", lambda v: _count(sum(edge.entries for edge in v.edges.values()))),
            ("reads for demotion", lambda v: _count(sum(tier.demoted_out for tier in v.tiers.values()))),
            ("stores refused", lambda v: _count(sum(sum(t.refused.values()) for t in v.tiers.values()))),
            ("over memory.max", lambda v: _count(sum(c.over_limit for c in v.cgroups.values()))),
        ],
    )


def _loads(tier: str) -> Cell:
    return lambda v: _count(v.tiers[tier].loads) if tier in v.tiers else NOTHING


def _written(tier: str) -> Cell:
    return lambda v: _size(v.tiers[tier].written_bytes) if tier in v.tiers else NOTHING


def _count(number: int) -> str:
    return f"{number:,}"


def _size(amount: float) -> str:
    return format_bytes(amount)


def _time(amount: float | None) -> str:
    if amount is None:
        return NOTHING
    return f"-{format_nanoseconds(-amount)}" if amount < 0 else format_nanoseconds(amount)


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.3f}"


def _footer(result: ExperimentResult) -> str:
    verified = sum(v.integrity.verified for v in result.variants.values())
    wrong = sum(v.integrity.mismatched + v.integrity.lost for v in result.variants.values())
    wall = sum(v.time.wall_s for v in result.variants.values())
    pages = f"{verified:,} pages came back and were compared byte for byte: {wrong} wrong or lost"
    if verified == 0:
        pages = "payload: sizes moves no bytes, so nothing was compared"
    return f"{pages}\nseed {result.seed}, {wall:.1f} s of running"
