"""Actions that write into control files: what is recorded, what goes on, and one intent in three dialects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from configs import numbers, run_text

import swaptiers as st
from swaptiers.cli import main
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.report.refusals import refused_writes

BASE = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 8M, latency: {read: 8us, write: 9us}}
  ssd:   {kind: file, capacity: 8M, latency: {read: 70us, write: 20us}}
  disk:  {kind: file, capacity: 8M, latency: {read: 4ms, write: 4ms}}
edges:
  - {from: zswap, to: ssd, policy: second-chance, when: {request: true}}
  - {from: ssd, to: disk, policy: lru, when: {request: true}}
cgroups:
  /web: {memory.max: 1M, memory.zswap.max: 8M}
  /web/a: {}
  /idle: {}
workloads:
  - {cgroup: /web/a, kind: zipf, pages: 900, refs: 3000, contents: mixed, think: 1ms}
run: {payload: PAYLOAD, inversion: exact}
"""
SIZES = BASE.replace("PAYLOAD", "sizes")


def run_base(folder: Path, text: str) -> Any:
    return run_text(folder, text).variants["base"]


def test_a_write_says_what_it_did(tmp_path: Path) -> None:
    """Recorded with its text, its errno and what moved; the same numbers with bytes and without."""
    actions = """
actions:
  - {at: 1s, write: "200K source=zswap", to: /web/memory.reclaim}
  - {at: 1200ms, write: "1M source=zswap", to: /web/memory.reclaim}
  - {at: 1500ms, write: "40K", to: /web/memory.reclaim, must: true}
  - {at: 1600ms, write: "64M source=ssd", to: /web/memory.reclaim}
  - {at: 1700ms, write: "1K source=file", to: /web/memory.reclaim}
"""
    real, sizes = (run_base(tmp_path, BASE.replace("PAYLOAD", payload) + actions) for payload in ("real", "sizes"))
    assert [numbers(real)[key] for key in ("tiers", "edges", "cgroups", "actions")] == [
        numbers(sizes)[key] for key in ("tiers", "edges", "cgroups", "actions")
    ]
    first, second, plain, far, file = real.actions
    assert (first["at_ns"], first["to"], first["write"]) == (10**9, "/web/memory.reclaim", "200K source=zswap")
    assert {action["error"] for action in (first, second)} <= {None, "EAGAIN"}
    moved = [action["freed_bytes"] for action in (first, second)]
    assert sum(moved) == real.edges["zswap->ssd"].freed_bytes > 0
    assert real.cgroups["/web/a"].zswpwb_proactive_bytes == sum(moved)
    assert (plain["error"], plain["evicted_pages"], plain["entries"]) == (None, 10, 0)
    assert (far["error"], far["met"]) == ("EAGAIN", False)
    assert far["entries"] == real.edges["ssd->disk"].entries > 0
    assert (file["error"], file["entries"], file["evicted_pages"]) == ("EINVAL", 0, 0)
    assert (real.integrity.mismatched, real.integrity.lost) == (0, 0)
    json.dumps(real.actions)


def test_limits_are_changed_in_the_middle_of_a_run(tmp_path: Path) -> None:
    """memory.max lowered reclaims at once, and holds from then on; a tier that is closed takes nothing more."""
    base = SIZES.replace("memory.zswap.max: 8M", "memory.zswap.max: 300K") + "on_full: spill\n"
    actions = """
actions:
  - {at: 2s, write: "512K", to: /web/memory.max, must: true}
  - {at: 2s, write: "zswap 0", to: /web/a/memory.swap.tiers.max, must: true}
"""
    low, high = run_base(tmp_path, base + actions), run_base(tmp_path, base)
    assert low.actions[0]["evicted_pages"] >= 100
    held, unlimited = low.cgroups["/web"], high.cgroups["/web"]
    assert held.resident_bytes + held.zswap_bytes <= 512 << 10 < unlimited.resident_bytes + unlimited.zswap_bytes
    assert low.tiers["zswap"].stores < high.tiers["zswap"].stores
    assert low.faults > high.faults


def test_a_refused_write_goes_on_unless_it_must_not(tmp_path: Path) -> None:
    """Recorded with its errno, or the run fails with the sentence."""
    action = 'actions: [{at: 1s, write: "sdd 0", to: /web/memory.swap.tiers.max MUST}]\n'
    (done,) = run_base(tmp_path, SIZES + action.replace("MUST", "")).actions
    assert (done["error"], done["met"]) == ("EINVAL", False)
    with pytest.raises(st.ExperimentError, match=r"at 1s must succeed, and got EINVAL.*no tier 'sdd'"):
        run_base(tmp_path, SIZES + action.replace("MUST", ", must: true"))


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("{at: 1s, write: 1K}", "writes into a control file"),
        ("{at: 1s, to: /web/memory.reclaim}", "writes into a control file"),
        ("{at: 1s, write: 1K, to: /web/memory.reclaim, demote: 1K, source: zswap}", "writes into a control file"),
        ("{at: 1s, write: 1K, to: /web/memory.reclaim, cgroup: /web}", "go with `demote`"),
        ("{at: 1s, evacuate: ssd, must: true}", "must and every are about a write"),
        ("{at: 1s, write: 1K, to: /web/memory.reclam}", "did you mean 'memory.reclaim'"),
        ("{at: 1s, write: 1K, to: memory.reclaim}", "no control file"),
        ("{at: 1s, write: 1K, to: /wbe/memory.reclaim}", "no cgroup '/wbe'"),
        ("{at: 1s, write: 1K, to: /memory.max}", "the root cgroup has no memory.max"),
        ("{at: 1s, demote: 1K, source: disk}", "no edge leads"),
    ],
)
def test_an_action_that_cannot_be(tmp_path: Path, action: str, says: str) -> None:
    """A typing error that only shows as ENOENT after hours."""
    with pytest.raises(st.ConfigError, match=says) as caught:
        run_base(tmp_path, SIZES + f"actions: [{action}]\n")
    assert caught.value.line is not None


DIALECTS = ("zswap_writeback_only", "source", "tiers-demote")


def variants(intent: str, names: tuple[str, ...] = (*DIALECTS, "all")) -> str:
    return (
        SIZES + f"actions:\n  - {intent}\nvariants:\n" + "".join(f"  {name}: {{dialect: {name}}}\n" for name in names)
    )


def test_one_intent_in_three_dialects_moves_the_same_entries(tmp_path: Path) -> None:
    """An interface with an engine of its own: another walk, unit, or order of entries."""
    result = run_text(tmp_path, variants("{at: 2s, demote: 100K, source: zswap, cgroup: /web}"))
    whole = {name: numbers(variant) for name, variant in result.variants.items()}
    asked = {name: each.pop("actions")[0] for name, each in whole.items()}
    assert {name: (each["to"], each["write"]) for name, each in asked.items()} == {
        "zswap_writeback_only": ("/web/memory.reclaim", "100K zswap_writeback_only"),
        "source": ("/web/memory.reclaim", "100K source=zswap"),
        "tiers-demote": ("/web/memory.swap.tiers.demote", "100K zswap"),
        "all": ("/web/memory.swap.tiers.demote", "100K zswap"),
    }
    first = whole["source"]
    assert asked["source"]["entries"] > 0
    for name, each in whole.items():
        assert each == first, name
        assert {key: asked[name][key] for key in ("entries", "freed_bytes", "scanned", "rotated", "error")} == {
            key: asked["source"][key] for key in ("entries", "freed_bytes", "scanned", "rotated", "error")
        }


@pytest.mark.parametrize(
    ("intent", "speechless"),
    [
        ("demote: 1K, source: ssd", {"zswap_writeback_only": "knows no tier but zswap"}),
        (
            "demote: 1K, source: zswap, target: ssd",
            {"zswap_writeback_only": "can't say where to", "source": "can't say where to"},
        ),
        (
            "demote: 1K, source: zswap, referenced: ignore",
            {"zswap_writeback_only": "always honours", "source": "always honours"},
        ),
    ],
)
def test_what_a_dialect_cannot_say(tmp_path: Path, intent: str, speechless: dict[str, str]) -> None:
    """The documented differences: a config that asks for it is refused, not run as something else."""
    path = tmp_path / "x.yaml"
    for dialect in (*DIALECTS, "all"):
        path.write_text(variants(f"{{at: 1s, {intent}, cgroup: /web}}", (dialect,)))
        if dialect in speechless:
            with pytest.raises(st.ConfigError, match=speechless[dialect]):
                load_experiment(path)
        else:
            load_experiment(path)


def test_a_dialect_is_what_the_files_accept(tmp_path: Path) -> None:
    """A machine of one proposal must not know the words of another."""
    text = variants('{at: 1s, write: "1K source=ssd", to: /web/memory.reclaim}', ("source", "tiers-demote"))
    result = run_text(tmp_path, text)
    assert result.variants["source"].actions[0]["error"] == "EAGAIN", "there is nothing yet"
    assert result.variants["tiers-demote"].actions[0]["error"] == "EINVAL"
    path = tmp_path / "y.yaml"
    path.write_text(variants('{at: 1s, write: "1K ssd", to: /web/memory.swap.tiers.demote}', ("source",)))
    with pytest.raises(st.ConfigError, match="in dialect source there is no memory.swap.tiers.demote"):
        load_experiment(path)


def watched(tmp_path: Path, at: str, interleave: str = "references") -> tuple[Any, Laboratory]:
    """A laboratory at the end of its run, and what its tree said at a time of it."""
    path = tmp_path / "watched.yaml"
    text = SIZES.replace("inversion: exact", f"inversion: exact, interleave: {interleave}")
    path.write_text(text + f'actions: [{{at: {at}, write: "0", to: /memory.reclaim}}]\n')
    experiment = load_experiment(path)
    laboratory = Laboratory(experiment.base, experiment.folder)
    seen: dict[str, Any] = {}
    turn = laboratory.actions.turn

    def look(now: int) -> None:
        turn(now)
        tree = laboratory.control_tree()
        for file in ("/web/memory.current", "/web/memory.pressure", "/web/memory.swap.inversion", "/web/memory.stat"):
            seen[file.rpartition("/")[2]] = tree.read(file)
        seen["stalled_us"] = int(laboratory.core.cgroups[laboratory.tree.paths["/web/a"]].stall_ns) // 1000
        seen["stats"] = laboratory.running.stats()

    laboratory.actions.turn = look  # type: ignore[method-assign]
    return seen, laboratory


def test_a_running_experiment_has_files(tmp_path: Path) -> None:
    """memory.current with resident pages, memory.pressure with the stall time, rmdir only where nobody runs."""
    seen, laboratory = watched(tmp_path, "1s")
    with laboratory:
        laboratory.run()
        tree = laboratory.control_tree()
        counted = seen["stats"].cgroups["/web"]
        assert int(seen["memory.current"]) == counted.resident_bytes + counted.zswap_bytes
        assert f"anon {counted.resident_bytes}\n" in seen["memory.stat"]
        some, full = seen["memory.pressure"].splitlines()
        assert some.removeprefix("some ") == full.removeprefix("full ")
        assert some.endswith(f"total={seen['stalled_us']}")
        assert seen["stalled_us"] > 0
        assert some.startswith("some avg10=0.")
        assert "memory.pressure" in tree.list("/web")
        with pytest.raises(OSError, match="workload runs in it") as caught:
            tree.rmdir("/web/a")
        assert caught.value.errno == 16
        tree.rmdir("/idle")
        tree.mkdir("/late")
        assert tree.read("/late/memory.pressure").startswith("some avg10=0.00 ")
        laboratory.core.check()


def test_reading_changes_no_number(tmp_path: Path) -> None:
    """A run whose files are read must give the numbers of one whose files are not."""
    _, laboratory = watched(tmp_path, "1s")
    with laboratory:
        read = laboratory.run()
    quiet = run_base(tmp_path, SIZES + 'actions: [{at: 1s, write: "0", to: /memory.reclaim}]\n')
    assert attrs.evolve(read, time=quiet.time) == attrs.evolve(quiet)


def test_the_command_says_what_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused write that is only in a file that nobody asked for."""
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(SIZES + 'actions: [{at: 1s, write: "1K source=file", to: /web/memory.reclaim}]\n')
    main(["run", "x.yaml"])
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "base: at 1s, '1K source=file' into /web/memory.reclaim was refused: EINVAL (0 demoted)"


def test_an_action_again_and_again(tmp_path: Path) -> None:
    """With `every` it is one record of all times, and does what as many single actions would have done."""
    ats = range(500, 2600, 100)
    each = "\n".join(f'  - {{at: {at}ms, write: "20K source=zswap", to: /web/memory.reclaim}}' for at in ats)
    head = SIZES.replace("run: {", "run: {until: 2550ms, ")
    again = 'actions:\n  - {at: 500ms, every: 100ms, write: "20K source=zswap", to: /web/memory.reclaim}\n'
    single, repeated = run_base(tmp_path, f"{head}actions:\n{each}\n"), run_base(tmp_path, head + again)
    (record,) = repeated.actions
    assert record["times"] == len(single.actions) == len(ats)
    assert record["every_ns"] == 10**8
    assert record["met"] == sum(action["met"] for action in single.actions) > 0
    assert record["error"] == {"EAGAIN": sum(action["error"] == "EAGAIN" for action in single.actions)}
    for name in ("entries", "freed_bytes", "scanned", "rotated"):
        assert record[name] == sum(action[name] for action in single.actions) > 0
    assert numbers(repeated)["edges"] == numbers(single)["edges"]
    (said,) = refused_writes({"base": repeated})
    assert f"was refused: EAGAIN {record['error']['EAGAIN']} times of {len(ats)} (" in said


@pytest.mark.parametrize("keys", ["every: 1s, evacuate: ssd", "every: 0s, write: 1M, to: /web/memory.reclaim"])
def test_what_cannot_be_done_again(keys: str, tmp_path: Path) -> None:
    """An evacuation is done once, and no time between two writes would be an endless loop: refused with its place."""
    with pytest.raises(st.ConfigError, match="every"):
        run_base(tmp_path, f"{SIZES}actions: [{{at: 1s, {keys}}}]\n")
