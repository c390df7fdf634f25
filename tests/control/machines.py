"""Small machines for the tests of control files: a store under a tree, pages in it, and what a refused write said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import swaptiers as st
from swaptiers.control import ControlTree
from swaptiers.control.file import errno_name

PAGE = 4096
SOFT_BYTES = 2082
"""About what lz4 stores a page of `soft_pages` in."""
Pages = npt.NDArray[np.uint8]


def raw_pages(n: int, seed: int = 0) -> Pages:
    """Pages that don't get smaller."""
    return np.random.default_rng((seed, 1)).integers(1, 256, (n, PAGE), np.uint8)


def soft_pages(n: int, seed: int = 0) -> Pages:
    """Pages that compress to about half."""
    pages = raw_pages(n, seed)
    pages[:, PAGE // 2 :] = 0
    return pages


def machine(**options: Any) -> st.SwapSystem:
    """Zswap (second chance) -> ssd -> disk, edges on request only, unless `options` say otherwise."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="32M"),
        st.FileSpec(name="ssd", capacity="16M"),
        st.FileSpec(name="disk", capacity="32M"),
    ]
    request = st.Triggers(request=True)
    edges = [
        st.EdgeSpec(source="zswap", target="ssd", policy="second-chance", when=request),
        st.EdgeSpec(source="ssd", target="disk", policy="lru", when=request),
    ]
    return st.SwapSystem(options.pop("tiers", tiers), options.pop("edges", edges), **options)


def refusal(tree: ControlTree, path: str, text: str) -> str | None:
    """The name of the errno with which a write is refused, None if it is not."""
    try:
        tree.write(path, text)
    except st.ControlFileError as error:
        return errno_name(error)
    return None


def flat(text: str) -> dict[str, str]:
    """A flat-keyed file as a mapping."""
    return dict(line.split(" ", 1) for line in text.splitlines())


def stat(tree: ControlTree, cgroup: str) -> dict[str, int]:
    """memory.stat of a cgroup."""
    return {key: int(value) for key, value in flat(tree.read(f"{cgroup.rstrip('/')}/memory.stat")).items()}
