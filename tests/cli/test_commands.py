"""`check`, `graph`, `init`, `--version`, `--help`, and how little they load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import swaptiers
from swaptiers.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent.parent


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(list(arguments))
    return capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "dot", "mermaid"])
def test_graph(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Every tier and every edge with its terms; a variant's own edges."""
    config = str(ROOT / "tiers.yaml")
    drawn = said(capsys, "graph", config, "--format", form)
    for words in ("zswap", "ssd", "disk", "lz4", "512M", "lru on pressure, watermark 90% to 85%"):
        assert words in drawn
    assert len(re.findall(r"->|-->", drawn)) == 2
    kernel = said(capsys, "graph", config, "--format", form, "--variant", "kernel")
    assert kernel.count("second-chance on limit") == 2
    none = said(capsys, "graph", config, "--format", form, "--variant", "overflow")
    assert not re.findall(r"->|-->", none)


def test_dot_is_dot(capsys: pytest.CaptureFixture[str]) -> None:
    """As Graphviz wants it: a digraph of quoted labels."""
    lines = said(capsys, "graph", str(ROOT / "tiers.yaml"), "--format", "dot").splitlines()
    assert (lines[0], lines[-1]) == ("digraph tiers {", "}")
    assert '  zswap -> ssd [label="lru on pressure, watermark 90% to 85%"];' in lines


def test_init(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes is good and runs; it never overwrites without being told to."""
    monkeypatch.chdir(tmp_path)
    assert "swaptiers run tiers.yaml" in said(capsys, "init")
    text = Path("tiers.yaml").read_text()
    assert said(capsys, "init", "-") == text
    main(["check", "--quiet", "tiers.yaml"])
    assert capsys.readouterr().err == ""
    said(capsys, "run", "tiers.yaml", "--quiet", "--set", "run.payload=sizes")
    Path("tiers.yaml").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        main(["init"])
    assert ended.value.code == 2
    assert "--force" in capsys.readouterr().err
    assert Path("tiers.yaml").read_text() == "mine"
    said(capsys, "init", "--force")
    assert Path("tiers.yaml").read_text() == text
    with pytest.raises(SystemExit):
        main(["init", "no/such/folder.yaml"])
    assert "can't be written" in capsys.readouterr().err


def test_check_prints_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    """With its default where the config has none; the variants by what they change."""
    printed = said(capsys, "check", str(ROOT / "tiers.yaml"))
    for words in (
        "accept_threshold: 90%",
        "legacy_swap_charge: false",
        "memory.swap.max: max",
        "batch: 64",
        "demotion: {}",
    ):
        assert words in printed
    resolved = said(capsys, "check", str(ROOT / "tiers.yaml"), "--variant", "kernel", "--set", "run.payload=sizes")
    assert "variants" not in resolved
    assert "second-chance" in resolved
    assert "payload: sizes" in resolved


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("cgroups./web.memory.zswap.max=max", "memory.zswap.max prevents that"),
        ("workloads.0.rate=2", "some workloads have a rate"),
        ("edges.0.when={request: true}", "no action or controller asks"),
    ],
)
def test_check_gives_advice(capsys: pytest.CaptureFixture[str], change: str, words: str) -> None:
    """Allowed, seldom meant: a sentence on stderr, exit code 0. The reference experiment needs none."""
    options = ["--variant", "demotion", "--set", change, "--set", "tiers.zswap.max_pool=40M"]
    main(["check", "--quiet", str(ROOT / "tiers.yaml"), *options])
    assert words in capsys.readouterr().err
    main(["check", "--quiet", str(ROOT / "tiers.yaml")])
    assert capsys.readouterr().err == ""


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command says what it is for."""
    main(["--version"])
    assert capsys.readouterr().out == f"swaptiers, version {swaptiers.__version__}\n"
    for arguments in ([], *([name] for name in COMMANDS)):
        main([*arguments, "--help"])
        text = capsys.readouterr().out
        assert text.startswith("Usage: swaptiers")
        assert all(name in text for name in COMMANDS) or arguments


@pytest.mark.parametrize("statement", ["import swaptiers", "from swaptiers.cli import main; main(['--help'])"])
def test_little_is_loaded(statement: str) -> None:
    """Help in a tenth of a second: numba and networkx are imported when they are used."""
    program = f"import sys\ntry:\n    {statement}\nexcept SystemExit: pass\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )  # fmt: skip
    loaded = done.stderr
    assert "'swaptiers'" in loaded
    for heavy in ("numba", "networkx", "numpy", "zstandard", "ruamel.yaml"):
        assert f"'{heavy}'" not in loaded, heavy


def test_public_names() -> None:
    """Everything in __all__ can be imported, and nothing else is offered."""
    for name in swaptiers.__all__:
        assert getattr(swaptiers, name) is not None
    assert dir(swaptiers) == sorted(swaptiers.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = swaptiers.nonsense  # type: ignore[attr-defined]
