"""`python -m swaptiers` and the console script: Ctrl-C is taken care of before the first import that takes time."""

from __future__ import annotations

import os


def main() -> None:
    """`swaptiers.cli.main`. A Ctrl-C while that is imported ends the process as one later does."""
    try:
        from swaptiers.cli import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        os.write(2, b"interrupted\n")
        os._exit(130)
    run()


if __name__ == "__main__":
    main()
