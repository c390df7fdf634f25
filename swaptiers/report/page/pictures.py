"""The pictures of a page: what each shows, out of which data, in panels beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from swaptiers.experiment.latency import Histogram
from swaptiers.experiment.series import Measure
from swaptiers.report.page.charts import PALETTE, Axis, Key, bars, lines
from swaptiers.report.page.curves import Floats, Grid, ratio, rounded
from swaptiers.report.page.flows import flow_panels
from swaptiers.report.page.sides import Comparison, Side

MOST_PANELS = 8
"""Of cgroups; whoever has more finds the others in the samples."""
Columns = Mapping[str, Sequence[Any]]


@attrs.frozen(kw_only=True, eq=False)
class Panel:
    """One chart (Vega-Lite without data) or drawing (SVG) with its data. `titles`: what its columns are called."""

    title: str
    columns: Columns
    titles: Mapping[str, str]
    chart: Any = None
    svg: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Picture:
    """`note`: how to read it, and what it leaves out."""

    name: str
    title: str
    note: str
    keys: Sequence[Key]
    panels: Sequence[Panel]


def pictures_of(comparison: Comparison) -> list[Picture]:
    """All that have something to show, in the order in which they tell the story."""
    made = [make(comparison) for make in PICTURES.values()]
    return [picture for picture in made if picture.panels]


def tiers(comparison: Comparison) -> Picture:
    """Who moved what where."""
    return Picture(
        name="tiers",
        title="Where pages went",
        note="Each tier from the fastest down. Between memory and the tiers: pages stored and pages faulted back, with the "
        "bytes written and read. At the right: entries demoted along each edge. Widths grow with the root of the number.",
        keys=[],
        panels=[
            Panel(
                title=panel.title,
                svg=panel.svg,
                columns=panel.columns,
                titles={name: name for name in panel.columns},
            )
            for panel in flow_panels(comparison)
        ],
    )


def occupancy(comparison: Comparison) -> Picture:
    """How full the tiers were."""
    grid = Grid.of(comparison)
    panels = []
    for tier in comparison.tiers:
        values = [grid.level(side, Measure(metric="pool_bytes", tier=tier)) for side in comparison.sides]
        capacities = {side.capacity_bytes(tier) for side in comparison.sides}
        limit = capacities.pop() if len(capacities) == 1 else None
        most = max((float(np.nanmax(each)) for each in values if not np.isnan(each).all()), default=0.0)
        shown = limit if limit is not None and limit <= 2 * most else None
        axis = Axis(title="bytes in use", kind="bytes").over(values, shown or 0)
        panels.append(_over(comparison, grid, tier, values, axis, limit=shown))
    return Picture(
        name="occupancy",
        title="How full each tier was",
        note="What the entries take: zswap's pool pages, a file's slots. Dotted: the tier's capacity, where it is near.",
        keys=_keys(comparison),
        panels=panels,
    )


def faults(comparison: Comparison) -> Picture:
    """How often memory was not enough."""
    return _by_cgroup(
        comparison,
        name="faults",
        title="Faults over time",
        note="Of a hundred references of the cgroup, how many had to wait for a page that was swapped out.",
        axis=Axis(title="faults per 100 references", kind="count"),
        of=lambda grid, side, path: (
            100
            * ratio(
                grid.growth(side, Measure(metric="faults", cgroup=path)),
                grid.growth(side, Measure(metric="refs", cgroup=path)),
            )
        ),
    )


def latency(comparison: Comparison) -> Picture:
    """How long a fault took."""
    return _by_cgroup(
        comparison,
        name="latency",
        title="Latency of a fault over time",
        note="The mean over each strip, on the modelled devices; a logarithmic scale. No line where nothing was faulted.",
        axis=Axis(title="mean latency", kind="duration", log=True),
        of=lambda grid, side, path: ratio(
            grid.growth(side, Measure(metric="fault_ns", cgroup=path)),
            grid.growth(side, Measure(metric="faults", cgroup=path)),
        ),
    )


def inversion(comparison: Comparison) -> Picture:
    """How far the tiers are from an order by last use."""
    return _by_cgroup(
        comparison,
        name="inversion",
        title="LRU inversion over time",
        note="Of all pairs of a cgroup's entries in two tiers, the share where the slower tier holds the more recently "
        "used. 0: perfect, 0.5: random, 1: upside down. No line while there are no pairs.",
        axis=Axis(title="inverted pairs", kind="share", domain=(0, 1)),
        of=lambda grid, side, path: grid.level(side, Measure(metric="pairs", cgroup=path)),
    )


def ages(comparison: Comparison) -> Picture:
    """Is the colder tier really colder?"""
    grid = Grid.of(comparison)
    keys = Key.numbered(comparison.tiers)
    found = [_ages(grid, side, comparison.tiers) for side in comparison.sides]
    axis = Axis(title="since last use", kind="duration", log=True).over(each for sides in found for each in sides)
    panels = []
    for side, (values, lows, highs) in zip(comparison.sides, found, strict=True):
        if all(np.isnan(each).all() for each in values):
            continue
        columns: Columns = {
            **grid.columns(),
            **_named("s", values),
            **_named("lo", lows),
            **_named("hi", highs),
        }
        titles = {
            "x0": grid.axis.title,
            **{f"s{n}": f"{tier}, median" for n, tier in enumerate(comparison.tiers)},
            **{f"lo{n}": f"{tier}, 10 % are younger" for n, tier in enumerate(comparison.tiers)},
            **{f"hi{n}": f"{tier}, 10 % are older" for n, tier in enumerate(comparison.tiers)},
        }
        chart = lines(keys, grid.axis, axis, bands=True)
        panels.append(Panel(title=side.name, columns=columns, titles=titles, chart=chart))
    return Picture(
        name="ages",
        title="Is the colder tier colder?",
        note="How long ago the entries of each tier were last used, in virtual time: the median, and around it the middle "
        "80 %. Where the tiers are in order, the lines of slower ones lie higher.",
        keys=keys,
        panels=panels,
    )


def _ages(grid: Grid, side: Side, tiers: Sequence[str]) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """Per tier the median, what 10 % are younger than, and what 10 % are older than."""

    def of(share: str) -> list[Floats]:
        measures = [Measure(metric=f"age_{share}_ns", tier=tier) for tier in tiers]
        return [np.maximum(grid.level(side, measure), 1.0) for measure in measures]

    return of("p50"), of("p10"), of("p90")


def distribution(comparison: Comparison) -> Picture:
    """How long faults took, all of them."""
    groups = comparison.cgroups[:MOST_PANELS]
    wanted = [("all cgroups", comparison.cgroups), *((path, [path]) for path in groups if len(comparison.cgroups) > 1)]
    panels = []
    for title, paths in wanted:
        found = [[side.latencies[path] for path in paths if path in side.latencies] for side in comparison.sides]
        starts = sorted({_coarse(ns) for each in found for histogram in each for ns in histogram.from_ns if ns > 0})
        if not starts:
            continue
        values = [_slower(each, starts) for each in found]
        ends = [*starts[1:], starts[-1] * 1.1]
        columns: Columns = {"x0": starts, "x1": rounded(ends), **_named("s", values)}
        chart = lines(
            _keys(comparison),
            Axis(title="latency of a fault", kind="duration", log=True).over([starts]),
            Axis(title="share that took as long or longer", kind="share", log=True, domain=(1e-4, 1)),
        )
        panels.append(Panel(title=title, columns=columns, titles=_titles(comparison, "latency"), chart=chart))
    return Picture(
        name="distribution",
        title="How long faults took",
        note="The share of faults that took as long or longer; both scales are logarithmic. Where a line crosses 0.01 is "
        "its 99th percentile.",
        keys=_keys(comparison),
        panels=panels,
    )


def writes(comparison: Comparison) -> Picture:
    """What wears the devices."""
    keys = [Key(name=name, color=PALETTE[n]) for n, name in enumerate(("stores", "demotion", "cleaning"))]
    panels = []
    for tier in comparison.tiers:
        rows: list[tuple[str, str, int, int, int]] = []
        for side in comparison.sides:
            start = 0
            for key, written in zip(keys, _writers(side, tier), strict=True):
                if written:
                    rows.append((side.name, key.name, start, start + written, written))
                start += written
        if rows:
            names = ("name", "key", "start", "end", "value")
            columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
            chart = bars(keys, Axis(title="bytes written", kind="bytes").over([columns["end"]]))
            titles = {"name": "variant", "key": "by", "value": "bytes written"}
            panels.append(Panel(title=tier, columns=columns, titles=titles, chart=chart))
    return Picture(
        name="writes",
        title="Bytes written to each tier",
        note="By stores out of memory, by demotion from the tiers above, and by copying when a log is cleaned.",
        keys=keys,
        panels=panels,
    )


def controllers(comparison: Comparison) -> Picture:
    """What controllers measured, against what they wanted."""
    keys = [Key(name="measured", color=PALETTE[1]), Key(name="target", color=PALETTE[7], dash=(2, 2))]
    grid = Grid.of(comparison)
    panels = []
    for side in comparison.sides:
        for number, controller in enumerate(side.result.controllers):
            values = [
                grid.level(
                    side,
                    Measure(metric=f"controller.{number}.{name}", tier=controller.source, cgroup=controller.cgroup),
                )
                for name in ("measured", "target")
            ]
            if np.isnan(values[0]).all():
                continue
            title = f"{side.name}: {controller.kind} {controller.cgroup} {controller.source}"
            columns = {**grid.columns(), **_named("s", values)}
            titles = {"x0": grid.axis.title, "s0": "measured", "s1": "target"}
            chart = lines(keys, grid.axis, Axis(title="as its kind has it", kind="share").over(values))
            panels.append(Panel(title=title, columns=columns, titles=titles, chart=chart))
    return Picture(
        name="controllers",
        title="Controllers and their targets",
        note="What each controller measured at its steps, and what it steers to.",
        keys=keys,
        panels=panels,
    )


PICTURES: Mapping[str, Callable[[Comparison], Picture]] = {
    "tiers": tiers,
    "occupancy": occupancy,
    "faults": faults,
    "latency": latency,
    "inversion": inversion,
    "ages": ages,
    "distribution": distribution,
    "writes": writes,
    "controllers": controllers,
}


def _by_cgroup(
    comparison: Comparison, *, name: str, title: str, note: str, axis: Axis, of: Callable[[Grid, Side, str], Floats]
) -> Picture:
    """A panel for each cgroup, with a line for each side."""
    grid = Grid.of(comparison)
    panels = []
    shown = {path: [of(grid, side, path) for side in comparison.sides] for path in comparison.cgroups[:MOST_PANELS]}
    if axis.log:  # one scale for all, so that a panel can be compared with the next
        axis = axis.over(each for values in shown.values() for each in values)
    for path, values in shown.items():
        if not all(np.isnan(each).all() for each in values):
            fitting = axis if axis.log or axis.kind == "share" else axis.over(values)
            panels.append(_over(comparison, grid, path, values, fitting))
    left_out = len(comparison.cgroups) - MOST_PANELS
    if left_out > 0:
        note += f" The {MOST_PANELS} cgroups with most faults; {left_out} others are in the samples."
    return Picture(name=name, title=title, note=note, keys=_keys(comparison), panels=panels)


def _over(
    comparison: Comparison, grid: Grid, title: str, values: Sequence[Floats], axis: Axis, limit: float | None = None
) -> Panel:
    chart = lines(_keys(comparison), grid.axis, axis, limit=limit)
    columns = {**grid.columns(), **_named("s", values)}
    return Panel(title=title, columns=columns, titles=_titles(comparison, grid.axis.title), chart=chart)


def _keys(comparison: Comparison) -> list[Key]:
    return Key.numbered([side.name for side in comparison.sides])


def _titles(comparison: Comparison, across: str) -> dict[str, str]:
    return {"x0": across, **{f"s{n}": side.name for n, side in enumerate(comparison.sides)}}


def _named(letter: str, values: Sequence[Floats]) -> dict[str, list[float | None]]:
    return {f"{letter}{n}": rounded(each) for n, each in enumerate(values)}


def _coarse(ns: int) -> int:
    """Eight classes to a power of two, as many as a picture shows."""
    below = max(ns.bit_length() - 4, 0)
    return ns >> below << below


def _slower(histograms: Sequence[Histogram], starts: Sequence[int]) -> Floats:
    """The share of faults that took each of `starts` or longer; nan from where there are none."""
    taken = np.array([_coarse(ns) for each in histograms for ns in each.from_ns], np.int64)
    count = np.array([faults for each in histograms for faults in each.faults], np.int64)
    order = np.argsort(taken, kind="stable")
    below = np.concatenate([[0], np.cumsum(count[order])])
    share = 1 - below[np.searchsorted(taken[order], starts, side="left")] / max(int(count.sum()), 1)
    return np.where(share > 0, share, np.nan)


def _writers(side: Side, tier: str) -> tuple[int, int, int]:
    """Bytes written to the tier by stores, by demotion, by cleaning."""
    counters = side.result.tiers.get(tier)
    if counters is None:
        return 0, 0, 0
    ends = f"->{tier}"
    moved = sum(edge.written_bytes for name, edge in side.result.edges.items() if name.endswith(ends))
    return max(counters.written_bytes - moved - counters.cleaned_bytes, 0), moved, counters.cleaned_bytes
