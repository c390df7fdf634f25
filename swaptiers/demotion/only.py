"""Which entries an edge is for: `only: raw`, `only: ratio > 0.8`, `only: cgroup in [/web]`, several joined by `and`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Self

import attrs

_RATIO = re.compile(r"ratio\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(%?)")
_CGROUP = re.compile(r"cgroup\s+(not\s+)?in\s*\[([^\[\]]*)\]")
_AND = re.compile(r"\s+and\s+")
FORMS = "raw, not raw, ratio > 0.8, cgroup in [/web, /batch], cgroup not in [/web], and these joined by `and`"


@attrs.frozen
class Only:
    """A condition on entries of a compressed tier, or on whose they are; several hold together.

    `ratios`: each an operator and the stored length over page_size that it compares with (a raw page has 1). `inside`:
    of each group of cgroups, the entry's must be one or below one. `outside`: and none of these or below them.
    """

    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    ratios: tuple[tuple[str, Fraction], ...] = ()
    inside: tuple[tuple[str, ...], ...] = ()
    outside: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: object) -> Self:
        """From the text in a config. Raises ValueError with what can be written."""
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"a condition is wanted ({FORMS}), not {str(text)[:60]!r}")
        ratios: list[tuple[str, Fraction]] = []
        inside: list[tuple[str, ...]] = []
        outside: list[str] = []
        for condition in _AND.split(text.strip()):
            if condition in ("raw", "not raw"):
                ratios.append((">=" if condition == "raw" else "<", Fraction(1)))
            elif ratio := _RATIO.fullmatch(condition):
                ratios.append((ratio[1], Fraction(ratio[2]) / (100 if ratio[3] else 1)))
            elif group := _CGROUP.fullmatch(condition):
                paths = _paths(group[2])
                if group[1]:
                    outside += paths
                else:
                    inside.append(paths)
            else:
                raise ValueError(f"{condition[:60]!r} is no condition; there are: {FORMS}")
        return cls(tuple(ratios), tuple(inside), tuple(outside))

    def written(self) -> str:
        """The text that gives this condition again."""
        parts = [f"ratio {operator} {float(share)!r}" for operator, share in self.ratios]
        parts += [f"cgroup in [{', '.join(paths)}]" for paths in self.inside]
        parts += [f"cgroup not in [{', '.join(self.outside)}]"] if self.outside else []
        return " and ".join(parts)

    @property
    def is_about_contents(self) -> bool:
        """True if it asks how well an entry compressed."""
        return bool(self.ratios)

    def lengths(self, page_size: int) -> tuple[int, int]:
        """The stored lengths that it takes: from the first up to but not including the second."""
        first, end = 0, page_size + 1
        for operator, share in self.ratios:
            exact = share * page_size
            floor = int(exact)
            ceiling = floor if exact == floor else floor + 1
            if operator in (">", ">="):
                first = max(first, floor + 1 if operator == ">" else ceiling)
            else:
                end = min(end, ceiling if operator == "<" else floor + 1)
        return first, max(first, end)

    def takes_cgroup(self, path: str) -> bool:
        """True if entries of this cgroup are meant."""
        return all(_is_below(path, group) for group in self.inside) and not _is_below(path, self.outside)


def _paths(text: str) -> tuple[str, ...]:
    paths = tuple(path.strip().strip("'\"") for path in text.split(","))
    for path in paths:
        if not path.startswith("/"):
            raise ValueError(f"cgroups are paths like /web, not {path[:60]!r}")
    return paths


def _is_below(path: str, others: Sequence[str]) -> bool:
    return any(other in ("/", path) or path.startswith(other + "/") for other in others)


def overlap(one: Only, other: Only, page_size: int) -> str | None:
    """An entry that both take, in words; None if there is none."""
    first = max(one.lengths(page_size)[0], other.lengths(page_size)[0])
    end = min(one.lengths(page_size)[1], other.lengths(page_size)[1])
    if first >= end:
        return None
    for path in _samples(one, other):
        if one.takes_cgroup(path) and other.takes_cgroup(path):
            return f"an entry of {first} stored bytes of {path}"
    return None


def _samples(*conditions: Only) -> list[str]:
    """Paths that stand for all: each that is named, and an unnamed one below each."""
    named = {"/"}
    for condition in conditions:
        named.update(condition.outside, *condition.inside)
    return sorted(named | {f"{path.rstrip('/')}/any" for path in named})


def class_bounds(conditions: Sequence[Only], page_size: int) -> list[int]:
    """The stored lengths at which some condition begins or ceases to hold."""
    edges = {length for condition in conditions for length in condition.lengths(page_size)}
    return sorted(length for length in edges if 0 < length <= page_size)


def classes_in(bounds: Sequence[int], first: int, end: int) -> int:
    """The classes of lengths (bit k: from bounds[k-1] on, below bounds[k]) that lie in [first, end)."""
    starts = [0, *bounds]
    return sum(1 << k for k, start in enumerate(starts) if first <= start < end)


Takes = Callable[[str], Sequence[int]]
"""A cgroup's path -> per edge the classes of its entries that the edge takes."""
