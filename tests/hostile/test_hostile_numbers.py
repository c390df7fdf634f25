"""Numbers and names that nobody would write in good faith: found by `check`, with a place, in one short sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swaptiers.cli import main

LONG = "x" * 5000
BASE = """\
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 1M}
  disk: {kind: file, capacity: 8M}
cgroups:
  /web: {memory.max: 1M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 500, refs: 1000}
run: {payload: sizes}
"""
ZIPF = "kind: zipf, pages: 500, refs: 1000"
BIG = "  - {cgroup: /a, kind: uniform, pages: 300000000, refs: 2251799813685248, think: 0}\n"
# what to change, into what, where it must point (line), what it must say
ROWS: dict[str, tuple[str, str, int, str]] = {
    "references": ("refs: 1000", f"refs: {10**30}", 8, "1e+30 references so far"),
    "references together": ("run:", BIG + BIG + "run:", 10, "references so far"),
    "passes": (ZIPF, f"kind: scan, pages: 500, passes: {10**30}", 8, "5e+32 references so far"),
    "passes of a trace": (ZIPF, f"kind: trace, path: t.u32, passes: {10**30}", 8, "references so far"),
    "steps": (ZIPF, f"kind: sequence, steps: [{{kind: scan, pages: 5, passes: {10**30}}}]", 8, "references so far"),
    "pages": ("pages: 500", f"pages: {10**30}", 8, "pages must be <= 1073741824"),
    "pages together": ("run:", BIG.replace("2251799813685248", "1") * 15 + "run:", 0, "pages so far"),
    "think": ("refs: 1000", "refs: 1000, think: 300000h", 8, "more than 36 years"),
    "latency": ("8M}", "8M, latency: {call: 1h}}", 4, "a latency is at most 10min, not 1h"),
    "bandwidth": ("8M}", "8M, bandwidth: 1/s}", 4, "bandwidth is at least 1K/s, not 1/s"),
    "capacity": ("8M}", "900P}", 4, "tier 'disk': capacity is at most 1P, not 900P"),
    "seed": ("run:", f"seed: {10**38}\nrun:", 9, "seed must be <"),
    "level": ("max_pool: 1M", f"max_pool: 1M, level: {10**38}", 3, "1 to 65537"),
    "priority": ("max_pool: 1M", f"max_pool: 1M, priority: {10**38}", 0, "no priority"),
    "batch": ("run:", f"edges: [{{from: zswap, to: disk, batch: {10**30}}}]\nrun:", 9, "batch must be <= 1024"),
    "repeat": ("sizes", f"sizes, repeat: {10**30}", 9, "repeat must be <= 1000"),
    "a tier's name": ("run:", f"edges: [{{from: zswap, to: {LONG}}}]\nrun:", 9, "there is no tier 'xxxx"),
    "an action's tier": ("run:", f"actions: [{{at: 1s, evacuate: {LONG}}}]\nrun:", 9, "there is no tier 'xxxx"),
    "a controller's tier": ("run:", f"controllers: [{{kind: psi, source: {LONG}}}]\nrun:", 9, "there is no tier 'xxxx"),
    "a shrinker's tier": ("run:", f"controllers: [{{kind: zswap-shrinker, source: {LONG}}}]\nrun:", 9, "no tier 'xxxx"),
    "a rate": ("run:", f"controllers: [{{kind: promotion-rate, source: zswap, target: {LONG}}}]\nrun:", 9, "like 0.2%/min"),
    "a policy": ("run:", f"edges: [{{from: zswap, to: disk, policy: {LONG}}}]\nrun:", 9, "not 'xxxx"),
    "a policy's module": ("run:", f"edges: [{{from: zswap, to: disk, policy: {LONG}:X}}]\nrun:", 9, "policy xxxx"),
    "a file's name": ("refs: 1000", f"refs: 1000, contents: {{files: {LONG}}}", 8, "can't be read (File name too long)"),
    "a trace's name": (ZIPF, f"kind: trace, path: {LONG}", 8, "File name too long"),
    "a key": ("run:", f"? {LONG}\n: 5\nrun:", 9, "there is no key 'xxxx"),
    "a cgroup's name": ("run:", f"actions: [{{at: 1s, evacuate: disk, cgroup: /{LONG}}}]\nrun:", 9, "cgroup's path"),
    "variants": ("run:", "actions: [" + ", ".join(["{at: 1s, evacuate: disk}"] * 30) + "]\nvariants: {" + ", ".join(f"v{i}: {{}}" for i in range(3000)) + "}\nrun:", 10, "3000 variants of a config"),
    "steps upon steps": (
        ZIPF, "kind: sequence, steps: [" + ", ".join(["{kind: scan, pages: 5}"] * 9000) + "]", 8, "more than 20000 values"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_it_is_found_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], row: str
) -> None:
    """Not in the middle of a run, not as an overflow; and no sentence has more than 600 characters."""
    old, new, line, words = ROWS[row]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.u32").write_bytes(np.arange(10, dtype="<u4").tobytes())
    text = BASE.replace(old, new, 1)
    assert text != BASE
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["check", "--quiet", "c.yaml"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert words in said
    assert len(said) < 600
    assert said.count("\n") == 1
    if line:
        assert said.startswith(f"c.yaml:{line}:"), said


def test_the_virtual_clock_does_not_wrap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A device of ten minutes a page under a million of writes nobody waits for: 73 years and it ends, never a negative time."""
    text = BASE.replace("8M}", "8M, latency: {call: 10min}, bandwidth: 1K/s}").replace("max_pool: 1M", "max_pool: 4K")
    text = text.replace(ZIPF, "kind: scan, pages: 2000, passes: 2500, writes: 100%")
    (tmp_path / "c.yaml").write_text(
        text.replace("/web: {memory.max: 1M}", "/web: {memory.max: 1M, memory.zswap.max: 0}")
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", "--quiet", str(tmp_path / "c.yaml"), "--set", "run.sample=300000h"])
    said = capsys.readouterr()
    assert ended.value.code == 1, said
    assert "the virtual clock has passed 73 years" in said.err
