"""The JSON schema of configs: what loads is valid, what an editor should mark is not, and every key says what it means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from whole import NAMED, WHOLE, at, changed, every_place, without

from swaptiers.cli import main
from swaptiers.config import load_document, parse_document, structure, unstructure
from swaptiers.errors import ConfigError
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.schema import experiment_schema
from swaptiers.experiment.spec import ExperimentSpec

ROOT = Path(__file__).parent.parent.parent
CONFIGS = [ROOT / "tiers.yaml", *sorted((ROOT / "examples").glob("*.yaml")), ROOT / "swaptiers/cli/starter.yaml"]
SCHEMA = experiment_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def problems(plain: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(plain)]


def test_it_is_a_schema() -> None:
    """An editor would pass over what is none, and every reference leads somewhere."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for reference in references(SCHEMA):
        assert reference.removeprefix("#/definitions/") in SCHEMA["definitions"]


def references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(references, schema))
    if not isinstance(schema, dict):
        return set()
    return {schema["$ref"]} if "$ref" in schema else set().union(*map(references, schema.values()))


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Redirected into a file it is that file: no word more."""
    main(["schema"])
    assert json.loads(capsys.readouterr().out) == SCHEMA


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_what_is_shipped_is_valid(config: Path) -> None:
    """As it is written, and with every default filled in."""
    assert problems(load_document(config).plain()) == []
    for spec in load_experiment(config).variants.values():
        assert problems(unstructure(spec)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tears": {}}, "'tears' was unexpected"),
        ({"page_size": "big"}, "$.page_size"),
        ({"seed": -1}, "-1 is less than the minimum"),
        ({"on_full": "spil"}, "'spil' is not one of"),
        ({"tiers": {"zswap": {"kind": "zsawp"}}}, "'zsawp' is not one of"),
        ({"tiers": {"zswap": {"max_pool": "20%"}}}, "'kind' is a required property"),
        ({"tiers": {"zswap": {"kind": "zswap", "capacity": "1M"}}}, "'capacity' was unexpected"),
        ({"tiers": {"ssd": {"kind": "file", "capacity": "1M", "latency": {"read": 8}}}}, "$.tiers.ssd.latency.read"),
        ({"tiers": {"ssd": {"kind": "file"}}}, "'capacity' is a required property"),
        ({"edges": [{"from": "zswap"}]}, "'to' is a required property"),
        ({"edges": [{"from": "a", "to": "b", "policy": "lruu"}]}, "$.edges[0].policy"),
        ({"edges": [{"from": "a", "to": "b", "batch": 2000}]}, "2000 is greater than the maximum"),
        ({"edges": [{"from": "a", "to": "b", "when": {"pressure": "yes"}}]}, "'yes' is not of type 'boolean'"),
        ({"edges": [{"from": "a", "to": "b", "quota": {"byte": "5M"}}]}, "$.edges[0].quota"),
        ({"cgroups": {"/web": {"memory.maks": "1M"}}}, "'memory.maks' was unexpected"),
        ({"workloads": [{"cgroup": "/a", "kind": "zipf", "pages": 9}]}, "'refs' is a required property"),
        ({"controllers": [{"kind": "psi", "source": "a", "target": 0.1}]}, "$.controllers[0].target"),
        ({"run": {"warmup": 20}}, "$.run.warmup"),
        ({"variants": {"a": {"tiers": {"zswap": {"max_pol": "1M"}}}}}, "'max_pol' was unexpected"),
        ({"variants": {"a": {"variants": {}}}}, "'variants' was unexpected"),
    ],
)
def test_what_is_wrong(change: dict[str, Any], said: str) -> None:
    """One mistake each, of the kind that people make, is found where it is; without it there is none."""
    assert problems(GOOD) == []
    found = problems({**GOOD, **change})
    assert any(said in problem for problem in found), found


ODD: list[Any] = [None, True, 7, "max", "5%", "2s", []]
GOOD: dict[str, Any] = {
    "tiers": {"zswap": {"kind": "zswap"}},
    "workloads": [{"cgroup": "/a", "kind": "scan", "pages": 9}],
}


@pytest.mark.parametrize("key", [key for key in WHOLE if key != "variants"])
def test_what_loads_is_valid(key: str) -> None:
    """Every value under a key replaced by odd ones, and left out: an editor must not mark what loads."""
    assert problems({**GOOD, key: WHOLE[key]}) == []
    for keys in every_place({key: WHOLE[key]}):
        for config in [without(keys), *(changed(keys, value) for value in ODD)]:
            if key not in config or config.get("workloads") == []:
                continue
            small = {**GOOD, key: config[key]}
            if not is_refused(small):
                assert problems(small) == [], keys


def is_refused(config: dict[str, Any]) -> bool:
    try:
        structure(parse_document(json.dumps(config), "it"), ExperimentSpec)
    except ConfigError:
        return True
    return False


def test_unknown_keys_are_found() -> None:
    """In every mapping that has keys of ours, and as a variant's change of it too."""
    for keys in ((), *every_place()):
        mapping = at(keys)
        if not isinstance(mapping, dict) or keys in NAMED or keys[-1:] == ("options",) or "contents" in keys:
            continue
        assert problems(changed((*keys, "keyy"), 1)) != [], keys


def test_tiers_and_workloads_are_wanted() -> None:
    """Unless variants bring them."""
    assert problems({}) != []
    assert problems({"variants": {"a": {}}}) == []


def test_every_key_says_what_it_means() -> None:
    """A new key whose docstring does not name it as "`key`: ..." would stand there without a word."""
    for name, schema in {"": SCHEMA, **SCHEMA["definitions"]}.items():
        for key, about in schema.get("properties", {}).items():
            assert about is True or key == "kind" or about.get("description"), (name, key)


def test_defaults_and_units() -> None:
    """As a config would have them: another unit, or the number of the program, would mislead."""
    run = SCHEMA["definitions"]["RunSpec"]["properties"]
    assert (run["sample"]["default"], run["warmup"]["default"], run["repeat"]["default"]) == ("100ms", "20%", 1)
    assert SCHEMA["properties"]["ram"]["default"] == "256M"
    assert SCHEMA["definitions"]["CgroupSpec"]["properties"]["memory.max"]["default"] == "max"
    assert SCHEMA["definitions"]["ZswapSpec"]["properties"]["max_pool"]["default"] == "20%"
