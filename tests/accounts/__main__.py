"""Write `known.json` anew: ``python -m tests.accounts``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.accounts.labs import LABS, came_of
from tests.accounts.script import Day
from tests.accounts.systems import SYSTEMS
from tests.accounts.test_known_accounts import SEED


def main() -> None:
    """All systems and runs."""
    known: dict[str, Any] = {f"run {name}": came_of(name) for name in sorted(LABS)}
    for name in sorted(SYSTEMS):
        day = Day(SYSTEMS[name](), SEED)
        day.live()
        known[name] = {"said": day.said, "counters": day.counters}
    text = json.dumps(known, indent=0, ensure_ascii=False)
    Path(__file__).with_name("known.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
