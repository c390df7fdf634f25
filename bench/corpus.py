"""The pages that codecs are timed on: the laboratory's `mixed` contents, or somebody's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from swaptiers.workloads.contents import Corpus

PAGE = 4096
SEED = 1


def load_corpus(path: Path | None, pages: int) -> npt.NDArray[np.uint8]:
    """(pages, 4096) uint8, none of them empty. Raises ValueError for a file with too few pages."""
    if path is None:
        corpus = Corpus.make("mixed", SEED, PAGE, blocks=max(64, pages // 8))  # twice as many pages: some are empty
        found = corpus.pages[~corpus.zero]
    else:
        data = np.fromfile(path, np.uint8)
        found = data[: len(data) // PAGE * PAGE].reshape(-1, PAGE)
        found = found[found.any(axis=1)]
    if len(found) < pages:
        raise ValueError(f"{len(found)} pages that are not empty; {pages} are wanted")
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(found))[:pages]
    return np.ascontiguousarray(found[order])
