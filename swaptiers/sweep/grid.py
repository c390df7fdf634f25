"""The grid of a sweep: keys with the values that each takes, and every combination of them as a point."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from swaptiers.errors import ConfigError
from swaptiers.units import parse_bytes, parse_fraction, parse_nanoseconds, parse_rate, shown

MAX_POINTS = 100_000
OPEN, CLOSED, QUOTES = "[{(", "]})", "'\""
ELSEWHERE = {"run.repeat": "--repeat", "seed": "--repeat, and --seed for another first one", "variants": "--variant"}
"""Keys that a grid can't have, and the option to use."""
Point = Mapping[str, str]
"""Key -> value as written."""


@attrs.frozen
class Grid:
    """Keys in the order in which they were given, each with its values as written."""

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Grid:
        """Of ``tiers.zswap.max_pool=16M,32M``; a comma in brackets or quotes belongs to a value. Raises ConfigError."""
        values: dict[str, tuple[str, ...]] = {}
        for text in texts:
            key, equals, listed = text.partition("=")
            key = key.strip()
            found = tuple(part.strip() for part in _split(listed))
            if not equals or not key or not all(found):
                raise _error(text, "a grid is KEY=VALUE,VALUE,..., like tiers.zswap.max_pool=16M,32M,64M")
            if key.partition(".")[0] == "variants" or key in ELSEWHERE:
                option = ELSEWHERE.get(key, "--variant")
                raise _error(text, f"{key} is no key of a grid; use {option}")
            if key in values:
                raise _error(text, f"{key} is there a second time; write all its values behind one --grid")
            if twice := [value for n, value in enumerate(found) if value in found[:n]]:
                raise _error(text, f"the value {shown(twice[0])} is there twice; leave one out")
            values[key] = found
        grid = cls(values)
        if len(grid) > MAX_POINTS:
            raise ConfigError(f"the grid has {len(grid):,} points; at most {MAX_POINTS:,} are possible")
        return grid

    def __len__(self) -> int:
        points = 1
        for values in self.values.values():
            points *= len(values)
        return points

    def points(self) -> Iterator[Point]:
        """Every combination, the last key's values next to each other. Without keys: one point, the config as it is."""
        for values in itertools.product(*self.values.values()):
            yield dict(zip(self.values, values, strict=True))


def _split(text: str) -> Iterator[str]:
    """At the commas that stand in no brackets and no quotes."""
    depth, quote, start = 0, "", 0
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in QUOTES:
            quote = letter
        elif letter in OPEN:
            depth += 1
        elif letter in CLOSED:
            depth -= 1
        elif letter == "," and depth <= 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _error(text: str, what: str) -> ConfigError:
    return ConfigError(what, file="--grid " + text[:80])


def in_order(values: Sequence[str]) -> list[str]:
    """From small to large where all are sizes, durations, shares, rates or numbers; otherwise as they stand."""
    known = numbers_of(values)
    if known is None:
        return list(values)
    return [value for _, value in sorted(zip(known, values, strict=True), key=lambda pair: pair[0])]


def numbers_of(values: Sequence[str]) -> list[float] | None:
    """What the values are as numbers, all of one kind; None if they are no numbers."""
    kinds: tuple[Callable[[Any], float], ...] = (float, parse_bytes, parse_nanoseconds, parse_fraction, parse_rate)
    for parse in kinds:
        try:
            return [float(parse(value)) for value in values]
        except (ValueError, TypeError):
            continue
    return None


def written_point(point: Point) -> str:
    """``tiers.zswap.max_pool=16M edges.0.policy=lru``."""
    return " ".join(f"{key}={value}" for key, value in point.items()) or "the config as it is"
