"""Every fenced block in docs/ is run, loaded, or names the test that does it; those that can't be are few and say why."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from ruamel.yaml import YAML

import swaptiers as st
from swaptiers.cli import COMMANDS, main
from swaptiers.config import keys_of
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.spec import ExperimentSpec

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
EXAMPLES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.py")))
MOST_NOT_RUN = 4
FENCE = re.compile(r"(?:^<!-- ([^\n]*?) -->\n)?^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOT_COMMANDS = ("", "text", "mermaid")
"""What programs print, and drawings."""
BASES = {
    "four tiers": """
        tiers:
          zswap: {kind: zswap}
          dense: {kind: zswap, compressor: zstd}
          ssd: {kind: file, capacity: 8M}
          disk: {kind: file, capacity: 8M}
        cgroups: {/batch: {}}
        workloads: [{cgroup: /batch, kind: scan, pages: 10}]
    """,
}


@attrs.frozen
class Block:
    page: str
    mark: str
    language: str
    text: str

    @property
    def is_run(self) -> bool:
        return not self.mark.startswith(("tested: ", "not run: "))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = [Block(page.name, *(part or "" for part in match)) for match in FENCE.findall(text)]
    assert len(found) * 2 == len(re.findall(r"^```", text, re.MULTILINE)), f"{page.name}: a fence is not closed"
    return [block for block in found if block.language not in NOT_COMMANDS and not block.language.startswith("{")]


ALL = [block for page in PAGES for block in blocks(page)]


def of(language: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{block.page}-{number}")
        for number, block in enumerate(ALL)
        if block.language == language and block.is_run and block.page != "tutorial.md"
    ]


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    """A block in another language would be passed over in silence."""
    assert len(ALL) > 20
    assert {block.language for block in ALL if block.is_run} <= {"python", "yaml", "sh", "toml"}
    not_run = [block for block in ALL if block.mark.startswith("not run: ")]
    assert len(not_run) <= MOST_NOT_RUN, not_run
    assert all(len(block.mark) > 20 for block in not_run)


@pytest.mark.parametrize("block", [block for block in ALL if block.mark.startswith("tested: ")], ids=lambda b: b.page)
def test_the_named_tests_are_there(block: Block) -> None:
    """A renamed test takes its block's mark with it."""
    file, name = block.mark.removeprefix("tested: ").split("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("block", of("python"))
def test_python(block: Block, clone: Path) -> None:
    """It is part of a program in examples/, all of which run, or it runs as it stands."""
    if block.text.strip() not in EXAMPLES:
        exec(compile(block.text, block.page, "exec"), {"__name__": "docs"})


@pytest.mark.parametrize("block", of("toml"))
def test_toml(block: Block) -> None:
    """It is TOML."""
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml(block: Block, clone: Path) -> None:
    """A whole config loads; a part loads over another one (`over: FILE`), line by line under `edges.0` where it says so."""
    for number, config in enumerate(configs(block)):
        path = config[0].with_name(f"{config[0].stem}-{number}.yaml")
        path.write_text(json.dumps(config[1], indent=1))  # which is YAML, in the same order
        assert load_experiment(path).variants


def configs(block: Block) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Whole configs that the block stands for, each with a file beside which it belongs."""
    yaml = YAML(typ="safe")
    name = block.mark.removeprefix("over: ") if block.mark.startswith("over: ") else "tiers.yaml"
    base = yaml.load(textwrap.dedent(BASES[name])) if name in BASES else yaml.load(Path(name))
    place = Path("it.yaml") if name in BASES else Path(name)
    if block.mark == "each line under edges.0":
        for line in block.text.splitlines():
            yield Path("tiers.yaml"), {**base, "edges": [{**base["edges"][0], **yaml.load(line)}, *base["edges"][1:]]}
        return
    part = yaml.load(block.text)
    if {"tiers", "workloads"} <= part.keys():
        yield Path("it.yaml"), part
        return
    known = {*base, "edges", "actions", "controllers", "variants", "version"}
    tiers = {key: part.pop(key) for key in [*part] if key not in known}  # a tier by itself
    whole = {**base, "tiers": {**base["tiers"], **tiers}, **part}
    if "variants" not in part:
        whole.pop("variants", None)
    yield place, {**whole, "on_full": "spill"} if "edges" in part else whole


@pytest.mark.parametrize("block", of("sh"))
def test_commands(block: Block, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They run; programs of examples/ have tests of their own, which are there."""
    for words in commands(block.text):
        if words[:1] == ["python"]:
            tried = (ROOT / "tests/examples/test_examples.py").read_text(encoding="utf-8")
            assert f'output("{Path(words[1]).stem}"' in tried, words
        else:
            run(words, capsys)


def commands(text: str) -> list[list[str]]:
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def run(words: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    """What a line of `swaptiers ...` says, its output redirected where it asks for that."""
    assert Path(words[0]).name == "swaptiers", words
    into = words.index(">") if ">" in words else len(words)
    try:
        main(words[1:into])
        ended = 0
    except SystemExit as end:
        ended = int(end.code or 0)
    said = capsys.readouterr()
    assert ended == code, said.err
    if into < len(words):
        Path(words[into + 1]).write_text(said.out)
    return said.out + said.err


def test_the_book_has_every_page() -> None:
    """A page in no toctree is found by nobody who reads on."""
    named = re.findall(r"^[\w.-]+$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted([*named, "index"]) == [page.stem for page in PAGES]


def test_the_generated_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key, every command and every public name is in its table."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    keys, commands_, api = (importlib.import_module(name).text() for name in ("keys", "command_line", "api"))
    for key in keys_of(ExperimentSpec) - {"name", "path", "kind"}:
        assert f"| `{key}` |" in keys, key
    assert all(row.split(" | ")[-1] != " |" for row in keys.splitlines() if row.startswith("| `"))
    assert all(f"`swaptiers {name}`" in commands_ for name in COMMANDS)
    assert all(f"swaptiers.{name}\n" in api for name in st.__all__ if name not in ("__version__", "control"))


def test_the_tutorial(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From its first command on, in order; what it shows is what they print. (In a fresh environment: tests/slow.)"""
    said = ""
    for mark, language, text in FENCE.findall((DOCS / "tutorial.md").read_text(encoding="utf-8")):
        if language == "yaml":
            Path(re.match(r"# (\S+)\n", text)[1]).write_text(text)  # type: ignore[index]
        elif language == "text":
            assert text.rstrip() in said
        else:
            code = int(mark.removeprefix("exits with ") or 0)
            lines = [words for words in commands(text) if Path(words[0]).name == "swaptiers"]
            said = "".join(run(words, capsys, code) for words in lines)
    assert {"results", "occupancy.svg"} <= {path.name for path in clone.iterdir()}


def test_what_the_tutorial_says_of_its_numbers(clone: Path) -> None:
    """Its three rows, and the sum."""
    (text,) = re.findall(r"```yaml\n(# shop.yaml.*?)```", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
    Path("shop.yaml").write_text(text)
    variants = st.run("shop.yaml", sets=["run.payload=sizes"]).variants
    spill, demote, large = (variants[name] for name in ("spill", "demote", "large"))
    means = [each.fault_latency_ns.mean or 0 for each in (spill, demote, large)]
    assert means == sorted(means, reverse=True)
    written = [each.tiers["ssd"].written_bytes for each in (spill, demote, large)]
    assert written == sorted(written, reverse=True)
    assert spill.faults < demote.faults < large.faults
