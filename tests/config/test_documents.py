"""YAML text to nodes with places, overlays over them, --set, and values back to text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.cli.check import _resolved, _yaml
from swaptiers.config import (
    difference,
    load_document,
    parse_document,
    structure,
    unstructure,
    with_overlay,
    with_set,
)
from swaptiers.errors import ConfigError
from swaptiers.experiment.load import load_experiment
from swaptiers.tiers.specs import ZswapSpec
from swaptiers.units import MAX_LATENCY

TEXT = """\
a: 1
b:
  c: [x, {d: 2}]
  "memory.max": 3
"""
ROOT = Path(__file__).parent.parent.parent


def test_places() -> None:
    """A place one off sends the reader to the wrong line."""
    node = parse_document(TEXT, "f")
    assert node.plain() == {"a": 1, "b": {"c": ["x", {"d": 2}], "memory.max": 3}}
    places = {
        ("a",): (1, 4),
        ("b", "c"): (3, 6),
        ("b", "c", 0): (3, 7),
        ("b", "c", 1, "d"): (3, 14),
        ("b", "memory.max"): (4, 17),
        ("b", "nothing", "below"): (3, 3),
    }
    for path, (line, column) in places.items():
        place = node.place_of(path)
        assert (place.line, place.column) == (line, column), path
    key = node.place_of(("b", "memory.max"), key=True)
    assert (key.line, key.column) == (4, 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", "yes"), ("no", "no"), ("on", "on"), ("true", True), ("0x10", 16), ("010", 10), ("1_000", 1000), ("~", None),
     ("", None), ("1e3", 1000.0), ("'5'", "5"), ("2026-01-01", "2026-01-01"), ("12:30", "12:30")],
)  # fmt: skip
def test_scalars(text: str, value: Any) -> None:
    """YAML 1.2: `no` is a word, and nothing becomes a date."""
    try:
        found = parse_document(f"a: {text}", "f").plain()["a"]
    except ConfigError as error:
        assert text == "2026-01-01"
        assert "tag" in error.what
        return
    assert (found, type(found)) == (value, type(value))


@given(some.text(max_size=200))
def test_any_text_is_a_document_or_a_config_error(text: str) -> None:
    """A stranger's file must not end in a traceback."""
    try:
        parse_document(text, "f").plain()
    except ConfigError as error:
        assert error.file == "f"


@given(some.binary(max_size=100))
def test_any_bytes_too(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Not even what is not text."""
    path = tmp_path_factory.mktemp("any") / "f.yaml"
    path.write_bytes(data)
    try:
        load_document(path)
    except ConfigError as error:
        assert error.file == str(path)


def test_overlays_merge_mappings_and_replace_the_rest() -> None:
    """A list that was merged by index would mix two variants' edges."""
    base = parse_document("a: {b: 1, c: [1, 2]}\nd: 5\n", "base")
    over = parse_document("a: {c: [3]}\ne: {f: 6}\nd: {g: 7}\n", "over")
    whole = with_overlay(base, over)
    assert whole.plain() == {"a": {"b": 1, "c": [3]}, "d": {"g": 7}, "e": {"f": 6}}
    assert whole.place_of(("a", "b")).file == "base"
    assert whole.place_of(("a", "c")).file == "over"
    assert base.plain() == {"a": {"b": 1, "c": [1, 2]}, "d": 5}


KEYS = ("run", "payload", "memory.max", "memory.zswap.max", "capacity")


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("tiers.zswap.max_pool=64M", ("tiers", "zswap", "max_pool"), "64M"),
        ("cgroups./web.memory.max=1G", ("cgroups", "/web", "memory.max"), "1G"),
        ("cgroups./web.memory.zswap.max=1M", ("cgroups", "/web", "memory.zswap.max"), "1M"),
        ("edges.1.batch=3", ("edges", 1, "batch"), 3),
        ("edges=[]", ("edges",), []),
        ("run.payload=sizes", ("run", "payload"), "sizes"),
        ("tiers.zswap=", ("tiers", "zswap"), ""),
        ("a.b=1", ("a.b",), 1),
        ("tiers.ssd.path=a=b", ("tiers", "ssd", "path"), "a=b"),
    ],
)
def test_set(setting: str, path: tuple[str | int, ...], value: Any) -> None:
    """Keys contain dots: the longest one that is there or known wins, whatever a shorter one would give."""
    base = parse_document(
        "tiers: {zswap: {max_pool: 1M}, ssd: {}}\ncgroups: {/web: {}}\nedges: [{}, {batch: 1}]\na.b: 0\na: {b: 5}\n",
        "f",
    )
    at: Any = with_set(base, setting, KEYS).plain()
    for step in path:
        at = at[step]
    assert at == value


def test_set_leaves_the_base_alone() -> None:
    """Each variant has the setting applied to its own copy."""
    base = parse_document("run: {payload: real}\n", "f")
    with_set(base, "run.payload=sizes", KEYS)
    assert base.plain() == {"run": {"payload": "real"}}


@pytest.mark.parametrize("config", ["tiers.yaml", "examples/loop.yaml", "examples/controllers.yaml"])
def test_what_check_prints_is_the_same_experiment(config: str, tmp_path: Path) -> None:
    """A key that is lost or rounded on the way out would be another experiment."""
    experiment = load_experiment(ROOT / config)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "again.yaml").write_text(_yaml(_resolved(experiment, None)))
    again = load_experiment(tmp_path / "again.yaml")
    assert again.variants == experiment.variants
    assert again.base == experiment.base
    for name, spec in experiment.variants.items():
        (tmp_path / "one.yaml").write_text(_yaml(_resolved(experiment, name)))
        assert load_experiment(tmp_path / "one.yaml").variants == {"base": spec}


@given(
    size=some.integers(0, 1 << 50),
    share=some.integers(0, 10**9),
    time=some.integers(0, MAX_LATENCY),
)
def test_numbers_survive(size: int, share: int, time: int) -> None:
    """Sizes, shares and durations of any value come back exactly."""
    spec = st.ZswapSpec(
        name="z", max_pool=size, accept_threshold=share / 10**9, latency=st.Latency(read=time, write=time // 3)
    )
    node = parse_document(json.dumps(unstructure(spec)), "f")
    assert structure(node, ZswapSpec) == spec


def test_difference() -> None:
    """What `check` prints for a variant is just what it changes."""
    base = {"a": 1, "b": {"c": [1], "d": 2}, "e": {}}
    other = {"a": 1, "b": {"c": [1, 2], "d": 2}, "e": {"f": 1}}
    assert difference(base, other) == {"b": {"c": [1, 2]}, "e": {"f": 1}}
    assert difference(base, base) == {}
