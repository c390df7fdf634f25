"""Run every command that stands in docs/lru-inversion.md and put what it prints below it; --check only compares.

python examples/dispute/page.py                  (some minutes; says how long each took)
python examples/dispute/page.py --check
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "lru-inversion.md"
BLOCK = re.compile(r"```\n\$ python (?P<command>examples/dispute/[^\n]+)\n(?P<output>.*?)```", re.DOTALL)


def output(command: str) -> str:
    """What the command prints."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *shlex.split(command)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    print(f"{time.monotonic() - started:5.0f} s  {command}")
    return done


def main() -> None:
    """Bring the page up to date, or say where it is not."""
    text = PAGE.read_text(encoding="utf-8")
    stale = []

    def renewed(block: re.Match[str]) -> str:
        command, printed = block["command"], output(block["command"])
        if printed != block["output"]:
            stale.append(command)
        return f"```\n$ python {command}\n{printed}```"

    text = BLOCK.sub(renewed, text)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif stale:
        sys.exit(f"{PAGE.name} does not have what is printed now by: {'; '.join(stale)}")


if __name__ == "__main__":
    main()
