"""Bad input: one sentence with file, line and column, exit code 2, nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from swaptiers.cli import main

ROOT = Path(__file__).parent.parent.parent
GOOD = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 10%}
  ssd: {kind: file, capacity: 1M}
  disk: {kind: file, capacity: 8M}
edges:
  - {from: zswap, to: ssd, when: {watermark: {high: 90%, low: 80%}}}
  - {from: ssd, to: disk}
cgroups:
  /web: {memory.max: 1M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 500, refs: 1000}
  - {cgroup: /db, kind: trace, path: db.u32, pages: 100}
run: {payload: sizes}
"""

# what to change, into what, what the error points at (the last place where that stands), and what it must say
ROWS: dict[str, tuple[str, str, str, str]] = {
    "unknown key": ("max_pool", "max_pol", "max_pol", "no key 'max_pol'.*did you mean 'max_pool'"),
    "unknown top-level key": ("ram:", "rma:", "rma:", "'rma'.*'ram'"),
    "missing key": ("capacity: 1M", "", "{kind: file, }", "'capacity' is missing"),
    "text for a truth value": ("ram: 16M", 'charge_zswap: "no"', '"no"', "true or false is wanted, not 'no'"),
    "number for a truth value": ("ram: 16M", "charge_zswap: 1", "1\nti", "true or false is wanted, not 1"),
    "text for a number": ("pages: 500", 'pages: "500"', '"500"', "whole number is wanted, not '500'"),
    "fraction for a number": ("pages: 500", "pages: 500.0", "500.0", "whole number is wanted, not 500.0"),
    "number for a text": ("path: db.u32", "path: 5", "5, pages", "text is wanted, not 5"),
    "list for a mapping": ("run: {payload: sizes}", "run: [payload]", "[payload]", "mapping is wanted"),
    "mapping for a list": ("run: {payload: sizes}", "actions: {at: 1s}", "actions", "list is wanted"),
    "a size that is none": ("ram: 16M", "ram: 16X", "16X", "size like 4K, 10M or 1G is wanted, not '16X'"),
    "a negative size": ("ram: 16M", "ram: -5", "-5", "size from 0"),
    "an enormous size": ("ram: 16M", "ram: 99999P", "99999P", "size from 0 to 1024P"),
    "a duration without a unit": ("run: {payload: sizes}", "run: {sample: 5}", "5}", "duration with its unit"),
    "a duration that is none": ("run: {payload: sizes}", "run: {sample: 5 days}", "5 days", "duration with its unit"),
    "a percentage above 100": ("max_pool: 10%", "max_pool: 110%", "110%", "0% to 100% is wanted, not '110%'"),
    "low above high": ("low: 80%", "low: 95%", "watermark", "low .95%. is above high .90%."),
    "not a number": ("refs: 1000", "refs: 1000, alpha: .nan", ".nan", "number is wanted, not nan"),
    "infinite": ("refs: 1000", "refs: 1000, alpha: .inf", ".inf", "number is wanted, not inf"),
    "below the least": ("refs: 1000", "refs: -1", "-1", "refs must be >= 0"),
    "a choice that there is not": ("kind: zipf", "kind: zpif", "zpif", "'zpif'.*did you mean 'zipf'"),
    "a policy that there is not": ("to: disk}", "to: disk, policy: rlu}", "rlu", "'rlu'.*did you mean 'lru'"),
    "a duplicate key": ("ram: 16M", "ram: 16M\nram: 8M", "ram: 8M", "'ram' is here a second time .first in line 2."),
    "a merge key": ("ram: 16M", "<<: {}", "<<", "merge keys"),
    "a cycle": ("to: disk}", "to: disk}\n  - {from: disk, to: zswap}", "{from: disk", "cycle: .*zswap -> ssd -> disk -> zswap|"
                "cycle: .*disk -> zswap"),
    "an edge to itself": ("from: ssd, to: disk", "from: ssd, to: ssd", "{from: ssd, to: ssd", "leads back to its own tier"),
    "the same edge twice": ("to: disk}", "to: disk}\n  - {from: ssd, to: disk}", "{from: ssd, to: disk}", "ssd->disk is there twice"),
    "an edge to an unknown tier": ("to: disk", "to: dsk", "{from: ssd", "no tier 'dsk'; did you mean 'disk'"),
    "an unreachable tier": ("  - {from: ssd, to: disk}\n", "", "disk: {", "'disk' can't be reached"),
    "an edge without a trigger": ("when: {watermark: {high: 90%, low: 80%}}", "when: {pressure: false}", "when:", "no trigger"),
    "limit out of a file": ("to: disk}", "to: disk, when: {limit: true}}", "{from: ssd", "limit is for a zswap source"),
    "age without older_than": ("to: disk}", "to: disk, policy: age}", "{from: ssd", "policy age needs older_than"),
    "two tiers with one file": (
        "capacity: 1M}\n  disk: {kind: file, capacity: 8M", "capacity: 1M, path: a}\n  disk: {kind: file, capacity: 8M, path: ./a",
        "./a", "'ssd' and 'disk' have one file"),
    "a capacity below one cluster": ("capacity: 1M", "capacity: 512K", "512K", "at least one cluster of 256 pages, 1M"),
    "a level that there is not": ("10%}", "10%, level: 0}", "0}\n  ssd", "acceleration, 1 to 65537, not 0"),
    "a second name in a tier": ("10%}", "10%, name: fast}", "fast", "it is 'zswap', as the key above says; leave this one out"),
    "an empty path": ("capacity: 1M", 'capacity: 1M, path: ""', '""', "path is the name of a file"),
    "a path with a zero byte": ("capacity: 1M", 'capacity: 1M, path: "a\\0b"', '"a\\0b"', "path is the name of a file"),
    "a tier name that no kernel takes": ("  ssd:", "  s.d:", "s.d", "letters, digits and underscores"),
    "a priority for one only": ("capacity: 1M", "capacity: 1M, priority: 3", "zswap: {", "no priority but 'ssd' has"),
    "a bad cgroup path": ("  /web:", "  web:", "web: {", "cgroup"),
    "a limit that can't hold a batch": ("memory.max: 1M", "memory.max: 64K", "64K", "can't hold one batch of reclaim"),
    "an unknown tier in a limit": (
        "{memory.max: 1M}", "{memory.swap.tiers.max: {dsk: 0}}", "dsk: 0", "no tier 'dsk'; did you mean 'disk'"),
    "an unknown tier in a protection": (
        "{memory.max: 1M}", "{memory.swap.tiers.low: {dsk: 1M}}", "dsk: 1M", "no tier 'dsk'; did you mean 'disk'"),
    "a protection of no size": ("{memory.max: 1M}", "{memory.swap.tiers.low: {disk: lots}}", "lots", "a size like .* is wanted"),
    "protections that are none": ("{memory.max: 1M}", "{memory.swap.tiers.low: 5}", "5}\nwork", "mapping .* wanted, not 5"),
    "a share that there is not": ("to: disk}", "to: disk, share: borow}", "borow", "did you mean 'borrow'"),
    "limits per tier that are none": ("{memory.max: 1M}", "{memory.swap.tiers.max: 5}", "5}\nwork", "mapping .* wanted, not 5"),
    "too many workloads": (
        "run:", "  - {cgroup: /x, kind: scan, pages: 1}\n" * 255 + "run:", "{cgroup: /x", "257 workloads; at most 256"),
    "no workload": (GOOD[GOOD.index("workloads"):GOOD.index("run:")], "", "version", "no workload"),
    "contents that there are not": ("refs: 1000", "refs: 1000, contents: txt", "txt", "'txt'; the nearest is 'text'"),
    "contents of no files": ("refs: 1000", "refs: 1000, contents: {files: '*.none'}", "{files", "no file .* matches"),
    "shares that don't add up": (
        "refs: 1000", "refs: 1000, contents: {mix: {text: 50%}}", "{mix", "add to 100%, but text 50% make 50%"),
    "a missing trace": ("db.u32", "bd.u32", "bd.u32", "there is no trace"),
    "a truncated trace": ("db.u32", "cut.u32", "cut.u32", "truncated"),
    "a truncated compressed trace": ("db.u32", "cut.u32.zst", "cut.u32.zst", "truncated"),
    "a missing trace in a sequence": (
        "run:", "  - {cgroup: /db, kind: sequence, steps: [{kind: trace, path: bd.u32}]}\nrun:", "bd.u32", "there is no trace"),
    "pages beyond `pages` in a sequence": (
        "run:", "  - {cgroup: /db, kind: sequence, steps: [{kind: trace, path: db.u32, pages: 7}]}\nrun:", "7}]", "refers to page 99"),
    "a trace of something else": ("db.u32", "text.u32.zst", "text.u32", "not zstd data"),
    "pages beyond `pages`": ("pages: 100", "pages: 99", "99}", "refers to page 99, but `pages` is 99"),
    "an action with an unknown source": (
        "run:", "actions: [{at: 1s, demote: 1M, source: zswp}]\nrun:", "{at:", "no tier 'zswp'; did you mean 'zswap'"),
    "an action where no edge leads": (
        "run:", "actions: [{at: 1s, demote: 1M, source: disk}]\nrun:", "{at:", "no edge leads from 'disk'"),
    "an action for an unknown cgroup": (
        "run:", "actions: [{at: 1s, demote: 1M, source: ssd, cgroup: /wbe}]\nrun:", "{at:", "no cgroup '/wbe'"),
    "a controller of no kind": ("run:", "controllers: [{source: ssd}]\nrun:", "{source", "'kind' is missing: psi, prom"),
    "a controller of another kind": ("run:", "controllers: [{kind: pis, source: ssd}]\nrun:", "pis", "did you mean 'psi'"),
    "a key of another kind": (
        "run:", "controllers: [{kind: psi, source: ssd, history: 5}]\nrun:", "history", "no key 'history'.*gain"),
    "a rate without its unit": (
        "run:", "controllers: [{kind: promotion-rate, source: ssd, target: 5%}]\nrun:", "5%}", "a rate like 0.2%/min"),
    "a target of nothing": (
        "run:", "controllers: [{kind: psi, source: ssd, target: 0%}]\nrun:", "{kind: psi", "target is a share above 0%"),
    "a controller with an unknown source": (
        "run:", "controllers: [{kind: psi, source: zswp}]\nrun:", "{kind: psi", "psi: .*'zswp'; did you mean 'zswap'"),
    "a controller where no edge leads": (
        "run:", "controllers: [{kind: psi, source: ssd, to: zswap}]\nrun:", "{kind: psi", "no edge leads from 'ssd' to 'zswap'"),
    "a controller for an unknown cgroup": (
        "run:", "controllers: [{kind: psi, source: ssd, cgroup: /wbe}]\nrun:", "{kind: psi", "no cgroup '/wbe'"),
    "a shrinker of something else": (
        "run:", "controllers: [{kind: zswap-shrinker, source: ssd}]\nrun:", "{kind: zswap-sh", "a zswap tier, not 'ssd'"),
    "a shrinker of resident pages": (
        "run:", "controllers: [{kind: zswap-shrinker, source: resident}]\nrun:", "{kind: zswap-sh", "not 'resident'"),
    "an edge for resident pages": (
        "run:", "controllers: [{kind: psi, source: resident, to: ssd}]\nrun:", "{kind: psi", "leave `to` out"),
    "a start in the wrong unit": ("refs: 1000", "refs: 1000, start: 2s", "2s", "start is a share"),
    "a variant of a variant": ("run:", "variants: {a: {variants: {}}}\nrun:", "variants: {}", "can't have variants of its own"),
    "an unknown key in a variant": ("run:", "variants: {a: {rma: 1M}}\nrun:", "rma", "'rma'.*'ram'"),
    "a bad variant name": ("run:", "variants: {a b: {}}\nrun:", "a b", "variant's name"),
    "another version": ("version: 1", "version: 2", "2\nram", "1 is wanted, not 2"),
    "nested too deep": ("ram: 16M", "ram: " + "[" * 3000 + "]" * 3000, "", "nested deeper than 64"),
    "nested too deep in blocks": ("ram: 16M", "ram:\n" + "".join(" " * i + "a:\n" for i in range(1, 200)), "", "nested deeper"),
    "an alias bomb": (
        "ram: 16M",
        "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)),
        "", "aliases expand"),
    "no YAML": ("ram: 16M", "ram: [", "", "not YAML"),
    "a tab": ("  /web:", "\t/web:", "\t/web", "not YAML"),
    "a second document": ("run:", "---\nrun:", "---", "second document"),
    "a tag": ("ram: 16M", "ram: !!python/object:os.system 1", "!!python", "tag"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    words = np.arange(100, dtype="<u4").tobytes()
    (tmp_path / "db.u32").write_bytes(words)
    (tmp_path / "cut.u32").write_bytes(words[:-1])
    (tmp_path / "cut.u32.zst").write_bytes(zstandard.compress(words * 50)[:-3])
    (tmp_path / "text.u32.zst").write_bytes(b"not zstd at all")
    return tmp_path


def place_of(token: str, text: str) -> str:
    before = text[: text.rindex(token)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


def fails(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """Run the command line; its one line of error."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    assert ended.value.code == code
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err
    return said.err.rstrip("\n")


def test_the_good_config_is_good(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Or else every row below fails for another reason than its own."""
    (folder / "c.yaml").write_text(GOOD)
    main(["run", "--quiet", "c.yaml"])
    main(["check", "--quiet", "c.yaml"])


@pytest.mark.parametrize("row", ROWS)
def test_bad_input(folder: Path, capsys: pytest.CaptureFixture[str], row: str) -> None:
    """The place, the words, the exit code; `run` and `check` alike; no file made, not even the folder for results."""
    old, new, token, words = ROWS[row]
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    (folder / "c.yaml").write_text(text)
    before = sorted(folder.iterdir())
    error = fails(capsys, "run", "c.yaml", "--out", "results/new")
    assert error.startswith(f"c.yaml:{place_of(token, text)}" if token else "c.yaml:"), error
    assert re.search(words, error), error
    assert fails(capsys, "check", "c.yaml") == error
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        ("path: no/such/folder/x", "5:.*no folder"),
        ("path: db.u32/x", "5:.*no folder"),
        ("path: db.u32", "5:.*is there already"),
        (f"path: {'a' * 300}", "5:.*too long"),
    ],
)
def test_files_that_cannot_be_made(folder: Path, capsys: pytest.CaptureFixture[str], tier: str, words: str) -> None:
    """Looked at before the run; somebody's file of that name is not touched."""
    (folder / "c.yaml").write_text(GOOD.replace("capacity: 1M", f"capacity: 1M, {tier}").replace("sizes", "real"))
    before = (folder / "db.u32").read_bytes()
    assert re.search(words, fails(capsys, "run", "c.yaml"))
    assert (folder / "db.u32").read_bytes() == before


def test_a_disk_with_too_little_room(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not found out in the middle of a run. Without bytes there is nothing to keep room for."""
    (folder / "c.yaml").write_text(GOOD.replace("capacity: 8M", "capacity: 900T").replace("sizes", "real"))
    assert re.search(
        r"c.yaml:6:32: tier 'disk': .* free, and the tiers on it want 900T", fails(capsys, "run", "c.yaml")
    )
    main(["run", "--quiet", "c.yaml", "--set", "run.payload=sizes", "--set", "tiers.disk.capacity=1T"])


def test_more_memory_than_there_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Found out before the run, by tier, not as a failed mapping in the middle of it."""
    text = GOOD.replace("{kind: file, capacity: 8M}", "{kind: memory, capacity: 900T}").replace("sizes", "real")
    (folder / "c.yaml").write_text(text)
    error = fails(capsys, "run", "c.yaml")
    assert re.search("c.yaml:6:34: tier 'disk': this machine has .* of memory, and the memory tiers want 900T", error)


@pytest.mark.parametrize("row", ["a cycle", "an alias bomb", "a missing trace"])
def test_bad_input_from_a_shell(folder: Path, row: str) -> None:
    """As a user meets it: exit code 2, nothing on stdout, one line on stderr, nothing in the folder or the temporary one."""
    old, new, _, words = ROWS[row]
    (folder / "c.yaml").write_text(GOOD.replace(old, new, 1).replace("sizes", "real"))
    (folder / "scratch").mkdir()
    before = sorted(folder.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-m", "swaptiers", "run", "c.yaml", "--out", "results/new"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "scratch")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("c.yaml:")
    assert re.search(words, done.stderr)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "c.yaml", "--jobs", "0"], "jobs is at least 1"),
        (["run", "c.yaml", "--variant", "bsae"], "no such variant; did you mean 'base'"),
        (["run", "c.yaml", "--set", "ram"], "--set ram: a setting is KEY=VALUE"),
        (["run", "c.yaml", "--set", "rma=1M"], "--set rma=1M: .*'rma'.*'ram'"),
        (["run", "c.yaml", "--set", "tiers.zwap.max_pool=1M"], "no key 'zwap' here; did you mean 'zswap'"),
        (["run", "c.yaml", "--set", "edges.7.batch=1"], "'7' is no place in this list of 2"),
        (["run", "c.yaml", "--set", "edges.0.batch=0"], "batch must be >= 1"),
        (["run", "c.yaml", "--set", "ram.x=1"], "single value above it"),
        (["run", "c.yaml", "--seed", "-1"], "seed must be >= 0"),
        (["run", "c.yaml", "--out", "db.u32"], "--out db.u32: .*not a folder"),
        (["run", "c.yaml", "--out", "db.u32/x"], "--out db.u32/x: .*not a folder"),
        (["run", "missing.yaml"], "missing.yaml: can't be read: No such file"),
        (["run", "."], ".: can't be read: Is a directory"),
        (["run", "db.u32"], "db.u32"),
        (["check", "empty.yaml"], "empty.yaml:1:1: the text is empty"),
        (["check", "list.yaml"], "list.yaml:1:1: the config is a mapping"),
        (["check", "latin.yaml"], "latin.yaml: byte 9 is not UTF-8"),
        (["graph", "c.yaml", "--variant", "x"], "no such variant"),
    ],
)
def test_bad_options_and_files(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """The option is named as the file is."""
    (folder / "c.yaml").write_text(GOOD)
    (folder / "empty.yaml").write_text("# nothing\n")
    (folder / "list.yaml").write_text("- 1\n")
    (folder / "latin.yaml").write_bytes(b"version: \xff")
    assert re.search(words, fails(capsys, *arguments))


def test_variants_at_the_same_time_cannot_share_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes with one swap file would overwrite each other."""
    text = GOOD.replace("capacity: 1M", "capacity: 1M, path: swap").replace("sizes}", "real}\nvariants: {a: {}, b: {}}")
    (folder / "c.yaml").write_text(text)
    assert "--jobs 1" in fails(capsys, "run", "c.yaml", "--jobs", "2")
    main(["run", "--quiet", "c.yaml"])
    assert not (folder / "swap").exists()


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run"], ["run", "c.yaml", "--nonsense"], ["graph", "c.yaml", "--format", "x"]]
)
def test_bad_usage(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Click's own errors keep the exit code of a bad call."""
    (folder / "c.yaml").write_text(GOOD)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
