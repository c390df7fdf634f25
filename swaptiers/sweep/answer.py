"""The question that a sweep is made for: which is the smallest (or largest) value with which it is still good enough?"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from swaptiers.errors import ConfigError
from swaptiers.sweep.grid import in_order
from swaptiers.sweep.row import FIGURES, PER_TIER, WALL, Row
from swaptiers.units import format_bytes, format_nanoseconds, parse_bytes, parse_nanoseconds

SHORT = {
    "mean": "fault_mean_ns",
    "p50": "fault_p50_ns",
    "p99": "fault_p99_ns",
    "p999": "fault_p999_ns",
    "ram": "ram_mean_bytes",
    "ram_peak": "ram_peak_bytes",
    "written": "device_written_bytes",
    "inversion": "inverted_pairs",
}
"""Names of columns that a person would rather write."""
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
QUESTION = re.compile(r"(?:(smallest|largest)\s+)?(\S+)\s+where\s+(.+)")
CONDITION = re.compile(r"([\w./-]+)\s*(<=|>=|<|>)\s*(.+)")
EXAMPLE = "tiers.zswap.max_pool where p99 < 200us"


@attrs.frozen(kw_only=True)
class Condition:
    """``p99 < 200us``. `column`: which that is; `limit`: in the column's unit."""

    name: str
    column: str
    sign: str
    limit: float
    text: str

    def holds(self, row: Row) -> bool:
        """Where nothing was measured (no fault at all), nothing was too slow and nothing was reached either."""
        value = row[self.column]
        if value is None:
            return self.sign in ("<", "<=")
        return OPERATORS[self.sign](value, self.limit)

    def worst(self, rows: Sequence[Row]) -> str:
        """``p99 at most 183us``."""
        values = [row[self.column] for row in rows if row[self.column] is not None]
        if not values:
            return f"{self.name} never measured"
        most = self.sign in ("<", "<=")
        return f"{self.name} at {'most' if most else 'least'} {written(self.column, (max if most else min)(values))}"


@attrs.frozen(kw_only=True)
class Question:
    """``smallest KEY where CONDITION and CONDITION``."""

    text: str
    largest: bool
    key: str
    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str, keys: Sequence[str], tiers: Sequence[str]) -> Question:
        """Raises ConfigError for a key that is not in the grid, a figure that there is not, and what is no question."""
        match = QUESTION.fullmatch(text.strip())
        if match is None:
            raise _error(text, f"a question is [smallest|largest] KEY where FIGURE < VALUE, like: {EXAMPLE}")
        size, key, listed = match.groups()
        if key not in keys:
            raise _error(text, f"there is no key {key!r} in the grid; {_near(key, keys)}")
        conditions = tuple(_condition(text, part, tiers) for part in re.split(r"\s+and\s+", listed))
        return cls(text=text, largest=size == "largest", key=key, conditions=conditions)

    @property
    def words(self) -> str:
        """What has to hold."""
        return " and ".join(condition.text for condition in self.conditions)


@attrs.frozen(kw_only=True)
class Answer:
    """For one variant, and one value of each other key of the grid. `value`: None if none will do."""

    variant: str
    others: Mapping[str, str]
    value: str | None
    sentence: str


def answers(
    question: Question, grid: Mapping[str, Sequence[str]], repeat: int, rows: Sequence[Row]
) -> Iterator[Answer]:
    """One per variant and combination of the other keys' values, in the order of the rows.

    A value will do if the conditions hold in every seed; one whose seeds are not all finished is not judged.
    """
    others = [key for key in grid if key != question.key]
    groups: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for row in rows:
        group = groups.setdefault((row["variant"], *(row[key] for key in others)), {})
        group.setdefault(row[question.key], []).append(row)
    for (variant, *values), by_value in groups.items():
        value, sentence = _answer(question, in_order(grid[question.key]), repeat, by_value)
        yield Answer(variant=variant, others=dict(zip(others, values, strict=True)), value=value, sentence=sentence)


def _answer(
    question: Question, ordered: Sequence[str], repeat: int, by_value: Mapping[str, Sequence[Row]]
) -> tuple[str | None, str]:
    tried = list(reversed(ordered)) if question.largest else list(ordered)
    size = "largest" if question.largest else "smallest"
    whole = [value for value in tried if len(by_value.get(value, ())) >= repeat]
    good = [value for value in whole if all(c.holds(row) for row in by_value[value] for c in question.conditions)]
    seeds = f"in each of {repeat} seeds" if repeat > 1 else "with the one seed"
    open_ = [value for value in tried if value not in whole]
    if good:
        value = good[0]
        worst = ", ".join(c.worst(by_value[value]) for c in question.conditions)
        sentence = f"the {size} {question.key} with {question.words} is {value} ({seeds}: {worst})"
        bad = [other for other in whole[whole.index(value) :] if other not in good]
        if bad:
            sentence += f"; beyond it, {', '.join(bad)} will not do"
        open_ = [other for other in open_ if tried.index(other) < tried.index(value)]
    elif whole:
        value = None
        sentence = f"no {question.key} of {', '.join(whole)} has {question.words} {seeds}"
        sentence += f": {_best(question, whole, by_value)}"
    else:
        value, sentence = None, f"no {question.key} can be judged yet"
    if open_:
        sentence += f"; not all seeds are finished of {', '.join(open_)}"
    return value, sentence


def _best(question: Question, values: Sequence[str], by_value: Mapping[str, Sequence[Row]]) -> str:
    return "; ".join(f"{value}: {', '.join(c.worst(by_value[value]) for c in question.conditions)}" for value in values)


def _condition(text: str, part: str, tiers: Sequence[str]) -> Condition:
    match = CONDITION.fullmatch(part.strip())
    if match is None:
        raise _error(text, f"a condition is FIGURE < VALUE (or <=, >, >=), like p99 < 200us, not {part.strip()!r}")
    name, sign, limit = match.groups()
    columns = [*FIGURES, WALL, *(f"{figure}.{tier}" for figure in PER_TIER for tier in tiers)]
    column = SHORT.get(name, name)
    if column not in columns:
        raise _error(text, f"there is no figure {name!r}; {_near(name, [*SHORT, *columns])}")
    try:
        number = _parse(column)(limit)
    except ValueError as error:
        raise _error(text, f"{name}: {error}") from None
    return Condition(name=name, column=column, sign=sign, limit=number, text=f"{name} {sign} {limit}")


def _parse(column: str) -> Callable[[str], float]:
    if column.endswith("_ns"):
        return parse_nanoseconds
    return parse_bytes if "_bytes" in column else float


def written(column: str, value: float) -> str:
    """The value in its column's unit."""
    if column.endswith("_ns"):
        return format_nanoseconds(value)
    if "_bytes" in column:
        return format_bytes(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"


def _error(text: str, what: str) -> ConfigError:
    return ConfigError(what, file=f"--answer {text[:80]}")


__all__: list[Any] = ["Answer", "Question", "answers", "written"]
