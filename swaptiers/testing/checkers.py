"""What must hold, looked at from outside: every page of a model is in the system, and nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from swaptiers.system import SwapSystem

AT_A_TIME = 256
DESCRIPTORS = Path("/proc/self/fd")


def check_pages(swap: SwapSystem, pages: Mapping[int, bytes]) -> None:
    """The system holds exactly these pages, by entry id, and its accounts balance.

    Reads every page by `peek`, which counts as a use of it now. Raises AssertionError naming the first page that is
    wrong; IntegrityError for an account; what `peek` raises for a page that can't be had.
    """
    swap.check()
    assert len(swap) == len(pages), f"the system holds {len(swap)} entries, the model {len(pages)}"
    ids = list(pages)
    for start in range(0, len(ids), AT_A_TIME):
        part = ids[start : start + AT_A_TIME]
        for entry, page in zip(part, swap.peek(part), strict=True):
            assert page.tobytes() == pages[entry], f"entry {entry:#x} came back with other bytes"


@contextmanager
def nothing_left(folder: str | os.PathLike[str]) -> Iterator[None]:
    """At the end no file is in `folder` that was not there before, and (Linux) no descriptor is open that was not."""
    files, open_before = _files(Path(folder)), descriptors()
    yield
    new = _files(Path(folder)) - files
    assert not new, f"left behind: {', '.join(sorted(map(str, new)))}"
    opened = {number: target for number, target in descriptors().items() if open_before.get(number) != target}
    assert not opened, f"still open: {opened}"


def _files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def descriptors() -> dict[int, str]:
    """Open descriptors and what they are of; none where the system does not say."""
    found: dict[int, str] = {}
    if not DESCRIPTORS.is_dir():
        return found
    for number in map(int, os.listdir(DESCRIPTORS)):
        try:
            found[number] = os.readlink(DESCRIPTORS / str(number))
        except OSError:  # the descriptor of the listing itself
            continue
    return found
