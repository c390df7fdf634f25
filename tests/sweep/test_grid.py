"""What --grid and --answer take, and how they say what they don't."""

from __future__ import annotations

from typing import Any

import pytest

from swaptiers.errors import ConfigError
from swaptiers.sweep.answer import Question, answers
from swaptiers.sweep.grid import Grid, in_order, numbers_of


def test_every_combination_in_order() -> None:
    """The last key's values next to each other; a comma in brackets or quotes parts nothing."""
    grid = Grid.parse(["a.b=1,2", "c={x: 1, y: [2, 3]},'p,q'"])
    assert [tuple(point.values()) for point in grid.points()] == [
        ("1", "{x: 1, y: [2, 3]}"), ("1", "'p,q'"), ("2", "{x: 1, y: [2, 3]}"), ("2", "'p,q'"),
    ]  # fmt: skip
    assert len(grid) == 4
    assert list(Grid.parse([]).points()) == [{}]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["a.b"], "a grid is KEY=VALUE,VALUE"),
        (["=1,2"], "a grid is KEY=VALUE,VALUE"),
        (["a=1,,2"], "a grid is KEY=VALUE,VALUE"),
        (["a=1", "a=2"], "a is there a second time"),
        (["a=1, 2,1"], "the value '1' is there twice"),
        (["run.repeat=1,2"], "use --repeat"),
        (["seed=1,2"], "--seed"),
        (["variants.x.ram=1M"], "use --variant"),
        ([f"{key}={','.join(map(str, range(1000)))}" for key in "ab"], "1,000,000 points"),
    ],
)
def test_what_is_no_grid(texts: list[str], words: str) -> None:
    """Each said with the option's text: a grid that is taken wrongly costs hours of the wrong runs."""
    with pytest.raises(ConfigError, match=words):
        Grid.parse(texts)


def test_values_in_order() -> None:
    """Sizes by size, not by letters or as they happen to stand; words stay as they are."""
    assert in_order(["1G", "64M", "128M", "9M"]) == ["9M", "64M", "128M", "1G"]
    assert in_order(["2ms", "30us"]) == ["30us", "2ms"]
    assert in_order(["100%", "9%"]) == ["9%", "100%"]
    assert in_order(["second-chance", "lru"]) == ["second-chance", "lru"]
    assert numbers_of(["10%", "4M"]) is None


GRID = {"pool": ("32M", "16M", "64M"), "policy": ("lru",)}


def rows(p99_us: dict[str, list[int | None]]) -> list[dict[str, Any]]:
    """Rows of one variant: per pool the p99 of each seed."""
    return [
        {
            "variant": "v",
            "pool": pool,
            "policy": "lru",
            "fault_p99_ns": None if us is None else us * 1000,
            "ram_mean_bytes": float(int(pool[:-1]) << 20),
        }
        for pool, each in p99_us.items()
        for us in each
    ]


def answer(question: str, found: list[dict[str, Any]], repeat: int = 2) -> Any:
    (only,) = answers(Question.parse(question, list(GRID), ["disk"]), GRID, repeat, found)
    return only


def test_the_smallest_that_holds_in_every_seed() -> None:
    """By size, not by place in the grid; one bad seed is enough against a value; what is worst of the rest is said."""
    found = rows({"32M": [150, 190], "16M": [100, 250], "64M": [90, 95]})
    said = answer("pool where p99 < 200us", found)
    assert (said.variant, said.others, said.value) == ("v", {"policy": "lru"}, "32M")
    assert said.sentence == "the smallest pool with p99 < 200us is 32M (in each of 2 seeds: p99 at most 190us)"
    assert answer("largest pool where ram <= 32M and p99 <= 190us", found).value == "32M"
    assert answer("pool where fault_p99_ns < 96us", found).value == "64M"


def test_what_a_plain_answer_would_hide() -> None:
    """A larger value that fails after all; none that will do; seeds that are not finished; no fault at all."""
    dip = answer("pool where p99 < 200us", rows({"16M": [100, 100], "32M": [300, 100], "64M": [90, 90]}))
    assert dip.value == "16M"
    assert dip.sentence.endswith("; beyond it, 32M will not do")
    none = answer("pool where p99 < 50us", rows({"16M": [100, 100], "32M": [300, 100], "64M": [90, 90]}))
    assert none.value is None
    assert "no pool of 16M, 32M, 64M has p99 < 50us in each of 2 seeds" in none.sentence
    assert "64M: p99 at most 90us" in none.sentence
    open_ = answer("pool where p99 < 200us", rows({"16M": [100], "32M": [100, 100]}))
    assert open_.value == "32M"
    assert open_.sentence.endswith("; not all seeds are finished of 16M")
    assert answer("pool where p99 < 200us", rows({"16M": [None, None]})).value == "16M"
    assert answer("pool where p99 > 200us", rows({"16M": [None, None]})).value is None
    assert answer("pool where p99 < 1s", rows({"16M": [1]})).sentence.startswith("no pool can be judged yet")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("pool", "a question is"),
        ("pol where p99 < 1ms", "did you mean 'pool'"),
        ("pool where p98 < 1ms", "did you mean 'p99'"),
        ("pool where p99 = 1ms", "a condition is"),
        ("pool where p99 < 200", "p99: a duration with its unit is wanted"),
        ("pool where written.disk < 1M", "there is no figure 'written.disk'; did you mean 'written_bytes.disk'"),
    ],
)
def test_what_is_no_question(question: str, words: str) -> None:
    """Found before anything runs."""
    with pytest.raises(ConfigError, match=words):
        Question.parse(question, list(GRID), ["disk"])
