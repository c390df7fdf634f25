"""From a document to checked values: nothing coerced, nothing passed over, the first error in the text reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from whole import NAMED, WHOLE, Keys, at, changed, every_place, without, write

from swaptiers.cli.check import _resolved, _yaml
from swaptiers.config import Node, keys_of, parse_document, structure, unstructure
from swaptiers.errors import ConfigError
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.graph import TierGraph

PLAIN = without(("variants",))
OWN_NAMES = {"name"}  # the key before the colon
PLACES = [keys for keys in every_place(PLAIN) if not {"contents", "options"} & set(keys)]  # checked elsewhere
SCALARS = [keys for keys in PLACES if not isinstance(at(keys), dict | list)]
MAPPINGS = [(), *(keys for keys in PLACES if isinstance(at(keys), dict) and keys not in NAMED)]
NO_KIND: dict[type, tuple[Any, ...]] = {
    int: ("5", 5.0, True),
    float: ("0.9", True, float("nan")),
    bool: ("no", "true", 2),
    str: (True, 5.5),
}


def node_of(config: Any) -> Node:
    return parse_document(json.dumps(config, indent=1), "f")


def refused(document: Node) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        structure(document, ExperimentSpec)
    return caught.value


def test_every_key_is_tried() -> None:
    """A key that the config of these tests lacks would be checked by none of them."""
    known = keys_of(ExperimentSpec) - OWN_NAMES
    assert known == {keys[-1] for keys in every_place(PLAIN) if keys[-1] in known}
    structure(node_of(PLAIN), ExperimentSpec)


@pytest.mark.parametrize("keys", MAPPINGS, ids=str)
def test_unknown_keys_are_refused_everywhere(keys: Keys) -> None:
    """A key that is passed over is a setting that the user believes in; so is a second name inside the terms."""
    for key in ("zzz", "name"):
        config = json.loads(json.dumps(PLAIN))
        at(keys, config)[key] = "x"
        document = node_of(config)
        error = refused(document)
        place = document.place_of((*keys, key), key=True)
        there = {place.column, document.place_of((*keys, key)).column}
        assert error.line == place.line, error
        assert error.column in there, error
        assert repr(key) in error.what or error.what.startswith(f"{key}: "), error


def test_a_path_inside_the_terms_of_a_cgroup_is_refused() -> None:
    """It used to be overwritten by the path before the colon, in silence."""
    error = refused(node_of(changed(("cgroups", "/web", "path"), "/other")))
    assert "it is '/web', as the key above says" in error.what
    message = refused(node_of(changed(("cgroups", "/web", "zzz"), 1))).what
    assert "memory.max" in message
    assert "path" not in message


@pytest.mark.parametrize("keys", SCALARS, ids=str)
def test_no_kind_is_taken_for_another(keys: Keys) -> None:
    """A "no" is not false, 5.0 is not 5, true is not 1: the place of each is named."""
    document = node_of(PLAIN)
    parent = document
    for step in keys[:-1]:
        parent = parent.value[step]
    node = parent.value[keys[-1]]
    for value in NO_KIND[type(at(keys))]:
        if keys[-1] == "rate" and value == 5.0:
            continue  # any number is good there
        parent.value[keys[-1]] = Node(value, node.place)
        error = refused(document)
        assert (error.line, error.column) == (node.place.line, node.place.column), f"{value!r}: {error}"
        assert "object" not in error.what


@pytest.mark.parametrize(
    "contents", ["txt", {"mix": {"text": "100%"}, "zzz": 1}, {"mix": {"text": True}}, {"mix": {}}, {}]
)
def test_contents_are_checked_too(tmp_path: Path, contents: Any) -> None:
    """They may be a name or a mapping, so the models take both; what it says is checked before anything runs."""
    path = write(tmp_path, changed(("workloads", 0, "contents"), contents))
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    line = path.read_text().splitlines()[(caught.value.line or 0) - 1]
    assert "contents" in line or "mix" in line or "text" in line, caught.value


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("seed: x\nram: 5X\ntiers: {}\n", 7, "seed"),
        ("ram: 5X\nseed: x\ntiers: {}\n", 6, "ram"),
        ("{zzz: 1, ram: 5X, tiers: {}}\n", 2, "zzz"),
        ("{ram: 5X, zzz: 1, tiers: {}}\n", 7, "ram"),
        ("workloads: [{kind: scan, cgroup: 1, pages: x}]\nram: 5X\ntiers: {}\n", 34, "cgroup"),
        ("workloads: [{kind: scan, pages: x, cgroup: 1}]\nram: 5X\ntiers: {}\n", 33, "pages"),
        ("{run: {repeat: x}, tiers: {a: {kind: nil}}}\n", 16, "repeat"),
    ],
)
def test_the_first_error_in_the_text_is_reported(text: str, column: int, words: str) -> None:
    """In the order of the text, not of the model's fields: a reader mends a file from the top."""
    error = refused(parse_document(text, "f"))
    assert (error.line, error.column) == (1, column), error
    assert words in error.what


WORDS = (
    "",
    " ",
    "max",
    "5",
    "5%",
    "101%",
    "-5%",
    "4K",
    "3K",
    "1P",
    "1ns",
    "99999999h",
    "/",
    "/web/../x",
    "..",
    "a\0b",
    "x" * 5000,
    "é",
    "lru: ",
)
ANYTHING: some.SearchStrategy[Any] = some.one_of(
    some.none(), some.booleans(), some.sampled_from(WORDS), some.sampled_from((0, 1, -1, 2**31, 2**63, 10**30)),
    some.sampled_from((1.5, -0.0, float("nan"), float("inf"))),
    some.sampled_from(([], {}, [[]], [{}], {"a": 1}, ["x"], {"kind": "file"}, {"kind": ["x"]}, {"a\nb": 5}, {"mix": {"text": None}})),
)  # fmt: skip


@settings(max_examples=60)
@given(keys=some.sampled_from(list(every_place())), value=ANYTHING)
def test_any_value_anywhere_is_taken_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, keys: Keys, value: Any
) -> None:
    """One line, with file, line and column, in words that are not Python's: never a traceback, whatever stands there."""
    path = write(tmp_path_factory.mktemp("any"), changed(keys, value))
    try:
        load_experiment(path)
    except ConfigError as error:
        assert error.file == str(path)
        assert error.line is not None
        assert "\n" not in str(error)
        for word in ("object", "NoneType", "attribute", "argument", "Errno"):
            assert word not in error.what or error.what.startswith("policy whole:Coldest")  # its own words


SIZES = some.integers(1 << 20, 1 << 50)
TIMES = some.integers(0, 1 << 55).map(lambda ns: f"{ns}ns")
LATENCIES = some.integers(0, 600 * 10**9).map(lambda ns: f"{ns}ns")
SHARES = some.integers(0, 10**9).map(lambda part: f"{part / 10**7:.7f}%")
NAMES = some.text(
    some.characters(codec="utf-8", exclude_characters="/").filter(str.isprintable), min_size=1, max_size=9
).filter(lambda name: name not in (".", ".."))
SPECS = some.fixed_dictionaries(
    {
        "ram": SIZES,
        "on_full": some.just("spill"),
        "tiers": some.fixed_dictionaries(
            {
                "z": some.fixed_dictionaries(
                    {"kind": some.just("zswap")},
                    optional={
                        "compressor": some.sampled_from(("lz4", "zstd")), "max_pool": SIZES | SHARES,
                        "accept_threshold": SHARES, "raw": some.sampled_from(("keep", "refuse")),
                        "latency": some.fixed_dictionaries({}, optional={"read": LATENCIES, "call": LATENCIES}),
                        "bandwidth": some.integers(1 << 10, 1 << 40).map(lambda rate: f"{rate}/s"),
                    },
                ),
                "f": some.fixed_dictionaries({"kind": some.just("file"), "capacity": SIZES}, optional={"path": NAMES}),
            }
        ),
        "cgroups": some.dictionaries(
            NAMES.map(lambda name: f"/{name}"),
            some.fixed_dictionaries(
                {}, optional={
                    "memory.max": SIZES | some.just("max"), "memory.zswap.writeback": some.booleans(),
                    "memory.swap.tiers.max": some.dictionaries(some.sampled_from(("z", "f")), SIZES | some.just("max")),
                },
            ),
            max_size=3,
        ),
        "workloads": some.lists(
            some.fixed_dictionaries(
                {"kind": some.just("zipf"), "cgroup": NAMES.map(lambda name: f"/{name}"), "pages": some.integers(1, 1 << 30),
                 "refs": some.integers(0, 1 << 50)},
                optional={"alpha": some.floats(0, 5), "drift": SHARES, "think": TIMES, "start": some.integers(0, 99).map(lambda n: f"{n}%"),
                          "rate": some.floats(1e-300, 1e300)},
            ),
            max_size=2,
        ),
        "run": some.fixed_dictionaries({}, optional={"until": TIMES, "warmup": SHARES, "repeat": some.integers(1, 1000)}),
    },
    optional={"edges": some.just([])},
)  # fmt: skip


@settings(max_examples=40)
@given(config=SPECS)
def test_what_is_printed_is_read_as_the_same(config: dict[str, Any]) -> None:
    """Names that YAML would take for something else, numbers at their limits, `max` and defaults: all survive `check`."""
    spec = structure(node_of(config), ExperimentSpec)
    graph = TierGraph.build(spec.tiers, spec.edges, spec.on_full)
    spec = attrs.evolve(spec, edges=graph.edges)  # what `check` prints has no edges left out
    assert structure(parse_document(_yaml(unstructure(spec)), "f"), ExperimentSpec) == spec


def test_a_config_with_little_in_it_is_printed_whole(tmp_path: Path) -> None:
    """Left-out edges and cgroups were once printed as what no config may say: null, and an empty list."""
    path = tmp_path / "little.yaml"
    path.write_text(
        "tiers: {a: {kind: memory, capacity: 1M}, b: {kind: memory, capacity: 1M}}\n"
        "workloads: [{cgroup: /x, kind: scan, pages: 3}]\nvariants: {chain: {}, none: {edges: [], on_full: spill}}\n"
    )
    first = load_experiment(path)
    printed = _yaml(_resolved(first, None))
    path.write_text(printed)
    again = load_experiment(path)
    assert (again.base, again.variants) == (first.base, first.variants)
    assert [edge.name for edge in again.variants["chain"].edges or ()] == ["a->b"]
    assert again.variants["none"].edges == ()


def test_the_whole_config_is_printed_and_read_as_the_same(tmp_path: Path) -> None:
    """Every key there is, once."""
    path = write(tmp_path, WHOLE)
    first = load_experiment(path)
    path.write_text(_yaml(unstructure(first.variants["b"])))
    assert load_experiment(path).base == first.variants["b"]
