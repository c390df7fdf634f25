"""Filling a swap system with the pages of a config's workloads, for somebody who drives it by hand."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np

from swaptiers.errors import StoreRefusedError
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.system import SwapSystem
from swaptiers.workloads.contents import content_index, corpora
from swaptiers.workloads.streams import References

BATCH = 1024


@attrs.frozen
class Filled:
    """What became of one workload's pages: `stored` are in, `refused` by reason are not."""

    cgroup: str
    stored: int
    refused: dict[str, int]


def fill(swap: SwapSystem, spec: ExperimentSpec, folder: Path, most: int) -> list[Filled]:
    """Swap out each workload's pages, at most `most` of each, in their order; a batch of which nothing is taken ends it."""
    first = References(spec.workloads, spec.seed, folder).first_page.tolist()
    made, which = corpora(spec.workloads, spec.seed, int(spec.page_size), folder)
    done = []
    for index, workload in enumerate(spec.workloads):
        corpus = made[int(which[index])]
        pages = min(first[index + 1] - first[index], most)
        group = swap.cgroup(workload.cgroup)
        stored, refused = 0, dict[str, int]()
        for start in range(0, pages, BATCH):
            numbers = range(start, min(start + BATCH, pages))
            chosen = np.array([content_index(page, 0, index, corpus.blocks) for page in numbers])
            try:
                ids = swap.swap_out(corpus.pages[chosen], group)
            except StoreRefusedError as error:
                ids = error.ids
                for reason, count in error.reasons.items():
                    refused[reason] = refused.get(reason, 0) + count
            stored += int((ids != 0).sum())
            if not (ids != 0).any():
                break
        done.append(Filled(workload.cgroup, stored, refused))
    return done
