"""The file tier on a real file: slots, runs, errors, and what is left behind (nothing)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swaptiers.errors import ConfigError
from swaptiers.tiers.file import FileTier

PAGE = 4096


def pages_of(n: int, seed: int = 0) -> list[Any]:
    rows = np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)
    return [row.tobytes() for row in rows]


def slots_of(*slots: int) -> Any:
    return np.array(slots, np.int64)


def load(tier: FileTier, *slots: int) -> list[bytes]:
    return [bytes(page) for page in tier.load(slots_of(*slots), np.full(len(slots), PAGE, np.int32))]


@pytest.mark.parametrize("direct", [False, True])
def test_pages_come_back_from_their_slots(tmp_path: Path, direct: bool) -> None:
    """Neighbours are written together, whatever the order of the batch; slots in between keep what they had."""
    tier = FileTier("disk", 64, PAGE, tmp_path / "swap", direct=direct)
    pages = pages_of(8)
    slots = (5, 3, 4, 60, 10, 9, 11, 0)
    tier.store(slots_of(*slots), pages)
    assert load(tier, *slots) == pages
    assert load(tier, 4) == [pages[2]]
    tier.store(slots_of(4), pages_of(1, 9))
    assert load(tier, 3, 4, 5) == [pages[1], pages_of(1, 9)[0], pages[0]]
    data = (tmp_path / "swap").read_bytes()
    assert len(data) == 64 * PAGE
    assert data[60 * PAGE : 61 * PAGE] == pages[3]
    tier.close()


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("slots", [(5, 6, 7, 8), (5, 3, 4, 60, 10, 9, 11, 0), (7,)])
def test_rows_are_what_pages_are(tmp_path: Path, direct: bool, slots: tuple[int, ...]) -> None:
    """Neighbours and others, out of memory side by side and back into it; the way of pages one by one is the witness."""
    tier = FileTier("disk", 64, PAGE, tmp_path / "swap", direct=direct)
    pages = pages_of(len(slots))
    tier.store_rows(slots_of(*slots), np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE))
    assert load(tier, *slots) == pages
    rows = np.empty((len(slots) + 1, PAGE), np.uint8)
    rows[-1] = 7
    tier.load_rows(slots_of(*slots), rows[:-1])
    assert [row.tobytes() for row in rows] == [*pages, b"\x07" * PAGE]
    tier.close()
    with pytest.raises(OSError, match="descriptor"):
        tier.load_rows(slots_of(*slots), rows[:-1])


def test_a_batch_is_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write per page would cost eight times as much."""
    tier = FileTier("disk", 1024, PAGE, tmp_path / "swap")
    calls: list[int] = []
    real = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda fd, parts, at: calls.append(len(parts)) or real(fd, parts, at))
    tier.store(np.arange(600)[::-1].copy(), pages_of(600))
    assert calls == [512, 88]
    tier.close()


def test_short_writes_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may write less than it was given."""
    tier = FileTier("disk", 64, PAGE, tmp_path / "swap")
    real = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda fd, parts, at: real(fd, [bytes(parts[0])[:1000]], at))
    pages = pages_of(5)
    tier.store(np.arange(5), pages)
    assert load(tier, 0, 1, 2, 3, 4) == pages
    tier.store_rows(np.arange(6, 11), np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE))
    assert load(tier, 6, 7, 8, 9, 10) == pages
    tier.close()


def test_a_file_that_shrank_is_an_error(tmp_path: Path) -> None:
    """Zeros for what is missing would be somebody's page."""
    tier = FileTier("disk", 64, PAGE, tmp_path / "swap")
    tier.store(np.arange(5), pages_of(5))
    os.truncate(tmp_path / "swap", 2 * PAGE + 7)
    for slots in ((2,), (1, 2, 3)):
        with pytest.raises(OSError, match="shorter"):
            load(tier, *slots)
        with pytest.raises(OSError, match="shorter"):
            tier.load_rows(slots_of(*slots), np.empty((len(slots), PAGE), np.uint8))
    tier.close()


def test_the_file_is_ours_alone_and_goes_with_the_tier(tmp_path: Path) -> None:
    """Pages of a program's memory are nobody else's to read."""
    path = tmp_path / "swap"
    tier = FileTier("disk", 64, PAGE, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tier.close()
    tier.close()
    assert not path.exists()


def test_an_unnamed_file_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if the process is killed: it has no name from the start."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tier = FileTier("disk", 64, PAGE)
    assert list(tmp_path.iterdir()) == []
    tier.store(slots_of(1), pages_of(1))
    assert load(tier, 1) == pages_of(1)
    tier.close()


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder"])
def test_what_is_there_already_is_not_touched(tmp_path: Path, kind: str) -> None:
    """Somebody's file of that name, or a link to one, must not be overwritten or removed."""
    path, other = tmp_path / "swap", tmp_path / "other"
    other.write_text("precious")
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other if kind == "link" else tmp_path / "nothing")
    with pytest.raises(ConfigError, match="there already"):
        FileTier("disk", 64, PAGE, path)
    assert os.path.lexists(path)
    assert other.read_text() == "precious"


def test_a_path_that_cannot_be_made(tmp_path: Path) -> None:
    """Said as a config error that names the tier."""
    with pytest.raises(ConfigError, match=r"tier 'disk'.*can't be made"):
        FileTier("disk", 64, PAGE, tmp_path / "no" / "folder")


def test_too_little_room(tmp_path: Path) -> None:
    """Found out when the tier is made; its file is gone again."""
    with pytest.raises(ConfigError, match="free"):
        FileTier("disk", 1 << 50, PAGE, tmp_path / "swap")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that gets nowhere must not be taken for one that is done."""
    tier = FileTier("disk", 64, PAGE, tmp_path / "swap")
    monkeypatch.setattr(os, "pwritev", lambda *_: 0)
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with pytest.raises(OSError, match="No space") as caught:
        tier.store(slots_of(0), pages_of(1))
    assert caught.value.errno == errno.ENOSPC
    tier.close()
