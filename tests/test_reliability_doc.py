"""docs/reliability.md promises nothing that no test holds it to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = [
    line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| what happens", "| | |"))
]


def named_in(path: Path) -> set[str]:
    """The functions of a file of tests that pytest collects."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_row_has_its_test() -> None:
    """A promise without one would be a hope."""
    assert len(ROWS) > 40
    for row in ROWS:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 3, row
        assert REFERENCE.search(cells[2]), row
        assert all(cells), row


def test_every_test_is_there() -> None:
    """A test that was renamed or removed takes its promise with it."""
    for file, name in REFERENCE.findall(TEXT):
        assert (ROOT / file).is_file(), file
        assert name in named_in(ROOT / file), f"{file}::{name}"


def test_every_fault_of_the_model_is_there() -> None:
    """The kinds of fault that `swaptiers.testing` can make have a row that speaks of them."""
    for word in (
        "EIO",
        "ENOSPC",
        "short",
        "torn",
        "astray",
        "lost",
        "flip",
        "memory",
        "hang",
        "clock",
        "fork",
        "Ctrl-C",
        "full",
    ):
        assert word in TEXT, word
