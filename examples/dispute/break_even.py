"""Question 5, the line itself: what a move costs, what it saves, and how slow the device below must be for it to pay.

python examples/dispute/break_even.py
python examples/dispute/break_even.py --read 4 --write 20 --set tiers.zswap.max_pool=1M --row loop
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import click
from questions import WORKLOADS
from trials import HERE, Figure

import swaptiers as st

ROWS = {
    **{f"even {alpha}": [f"workloads.0.alpha={alpha}"] for alpha in (0.0, 0.3, 0.6, 0.9, 1.2)},
    "even 0.6, text": ["workloads.0.alpha=0.6", "workloads.0.contents=text"],
    "even 0.6, random": ["workloads.0.alpha=0.6", "workloads.0.contents=random"],
    **{name: [f"workloads={WORKLOADS[name]}"] for name in ("zipf", "phases", "scan once", "loop")},
}
FASTER, SLOWER = 0.5, 2
"""The line is looked at from both sides: devices with so much of the read that it lies at."""


@attrs.frozen
class Pair:
    """The same references with moves and without."""

    still: st.VariantResult
    moves: st.VariantResult

    @property
    def moved(self) -> int:
        """Entries that were moved."""
        return sum(edge.entries for edge in self.moves.edges.values())

    @property
    def saved(self) -> int:
        """Faults that the moves kept from the device."""
        return self.still.tiers["device"].loads - self.moves.tiers["device"].loads

    @property
    def change(self) -> float:
        """How much longer everybody waited with moves, in percent."""
        return 100 * (self.moves.time.stall_s / self.still.time.stall_s - 1)

    def even_us(self, read_us: float, write_us: float) -> float | None:
        """The device's read at which both wait for as long, from the counts alone; None if the moves saved nothing.

        A move reads the pool, and the store that it makes room for writes it; a fault saved is the device's read less the
        pool's. Nobody waits for the device's writes, and moves add none.
        """
        stored = self.moves.tiers["zswap"].stores - self.still.tiers["zswap"].stores
        return read_us + (self.moved * read_us + stored * write_us) / self.saved if self.saved > 0 else None


def pairs(settings: Sequence[str], seeds: int) -> list[Pair]:
    """Both variants, seed by seed."""
    runs = st.run(HERE / "break-even.yaml", sets=[*settings, "run.payload=sizes", f"run.repeat={seeds}"]).runs
    return [Pair(*each) for each in zip(runs["still"], runs["moves"], strict=True)]


def device(read_us: float) -> str:
    """A device with this read, and no queue."""
    return f"tiers.device.latency={{read: {read_us * 1000:.0f}ns, write: 20us}}"


def changes(settings: Sequence[str], seeds: int, read_us: float) -> str:
    """What moves change above such a device, as the mean over the seeds and the furthest of them."""
    change = Figure(tuple(pair.change for pair in pairs([*settings, device(read_us)], seeds)))
    return f"{change.mean:+.1f} % ±{change.spread:.1f}"


def line(row: str, sets: Sequence[str] = (), seeds: int = 5, read_us: float = 8.0, write_us: float = 9.0) -> str:
    """What a move saves; where the line is; what comes of a device on each side of it."""
    first, *others = _cells([*ROWS[row], *sets], seeds, read_us, write_us)
    return f"{row:18}{first:>20}" + "".join(f"{cell:>18}" for cell in others)


def _cells(settings: Sequence[str], seeds: int, read_us: float, write_us: float) -> list[str]:
    settings = [*settings, f"tiers.zswap.latency={{read: {read_us}us, write: {write_us}us}}"]
    found = pairs(settings, seeds)
    saved = Figure(tuple(100 * pair.saved / pair.moved for pair in found))
    evens = [even for pair in found if (even := pair.even_us(read_us, write_us)) is not None]
    first = f"{saved.mean:.1f} ±{saved.spread:.1f}"
    if len(evens) < len(found):
        return [first, "none", changes(settings, seeds, 100), changes(settings, seeds, 4000)]
    middle = Figure(tuple(evens))
    return [first, str(middle), *(changes(settings, seeds, middle.mean * factor) for factor in (FASTER, SLOWER))]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="Runs of each, with their spread.")
@click.option("--read", default=8.0, show_default=True, help="The pool's read, us.")
@click.option("--write", default=9.0, show_default=True, help="The pool's write, us.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a key of the config in every row.")
@click.option("--row", "rows", multiple=True, type=click.Choice(list(ROWS)), help="Only this row (may be repeated).")
def main(seeds: int, read: float, write: float, sets: tuple[str, ...], rows: tuple[str, ...]) -> None:
    """A line per workload."""
    print(f"{'':18}{'saved by 100 moves':>20}{'even at, us':>18}{'half of that':>18}{'twice that':>18}")
    for row in rows or ROWS:
        print(line(row, sets, seeds, read, write))


if __name__ == "__main__":
    main()
