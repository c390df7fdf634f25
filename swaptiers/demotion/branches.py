"""Several edges out of one tier: which of them takes which entries, and that no two claim the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from swaptiers.core.constants import EVERY_CLASS, MAX_BOUNDS
from swaptiers.demotion.only import Only, class_bounds, classes_in, overlap
from swaptiers.demotion.terms import EdgeSpec


class BranchError(ValueError):
    """Conditions that can't stand side by side. `edge_index`: whose."""

    def __init__(self, what: str, edge_index: int) -> None:
        super().__init__(what)
        self.edge_index = edge_index


class Branches:
    """Per tier the classes of its entries, per edge the classes that it takes from a cgroup.

    An edge with `only` takes what it says; one without takes what no edge with `only` out of the same tier is for.
    """

    def __init__(self, edges: Sequence[EdgeSpec], page_size: int) -> None:
        self._edges = edges
        self._page_size = page_size
        self._bounds = {source: self._bounds_of(source) for source in {edge.source for edge in edges}}
        for one, other in itertools.combinations(range(len(edges)), 2):
            self._check_apart(one, other)

    def bounds(self, tier: str) -> list[int]:
        """The stored lengths at which a new class of the tier's entries begins."""
        return self._bounds.get(tier, [])

    def takes(self, path: str) -> list[int]:
        """Per edge, the classes of this cgroup's entries that it takes, as bits."""
        claimed: dict[str, int] = {}
        for edge in self._edges:
            if edge.only is not None:
                claimed[edge.source] = claimed.get(edge.source, 0) | self._classes(edge.source, edge.only, path)
        return [
            EVERY_CLASS & ~claimed.get(edge.source, 0)
            if edge.only is None
            else self._classes(edge.source, edge.only, path)
            for edge in self._edges
        ]

    def unclaimed(self, tier: str, path: str) -> bool:
        """True if some entries of this cgroup in the tier are for no edge, though there are edges."""
        out = [takes for edge, takes in zip(self._edges, self.takes(path), strict=True) if edge.source == tier]
        every = (1 << (len(self.bounds(tier)) + 1)) - 1
        together = 0
        for takes in out:
            together |= takes
        return bool(out) and together & every != every

    def _bounds_of(self, source: str) -> list[int]:
        conditions = [edge.only for edge in self._edges if edge.source == source and edge.only is not None]
        bounds = class_bounds(conditions, self._page_size)
        if len(bounds) > MAX_BOUNDS:
            index = next(i for i, edge in enumerate(self._edges) if edge.source == source)
            raise BranchError(
                f"the edges out of {source!r} compare with {len(bounds)} different ratios; at most {MAX_BOUNDS} are "
                f"possible",
                index,
            )
        return bounds

    def _classes(self, source: str, only: Only, path: str) -> int:
        if not only.takes_cgroup(path):
            return 0
        if not only.is_about_contents:
            return EVERY_CLASS
        return classes_in(self._bounds[source], *only.lengths(self._page_size))

    def _check_apart(self, one: int, other: int) -> None:
        first, second = self._edges[one], self._edges[other]
        if first.source != second.source or first.only is None or second.only is None:
            return
        both = overlap(first.only, second.only, self._page_size)
        if both is not None:
            raise BranchError(
                f"edges {first.name} and {second.name} both claim {both}: "
                f"{first.only.written()!r} and {second.only.written()!r} overlap; make them exclude each other",
                other,
            )
