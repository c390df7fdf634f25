"""Run every command of docs/lru-inversion.md, put what it prints below it and draw its picture; --check only compares.

python examples/dispute/page.py                  (says how long each took; wants altair and vl-convert-python)
python examples/dispute/page.py --check
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "lru-inversion.md"
BLOCK = re.compile(r"```\n\$ python (?P<command>examples/dispute/[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
QUESTION = re.compile(r"examples/dispute/ask\.py (?P<number>\d)")


def output(command: str, more: Sequence[str] = ()) -> str:
    """What the command prints."""
    started = time.monotonic()
    words = [sys.executable, *shlex.split(command), *more]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    print(f"{time.monotonic() - started:5.0f} s  {command}", flush=True)
    return done


def picture(command: str) -> list[str]:
    """The option that draws the page's picture of the question, where the command is one question whole."""
    question = QUESTION.fullmatch(command)
    return ["--svg", f"docs/pictures/dispute_{question['number']}.svg"] if question else []


def main() -> None:
    """Bring the page up to date, or say where it is not."""
    text = PAGE.read_text(encoding="utf-8")
    is_check = "--check" in sys.argv[1:]
    stale = []

    def renewed(block: re.Match[str]) -> str:
        command = block["command"]
        printed = output(command, [] if is_check else picture(command))
        if printed != block["output"]:
            stale.append(command)
        return f"```\n$ python {command}\n{printed}```"

    text = BLOCK.sub(renewed, text)
    if not is_check:
        PAGE.write_text(text, encoding="utf-8")
    elif stale:
        sys.exit(f"{PAGE.name} does not have what is printed now by: {'; '.join(stale)}")


if __name__ == "__main__":
    main()
