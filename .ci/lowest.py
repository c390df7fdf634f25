"""The lowest versions that pyproject.toml allows, as constraints for pip: one `name==version` a line."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)")


def lowest(extras: list[str]) -> list[str]:
    """Of the dependencies and of these extras. Raises ValueError for one without a lower bound."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], f"{project['name']}[{','.join(extras)}]"]
    found = []
    while wanted:
        requirement = wanted.pop(0)
        own = re.fullmatch(rf"{project['name']}\[(.*)\]", requirement)
        if own is not None:
            for extra in own[1].split(","):
                wanted += project["optional-dependencies"][extra]
            continue
        match = BOUND.fullmatch(requirement)
        if match is None:
            raise ValueError(f"{requirement}: a lower bound is wanted, like name>=1.2")
        found.append(f"{match[1]}=={match[2]}")
    return found


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest(sys.argv[1:])) + "\n")
