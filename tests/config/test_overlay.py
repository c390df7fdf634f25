"""Variants and --set, from the text to the experiment: what changes what, what wins, and where errors point."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole import WHOLE, write

from swaptiers.errors import ConfigError
from swaptiers.experiment.load import load_experiment
from swaptiers.workloads.specs import TraceSpec, ZipfSpec

TEXT = """\
ram: 16M
tiers:
  a: {kind: memory, capacity: 1M}
  b: {kind: memory, capacity: 1M}
  c: {kind: memory, capacity: 8M}
edges: &edges
  - {from: a, to: b, batch: 7}
  - {from: b, to: c, batch: 8}
cgroups:
  /web: {memory.max: 1M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 500, refs: 1000}
run: {payload: sizes}
variants:
  same: {}
  none: {edges: [], on_full: spill}
  direct:
    edges: [{from: a, to: c}]
    on_full: spill
    cgroups: {/web: {memory.swap.max: 3M}, /db: {memory.max: 2M}}
  again: {edges: *edges, run: {repeat: 2}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    return path


def test_variants(config: Path) -> None:
    """Mappings are merged key by key, lists replaced whole; a merged list would mix two variants' edges."""
    variants = load_experiment(config).variants
    assert list(variants) == ["same", "none", "direct", "again"]
    names = {name: [edge.name for edge in spec.edges or ()] for name, spec in variants.items()}
    assert names == {"same": ["a->b", "b->c"], "none": [], "direct": ["a->c"], "again": ["a->b", "b->c"]}
    (edge,) = variants["direct"].edges or ()
    assert edge.batch == 64  # the default, not the 7 of the edge it replaces
    web, db = variants["direct"].cgroups
    assert (web.path, web.memory_max, web.swap_max) == ("/web", 1 << 20, 3 << 20)
    assert (db.path, db.memory_max) == ("/db", 2 << 20)
    assert variants["none"].cgroups == variants["same"].cgroups
    assert (variants["again"].run.repeat, variants["again"].run.payload) == (2, "sizes")


def test_a_setting_wins_over_every_variant(config: Path) -> None:
    """It is what the user typed last; a variant that kept its own value would be compared by mistake."""
    experiment = load_experiment(
        config, sets=["on_full=refuse", "cgroups./web.memory.swap.max=9M", "on_full=spill"], seed=5
    )
    for spec in experiment.variants.values():
        assert spec.on_full == "spill"  # and the later setting over the earlier
        assert spec.cgroups[0].swap_max == 9 << 20
        assert spec.seed == 5
    assert experiment.seed == experiment.base.seed == 5


def test_settings_reach_every_corner(tmp_path: Path) -> None:
    """Keys with dots, keys that are not there yet, places in lists, whole lists: as the model reads them."""
    path = write(tmp_path, WHOLE)
    sets = [
        "tiers.zswap.max_pool=64M", "tiers.disk.latency.read=4ms", "edges.0.batch=32", "edges.0.when.watermark.low=5%",
        "cgroups./web.memory.zswap.max=max", "cgroups./web.memory.swap.tiers.max.disk=1M",
        "workloads.1.pages=200", "workloads.0.contents=text", "run.until=3s",
    ]  # fmt: skip
    spec = load_experiment(path, sets=sets, variants=["b"]).variants["b"]
    zswap, *_, disk = spec.tiers
    assert zswap.kind == "zswap"
    assert zswap.max_pool.of(spec.ram) == 64 << 20
    assert disk.latency.read == 4_000_000
    edge = (spec.edges or ())[0]
    assert edge.batch == 32
    assert edge.when.watermark is not None
    assert edge.when.watermark.low == 0.05
    (web,) = spec.cgroups
    assert (web.zswap_max, web.tiers_max["disk"]) == (None, 1 << 20)
    zipf, trace = spec.workloads[:2]
    assert isinstance(zipf, ZipfSpec)
    assert isinstance(trace, TraceSpec)
    assert (zipf.contents, trace.pages, spec.run.until) == ("text", 200, 3 * 10**9)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("ram=", "--set ram=: ram: a size"),
        ("ram=5X", "--set ram=5X: ram: a size like .* wanted, not '5X'"),
        ("run.repeat=yes", "whole number is wanted, not 'yes'"),
        ("edges.0.batch=1", "'0' is no place in this list of 0"),  # of the variant without edges
        ("edges.-1.batch=1", "'-1' is no place in this list of 2"),
        ("edges.x=1", "'x' is no place in this list of 2"),
        ("tiers.d.capacity=1M", "no key 'd' here; there are: a, b, c"),
        ("cgroups./wbe.memory.max=1M", "no key '/wbe' here; did you mean '/web'"),
        ("run.paylod=sizes", "no key 'paylod' here; did you mean 'payload'"),
        ("ram=[1,", "this is not YAML"),
        ("ram=" + "[" * 3000, "nested deeper than 64"),
        ("ram=a\nb", "a size like"),
        ("variants.same.ram=1M", "no key 'variants'"),
        ("=1", "a setting is KEY=VALUE"),
        ("...=1", "no key ''"),
    ],
)
def test_bad_settings(config: Path, setting: str, words: str) -> None:
    """The option is named, in one line, and what to write instead."""
    with pytest.raises(ConfigError, match=words) as caught:
        load_experiment(config, sets=[setting])
    assert str(caught.value).startswith("--set ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_only_the_chosen_variants_are_checked(config: Path) -> None:
    """One that can't run here (no trace, no room) does not keep the others from running."""
    config.write_text(TEXT + "  broken: {tiers: {b: {capacity: 1K}}}\n")
    assert list(load_experiment(config, variants=["none", "same"]).variants) == ["same", "none"]
    with pytest.raises(ConfigError, match="c.yaml:22:34: capacity is at least one cluster"):
        load_experiment(config)


def test_variants_may_complete_the_config(tmp_path: Path) -> None:
    """What all variants say differently need not be said above."""
    path = tmp_path / "c.yaml"
    path.write_text(
        "tiers: {a: {kind: memory, capacity: 1M}}\nvariants:\n"
        "  x: {workloads: [{cgroup: /x, kind: scan, pages: 3}]}\n  y: {workloads: [{cgroup: /y, kind: scan, pages: 4}]}\n"
    )
    experiment = load_experiment(path)
    assert [spec.workloads[0].cgroup for spec in experiment.variants.values()] == ["/x", "/y"]


def test_paths_are_below_the_folder_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not below the folder that the command is run in."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    write(tmp_path / "there", WHOLE)
    monkeypatch.chdir(tmp_path / "here")
    experiment = load_experiment("../there/whole.yaml")
    assert experiment.folder == tmp_path / "there"
    assert not list((tmp_path / "here").iterdir())
