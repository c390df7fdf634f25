"""The file tier where the system says no: no O_DIRECT, no room, a limit in the middle of a batch."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.errors import ConfigError
from swaptiers.tiers.file import FileTier

PAGE = 4096
O_DIRECT = getattr(os, "O_DIRECT", 0)
needs_direct = pytest.mark.skipif(not O_DIRECT, reason="the system has no O_DIRECT")


def raw_pages(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, PAGE), np.uint8)


@pytest.fixture
def refuses_direct(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A file system without O_DIRECT: as Linux does it, the file is made and then opening it fails. The flags of calls."""
    asked: list[int] = []
    real = os.open

    def fake_open(path: Any, flags: int, mode: int = 0o777, **where: Any) -> int:
        asked.append(flags)
        fd = real(path, flags & ~O_DIRECT, mode, **where)
        if flags & O_DIRECT:
            os.close(fd)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return fd

    monkeypatch.setattr(os, "open", fake_open)
    return asked


@needs_direct
def test_without_direct_it_falls_back(tmp_path: Path, refuses_direct: list[int]) -> None:
    """The empty file that the failed attempt left must not count as somebody else's."""
    tier = FileTier("disk", 256, PAGE, tmp_path / "swap", direct=True)
    assert not tier.direct
    assert [bool(flags & O_DIRECT) for flags in refuses_direct] == [True, False]
    pages = [page.tobytes() for page in raw_pages(5)]
    tier.store(np.arange(5), pages)
    assert [bytes(page) for page in tier.load(np.arange(5), np.full(5, PAGE, np.int32))] == pages
    tier.close()
    assert list(tmp_path.iterdir()) == []


@needs_direct
@pytest.mark.parametrize("direct_works", [True, False])
@pytest.mark.parametrize("content", ["", "precious"])
@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_direct_touches_nothing_that_is_there(
    tmp_path: Path, request: pytest.FixtureRequest, direct_works: bool, content: str, kind: str
) -> None:
    """Falling back must not remove a file that was there before, not even an empty one."""
    if not direct_works:
        request.getfixturevalue("refuses_direct")
    path, other = tmp_path / "swap", tmp_path / "other"
    other.write_text(content)
    if kind == "file":
        path.write_text(content)
    else:
        path.symlink_to(other if kind == "link" else tmp_path / "nothing")
    before = os.lstat(path)
    with pytest.raises(ConfigError, match="there already"):
        FileTier("disk", 256, PAGE, path, direct=True)
    assert os.lstat(path).st_ino == before.st_ino
    assert other.read_text() == content


@needs_direct
def test_a_failure_to_open_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no file descriptor left, nobody has looked whether the path was free: what stands there is not ours."""
    path = tmp_path / "swap"
    path.write_text("")

    def no_descriptor(*_: Any, **__: Any) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", no_descriptor)
    with pytest.raises(ConfigError, match="Too many open files"):
        FileTier("disk", 256, PAGE, path, direct=True)
    assert path.exists()


@contextlib.contextmanager
def file_size_limit(nbytes: int) -> Iterator[None]:
    """Until then, writes beyond the limit fail with EFBIG; those that reach across it are cut short first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def system(folder: Path, *, zswap: bool = False) -> st.SwapSystem:
    tiers: list[Any] = [st.ZswapSpec(name="zswap", max_pool="4M")] if zswap else []
    tiers.append(st.FileSpec(name="disk", capacity="4M", path="swap"))
    return st.SwapSystem(tiers, folder=folder, max_entries=1 << 12)


@pytest.mark.parametrize("limit", [130 * PAGE, 130 * PAGE + 1000, 100 * PAGE])
def test_a_write_that_fails_in_the_middle_of_a_batch(tmp_path: Path, limit: int) -> None:
    """The tier holds exactly what it acknowledged: the failed call's pages are out, its slots are free for the next."""
    with system(tmp_path) as swap:
        first, second = raw_pages(100, 1), raw_pages(100, 2)
        ids = swap.swap_out(first)
        with file_size_limit(limit), pytest.raises(st.TierIOError, match="still yours") as caught:
            swap.swap_out(second)
        assert (caught.value.tier, caught.value.errno) == ("disk", errno.EFBIG)
        assert len(swap) == swap.stats().tiers["disk"].entries == 100
        swap.check()
        assert (swap.peek(ids) == first).all()
        more = swap.swap_out(second)
        slots = [int(swap.core.records[int(entry) & 0xFFFF_FFFF].slot) for entry in (*ids, *more)]
        assert len(set(slots)) == 200
        assert (swap.swap_in(more) == second).all()
        assert (swap.swap_in(ids) == first).all()


def test_a_demotion_that_fails_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    """The whole batch stays in zswap, though half of it was written; a batch before it stays on disk."""
    with system(tmp_path, zswap=True) as swap:
        pages = raw_pages(200)
        ids = swap.swap_out(pages)
        with file_size_limit(100 * PAGE), pytest.raises(st.TierIOError, match="64 entries are still in 'zswap'"):
            swap.demote("4M", source="zswap")
        stats = swap.stats()
        assert (stats.tiers["zswap"].entries, stats.tiers["disk"].entries) == (136, 64)
        swap.check()
        assert (swap.peek(ids) == pages).all()
        assert swap.demote("4M", source="zswap").entries == 136
        assert (swap.swap_in(ids) == pages).all()


def test_a_disk_that_is_too_small_is_said_before_anything_is_stored(tmp_path: Path) -> None:
    """The system is not made, the tiers before it have taken their files away, and the sentence says what to change."""
    tiers = [
        st.FileSpec(name="ssd", capacity="4M", path="ssd.swap"),
        st.FileSpec(name="disk", capacity="900T", path="disk.swap"),
    ]
    with pytest.raises(
        st.ConfigError, match=r"tier 'disk'.*free, and the tiers on it want 900T; give a smaller capacity"
    ):
        st.SwapSystem(tiers, folder=tmp_path, max_entries=1 << 12)
    assert list(tmp_path.iterdir()) == []
