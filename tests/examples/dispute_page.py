"""docs/lru-inversion.md as data: what it has below a command, its tables' cells, what its pictures say."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DISPUTE = ROOT / "examples" / "dispute"
PICTURES = ROOT / "docs" / "pictures"
PAGE = (ROOT / "docs/lru-inversion.md").read_text(encoding="utf-8")


def block_of(command: str) -> list[str]:
    """The lines that the page has below a command."""
    return PAGE.split(f"```\n$ python examples/dispute/{command}\n")[1].split("```")[0].splitlines()


def cells_of(table: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """A question's table: row and variant -> cells."""
    cells, row = {}, ""
    for line in table[1:]:
        first, *others = re.split(r"  +", line.strip())
        if line[0] != " ":
            row, first, *others = first, *others
        cells[row, first] = others
    return cells


def said_in(picture: str) -> list[tuple[str, ...]]:
    """Row, variant, heading and figure of every mark of a picture."""
    marks = re.findall(r'aria-label="([^"]+), ([^",:]+): ([^"]+?) ([-\d.,]+ ±[\d.,]+)"', picture)
    return [tuple(map(html.unescape, mark)) for mark in marks]
