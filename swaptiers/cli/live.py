"""A run as it goes on: a display on a terminal, a line now and then elsewhere, nothing where quiet is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import attrs
from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from swaptiers.experiment.glimpse import Glimpse, Moment
from swaptiers.experiment.run import Progress as Report
from swaptiers.experiment.watching import Viewer
from swaptiers.metrics.family import NS_PER_S
from swaptiers.units import format_bytes

FIRST_LINE_S, LONGEST_WAIT_S = 10.0, 60.0
"""When the first line comes, and how far apart they are at most: each wait is twice the last one."""
BAR_WIDTH = 24
UNKNOWN = "-"


@attrs.frozen
class Shown:
    """Who is to be told of the runs: `report` as run_experiment()'s progress, `viewers` as a Watcher's."""

    report: Report | None = None
    viewers: tuple[Viewer, ...] = ()


@contextmanager
def shown(errors: Console, repeats: Mapping[str, int], jobs: int, *, quiet: bool) -> Iterator[Shown]:
    """Show the variants (name -> how many runs it has) on `errors` while they go on."""
    if quiet:
        yield Shown()
    elif not errors.is_terminal:
        lines = Lines(errors, repeats)
        yield Shown(lines.report) if jobs > 1 else Shown(viewers=(lines.view,))
    elif jobs > 1:
        with Bars(errors, repeats) as bars:
            yield Shown(bars.report)
    else:
        display = Display(Bars(errors, repeats))
        # drawn when there is something new, by whoever runs: a thread that draws would take its time away unasked
        with Live(display.bars, console=errors, transient=True, auto_refresh=False) as live:
            yield Shown(viewers=(lambda moment, glimpse: live.update(display.view(moment, glimpse), refresh=True),))


class Bars(Progress):
    """A bar per variant, over all its runs, with the time that is left."""

    def __init__(self, console: Console, repeats: Mapping[str, int]) -> None:
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.repeats = repeats
        self._of_variant = {name: self.add_task(name, total=1) for name in repeats}

    def report(self, name: str, done: int, total: int) -> None:
        """So many of so many."""
        self.update(self._of_variant[name], completed=done, total=max(total, 1))

    def view(self, moment: Moment, glimpse: Glimpse) -> None:
        """By references; a run that ends before its last one, as `until` says, has done them all the same."""
        done = glimpse.total if moment.is_over else glimpse.refs
        runs = self.repeats[moment.variant]
        self.report(moment.variant, glimpse.total * moment.repetition + done, glimpse.total * runs)


class Rates:
    """How much of something there was per second of virtual time, since the last look at the same run, or its start."""

    def __init__(self) -> None:
        self._run: tuple[str, int] | None = None
        self._from: Glimpse | None = None
        self._to: Glimpse | None = None

    def look(self, moment: Moment, glimpse: Glimpse) -> None:
        """This is how it is now."""
        run = (moment.variant, moment.repetition)
        if run != self._run:
            self._run, self._from, self._to = run, None, glimpse
        elif self._to is not None and glimpse.now_ns > self._to.now_ns:
            self._from, self._to = self._to, glimpse

    def of(self, total: Callable[[Glimpse], int]) -> float | None:
        """Of a total since the start; None where no time has passed."""
        if self._to is None:
            return None
        passed_ns = self._to.now_ns - (self._from.now_ns if self._from else 0)
        amount = total(self._to) - (total(self._from) if self._from else 0)
        return amount * NS_PER_S / passed_ns if passed_ns else None


class Display:
    """Bars over the variants, and below them the run that goes on: its tiers filling, its edges, faults, inversion."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self._rates = Rates()

    def view(self, moment: Moment, glimpse: Glimpse) -> RenderableType:
        """As it looks now."""
        self.bars.view(moment, glimpse)
        self._rates.look(moment, glimpse)
        name = run_name(moment, self.bars.repeats)
        head = Text(f"{name}: {headline(glimpse, self._rates)}", no_wrap=True, overflow="ellipsis")
        parts: list[RenderableType] = [self.bars.get_renderable(), head, tiers_table(glimpse)]
        if glimpse.system.counters.edges:
            parts.append(edges_table(glimpse, self._rates))
        return Group(*parts)


class Lines:
    """A line now and then, for a log. `clock`: seconds, never backwards."""

    def __init__(
        self, console: Console, repeats: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._repeats = repeats
        self._clock = clock
        self._started = clock()
        self._wait = FIRST_LINE_S
        self._due = self._started + self._wait
        self._rates = Rates()

    def view(self, moment: Moment, glimpse: Glimpse) -> None:
        """A line about a run, if it is time for one."""
        if self._is_due():
            self._rates.look(moment, glimpse)
            done = f"{glimpse.refs / glimpse.total:.0%} done"
            self._say(f"{run_name(moment, self._repeats)}: {done}, {headline(glimpse, self._rates)}")

    def report(self, name: str, done: int, total: int) -> None:
        """A line about runs elsewhere, of which nothing else is known."""
        if self._is_due():
            self._say(f"{name}: {done / max(total, 1):.0%} done")

    def _is_due(self) -> bool:
        now = self._clock()
        if now < self._due:
            return False
        self._wait = min(2 * self._wait, LONGEST_WAIT_S)
        self._due = now + self._wait
        return True

    def _say(self, what: str) -> None:
        line = f"{self._clock() - self._started:.0f} s: {what}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def run_name(moment: Moment, repeats: Mapping[str, int]) -> str:
    """The variant, and which of its runs where there are several."""
    runs = repeats[moment.variant]
    return moment.variant if runs == 1 else f"{moment.variant}, run {moment.repetition + 1} of {runs}"


def headline(glimpse: Glimpse, rates: Rates) -> str:
    """Virtual time, faults, inversion."""
    faults = rate(rates.of(lambda look: look.faults))
    inversion = "no pairs" if glimpse.inversion is None else f"{glimpse.inversion:.3f} of pairs inverted"
    return f"{glimpse.now_ns / NS_PER_S:.1f} s virtual, {faults} faults/s (virtual), {inversion}"


def tiers_table(glimpse: Glimpse) -> Table:
    """How full each tier is."""
    table = _table("tier", "filled", "used", "of", "entries")
    for name, tier in glimpse.system.counters.tiers.items():
        capacity = max(glimpse.system.capacity_bytes[name], 1)
        used = tier.pool_bytes
        bar = Bar(capacity, 0, min(used, capacity), width=BAR_WIDTH, color="cyan", bgcolor="grey30")
        table.add_row(Text(name), bar, format_bytes(used), format_bytes(capacity), f"{tier.entries:,}")
    return table


def edges_table(glimpse: Glimpse, rates: Rates) -> Table:
    """How much moves along each edge."""
    table = _table("edge", "entries/s (virtual)", "entries")
    for name, edge in glimpse.system.counters.edges.items():
        moved = rates.of(lambda look, name=name: look.system.counters.edges[name].entries)  # type: ignore[misc]
        table.add_row(Text(name), rate(moved), f"{edge.entries:,}")
    return table


def rate(per_second: float | None) -> str:
    """Or that it isn't known."""
    return UNKNOWN if per_second is None else f"{per_second:,.0f}"


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in headers:
        table.add_column(header, justify="left" if header in ("tier", "edge", "filled") else "right", no_wrap=True)
    return table
