"""`python -m bench.parts`: where a batch's time goes, part by part.

Each part is timed by itself, around its call, in CPU time of the thread; what a timer costs is in the parts that contain
others. Medians, in microseconds for a batch of 64 pages.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bench import codec_rows, demote_rows
from bench.rows import Size
from swaptiers.core import api_pages, api_plans, bulk
from swaptiers.demotion import request
from swaptiers.demotion.engine import Engine
from swaptiers.demotion.reading import Reader
from swaptiers.demotion.writing import Writer
from swaptiers.system.outgoing import Outgoing
from swaptiers.tiers import bulk as tiers_bulk
from swaptiers.tiers.file import FileTier
from swaptiers.tiers.log import LogTier
from swaptiers.tiers.zswap import ZswapTier

SIZE = Size(pages=2048, references=1, rounds=1, replays=1)
BATCHES = SIZE.pages // codec_rows.BATCH
OUT = [
    (Outgoing, "store"), (Outgoing, "_encode"), (bulk, "encode_rows"), (tiers_bulk, "_cut"), (Outgoing, "_place"),
    (api_pages, "place_pages"), (ZswapTier, "store"), (api_pages, "publish_pages"),
]  # fmt: skip
DOWN = [
    (api_plans, "plan_for_request"), (request, "latest_plan"), (Engine, "move"), (Reader, "read"), (Reader, "_load"),
    (bulk, "check_objects"), (bulk, "decode_objects"), (Writer, "write"), (LogTier, "store"), (FileTier, "store_rows"),
    (Engine, "_commit"), (api_plans, "commit_plan"), (ZswapTier, "free"),
]  # fmt: skip


def timed_parts(parts: list[tuple[Any, str]], work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Microseconds that each part takes for a batch, of those that the work comes to."""
    work()
    spent: defaultdict[str, list[int]] = defaultdict(list)
    before = [(home, name, getattr(home, name)) for home, name in parts]
    for home, name, part in before:
        setattr(home, name, _timer(part, spent[f"{home.__name__.split('.')[-1]}.{name}"]))
    try:
        for _ in range(rounds):
            work()
    finally:
        for home, name, part in before:
            setattr(home, name, part)
    return {name: statistics.median(taken) / 1000 for name, taken in spent.items() if len(taken) >= rounds * BATCHES}


def _timer(part: Callable[..., Any], spent: list[int]) -> Callable[..., Any]:
    @functools.wraps(part)
    def timer(*arguments: Any, **named: Any) -> Any:
        start = time.thread_time_ns()
        try:
            return part(*arguments, **named)
        finally:
            spent.append(time.thread_time_ns() - start)

    return timer


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True)
def main(rounds: int) -> None:
    """Where the time of a batch goes: swapping out, and demoting into slots and into a log."""
    console = Console()
    codecs, moves = codec_rows.Job(SIZE, "lz4"), demote_rows.Job(SIZE)
    try:
        for title, parts, work in (
            ("swap_out, lz4", OUT, codecs.out_in_batches),
            ("demote, payloads as they are into a log", DOWN, moves.ours("compressed")),
            ("demote, pages into slots of a file", DOWN, moves.ours("plain")),
        ):
            table = Table("part", "us a batch", title=title)
            for name, microseconds in timed_parts(parts, work, rounds).items():
                table.add_row(name, f"{microseconds:.1f}")
            console.print(table)
    finally:
        codecs.swap.close()
        moves.close()


if __name__ == "__main__":
    main(prog_name="python -m bench.parts")
