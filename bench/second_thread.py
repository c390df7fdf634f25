"""`python -m bench.second_thread`: would a batch be compressed sooner by two threads?

One thread compresses all pages of a batch; then half of it is handed to another, which is there already and waits. What is
told is the time of the two over the time of the one, round by round: handing over takes time too.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.corpus import PAGE, load_corpus
from bench.rounds import interleaved, timed
from swaptiers.codecs import make_codec
from swaptiers.tiers.bulk import MAX_PAGES, Bulk, make_bulk

BATCHES = (16, 64, MAX_PAGES)
PAGES = 2048


def ratios(bulk: Bulk, batch: int, rounds: int, pool: ThreadPoolExecutor) -> tuple[float, ...]:
    """Two threads over one, round by round."""
    pages = load_corpus(None, PAGES)
    batches = [pages[i : i + batch] for i in range(0, PAGES, batch)]

    def alone() -> None:
        for each in batches:
            bulk.encode_rows(each)

    def halves() -> None:
        for each in batches:
            other = pool.submit(bulk.encode_rows, each[batch // 2 :])
            bulk.encode_rows(each[: batch // 2])
            other.result()

    def work(action: Callable[[], None]) -> Callable[[], float]:
        return lambda: timed(action)

    return interleaved(work(halves), work(alone), rounds, passes=4).ratios


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True)
def main(rounds: int) -> None:
    """Two threads for a batch's compression, over one."""
    table = Table("compressor", "pages a batch", "ratio", "min", "max")
    with ThreadPoolExecutor(1) as pool:
        for compressor in ("lz4", "zstd"):
            bulk = make_bulk(make_codec(compressor, None, PAGE))
            if bulk is None:
                raise click.ClickException(f"{compressor}'s functions can't be called here")
            for batch in BATCHES:
                found = np.array(ratios(bulk, batch, rounds, pool))
                numbers = (f"{each:.2f}" for each in (statistics.median(found), found.min(), found.max()))
                table.add_row(compressor, str(batch), *numbers)
    Console().print(table)


if __name__ == "__main__":
    main(prog_name="python -m bench.second_thread")
