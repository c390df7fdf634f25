"""docs/custom-tier.md says what is so: its code is the example's, and the names it lists are there."""

from __future__ import annotations

import re
from pathlib import Path

from swaptiers import plugins, testing
from swaptiers.tiers.base import Tier

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "custom-tier.md").read_text(encoding="utf-8")


def test_the_terms_are_the_examples() -> None:
    """A reader who copies the page's class gets the one that is tested."""
    example = (ROOT / "examples" / "custom_tier.py").read_text(encoding="utf-8")
    block = re.search(r"```python\n(@attrs.*?)```", TEXT, re.DOTALL)
    assert block is not None
    assert block[1] in example


def test_the_table_has_every_name_of_the_contract() -> None:
    """A method that is missing in the table would be missing in the reader's tier."""
    rows = re.findall(r"^\| `(.*?)` \|", TEXT.split("## Its terms")[0], re.MULTILINE)
    named = {re.split(r"\W", name)[0] for row in rows for name in row.split("`, `")}
    wanted = {name for name in (*vars(Tier), *Tier.__annotations__) if not name.startswith("_")}
    assert named == wanted


def test_the_groups_and_tools_are_there() -> None:
    """A misspelt group is found by nobody."""
    assert {plugins.TIERS, plugins.CODECS} <= set(re.findall(r"swaptiers\.(?:tiers|codecs)(?=[\"`])", TEXT))
    for name in re.findall(r"^\| `(\w+)", TEXT.split("tests of your own")[1], re.MULTILINE):
        assert name in testing.__all__ or name == "strategies", name
