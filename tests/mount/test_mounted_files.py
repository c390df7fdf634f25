"""The mount as a file system: names, modes, sizes, and what each system call does to a control file."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounts import echo, mounted, needs_fuse, shell, stat_of, store

import swaptiers as st
from swaptiers.control import ControlTree
from swaptiers.control.filesystem import ControlFilesystem, directly
from swaptiers.control.mounting import Mounted, check_mountable
from tests.control.machines import soft_pages

SWITCH = "memory.zswap.writeback"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[st.SwapSystem, Path]]:
    """A store that is mounted."""
    with store() as swap, mounted(swap, tmp_path_factory.mktemp("mount") / "cgroup") as folder:
        yield swap, folder


@needs_fuse
def test_it_looks_like_cgroupfs(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a wrong name, mode, size or owner."""
    _, folder = here
    lines = shell("ls -l web", folder).stdout.splitlines()[1:]
    shown = {words[-1]: (words[0], words[4]) for words in (line.split() for line in lines)}
    assert shown["memory.reclaim"] == ("--w-------", "0")
    assert shown["memory.stat"] == ("-r--r--r--", "0")
    assert shown["memory.max"] == ("-rw-r--r--", "0")
    assert shown["worker"] == ("drwxr-xr-x", "0")
    assert sorted(os.listdir(folder / "web")) == sorted(shown)
    assert (folder / "web").stat().st_nlink == 3, "one for the cgroup below"
    assert (folder / "web").stat().st_uid == os.getuid()
    found = shell("find . -name memory.stat | sort", folder).stdout.split()
    assert found == ["./db/memory.stat", "./memory.stat", "./web/memory.stat", "./web/worker/memory.stat"]


@needs_fuse
def test_cgroups_are_made_and_removed(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a directory that is only in the mount, or one that stays in the kernel's cache after it is gone."""
    swap, folder = here
    assert shell("mkdir -p db/a/b && ls db/a", folder).stdout.split()[0] == "b"
    assert "/db/a/b" in swap.cgroup_paths()
    assert shell("rmdir db/a", folder).returncode == 1, "a cgroup is below it"
    assert shell("rmdir db/a/b db/a", folder).returncode == 0
    assert "/db/a" not in swap.cgroup_paths()
    swap.cgroup("/elsewhere")
    assert (folder / "elsewhere" / "memory.stat").exists(), "made by somebody else"
    swap.remove_cgroup("/elsewhere")
    assert not (folder / "elsewhere").exists()


@needs_fuse
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo 1 > web/memory.stat", "Permission denied"),
        ("cat web/memory.reclaim", "Permission denied"),
        ("echo 1 > web/no.such.file", "Permission denied"),
        ("rm web/memory.max", "Operation not permitted"),
        ("mv web/memory.max web/other", "Operation not permitted"),
        ("mv web other", "Operation not permitted"),
        ("ln -s memory.max web/link", "Operation not permitted"),
        ("chmod 777 web/memory.max", "Operation not permitted"),
        ("mkdir web/memory.max", "File exists"),
        ("mkdir no/such", "No such file or directory"),
        ("rmdir web", "Device or resource busy"),
        ("rmdir web/memory.max", "Not a directory"),
        ("mkdir zswap/below", "Operation not permitted"),
        ("cat web", "Is a directory"),
    ],
)
def test_what_is_refused(here: tuple[st.SwapSystem, Path], command: str, said: str) -> None:
    """Would catch a call that passes although cgroupfs refuses it, for root too; or another errno."""
    _, folder = here
    done = shell(command, folder)
    assert done.returncode != 0
    assert done.stderr.strip().endswith(said)


@needs_fuse
def test_truncating_appending_and_touching_are_writes_like_others(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch O_TRUNC, O_APPEND or an offset that changes what is written."""
    _, folder = here
    path = folder / "web" / SWITCH
    assert shell(f"echo 0 >> web/{SWITCH}; touch web/{SWITCH}; cat web/{SWITCH}", folder).stdout == "0\n"
    with path.open("rb+", buffering=0) as file:
        assert os.pwrite(file.fileno(), b"1\n", 100) == 2
        assert os.pread(file.fileno(), 100, 0) == b"1\n"
        assert os.pread(file.fileno(), 100, 1) == b"\n"
        os.ftruncate(file.fileno(), 0)
    assert path.read_text() == "1\n"


@needs_fuse
def test_every_write_is_a_request_of_its_own(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch two writes to one open file that are put together, or a refused one that spoils the next."""
    _, folder = here
    file = os.open(folder / "web" / "memory.max", os.O_WRONLY)
    try:
        assert os.write(file, b"8M") == 2
        with pytest.raises(OSError, match="Invalid argument"):
            os.write(file, b"nonsense")
        assert os.write(file, b"12M") == 3
    finally:
        os.close(file)
    assert (folder / "web" / "memory.max").read_text() == f"{12 << 20}\n"
    assert echo("max", "web/memory.max", folder) is None


@needs_fuse
def test_a_large_write_is_too_big(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a write of more than a page whose first page is carried out."""
    _, folder = here
    for size in (4097, 300_000):
        file = os.open(folder / "web" / "memory.max", os.O_WRONLY)
        try:
            with pytest.raises(OSError) as caught:  # noqa: PT011
                os.write(file, b"8M" + b" " * (size - 2))
            assert caught.value.errno == errno.E2BIG
        finally:
            os.close(file)
    assert (folder / "web" / "memory.max").read_text() == "max\n"


@needs_fuse
def test_a_reader_goes_on_in_what_it_began_with(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a text of two moments, cut together."""
    swap, folder = here
    file = os.open(folder / "db" / "memory.stat", os.O_RDONLY)
    try:
        first = os.read(file, 10)
        ids = swap.swap_out(soft_pages(100), "/db")
        rest = b""
        while piece := os.read(file, 10):
            rest += piece
        os.lseek(file, 0, os.SEEK_SET)
        again = os.read(file, 1 << 16)
    finally:
        os.close(file)
    assert b"zswap 0\n" in first + rest
    assert b"zswap 0\n" not in again
    swap.discard(ids)


@needs_fuse
def test_an_open_file_of_a_cgroup_that_is_gone(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch another errno than kernfs's for it, or a write that reaches somebody else."""
    _, folder = here
    (folder / "gone").mkdir()
    file = os.open(folder / "gone" / "memory.max", os.O_RDWR)
    (folder / "gone").rmdir()
    try:
        for use in (lambda: os.read(file, 10), lambda: os.write(file, b"1M")):
            with pytest.raises(OSError) as caught:  # noqa: PT011
                use()
            assert caught.value.errno == errno.ENODEV
    finally:
        os.close(file)


@needs_fuse
def test_zswaps_parameters(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a parameter that does not get through, or an errno that is not the kernel's."""
    swap, folder = here
    assert (folder / "zswap" / "compressor").read_text() == "lz4\n"
    ids = swap.swap_out(soft_pages(20), "/db")
    assert echo("zstd", "zswap/compressor", folder) is None
    ids = [*ids, *swap.swap_out(soft_pages(20, 1), "/db")]
    assert swap.zswap_parameters("zswap").compressor == "zstd"
    assert (folder / "zswap" / "stored_pages").read_text() == "40\n"
    assert echo("lzo-rle", "zswap/compressor", folder) == "ENOENT"
    assert (folder / "zswap" / "compressor").read_text() == "zstd\n"
    assert swap.swap_in(ids).shape == (40, 4096)
    for text, error in (("30", None), ("0x10", None), ("-1", "EINVAL"), ("5%", "EINVAL"), ("5000000000", "ERANGE")):
        assert echo(text, "zswap/max_pool_percent", folder) == error, text
    assert (folder / "zswap" / "max_pool_percent").read_text() == "16\n"
    assert echo("95", "zswap/accept_threshold_percent", folder) is None
    assert swap.zswap_parameters("zswap").accept_threshold_percent == 95
    for text, shown in (("N", "N\n"), ("on", "Y\n"), ("0", "N\n"), ("yes", "Y\n")):
        assert echo(text, "zswap/enabled", folder) is None
        assert (folder / "zswap" / "enabled").read_text() == shown
    assert echo("maybe", "zswap/enabled", folder) == "EINVAL"
    assert echo("1", "zswap/stored_pages", folder) == "EACCES"


@needs_fuse
def test_several_clients_at_once(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a mount that answers one after the other in a deadlock: a write waits while others read."""
    swap, folder = here
    ids = swap.swap_out(soft_pages(3000, 5), "/web/worker")
    failures: list[BaseException] = []

    def use(number: int) -> None:
        try:
            for _ in range(20):
                if number % 2:
                    echo("50K source=zswap", "web/memory.reclaim", folder)
                else:
                    stat_of("web/worker/memory.stat", folder)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    swap.check()
    assert (swap.swap_in(ids) == soft_pages(3000, 5)).all()


@needs_fuse
def test_the_mount_goes_even_if_somebody_is_in_it(tmp_path: Path) -> None:
    """Would catch an end that hangs, or a directory that can't be mounted again."""
    folder = tmp_path / "cgroup"
    with store() as swap:
        with mounted(swap, folder):
            inside = os.open(folder / "web" / "memory.stat", os.O_RDONLY)
        assert not os.path.ismount(folder)
        os.close(inside)
        with Mounted(directly(ControlTree(swap)), folder):
            assert (folder / "vmstat").exists()


@needs_fuse
def test_unmounted_from_outside(tmp_path: Path) -> None:
    """Would catch an end that fails because it came already."""
    folder = tmp_path / "cgroup"
    folder.mkdir()
    with store() as swap, Mounted(directly(ControlTree(swap)), folder) as mount:
        assert shell(f"fusermount3 -u {folder}", tmp_path).returncode == 0
        assert mount.ended.wait(10)
        assert swap.swap_out(soft_pages(3)).shape == (3,)


@needs_fuse
def test_where_nothing_can_be_mounted(tmp_path: Path) -> None:
    """Would catch a mount over somebody's files, or an error that does not say what to do."""
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("")
    for name, why in (("file", "no directory"), ("full", "not empty"), ("missing", "mkdir")):
        with pytest.raises(st.MountError, match=why):
            check_mountable(tmp_path / name)


def test_without_fuse_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a traceback of an import, or a silent failure."""
    monkeypatch.setattr("swaptiers.control.mounting.DEVICE", tmp_path / "fuse")
    with pytest.raises(st.MountError, match="modprobe fuse"):
        check_mountable(tmp_path)
    (tmp_path / "fuse").write_text("")
    (tmp_path / "empty").mkdir()
    monkeypatch.setitem(__import__("sys").modules, "mfusepy", None)
    with store() as swap, pytest.raises(st.MountError, match=r"pip install 'swaptiers\[mount\]'.*fuse3"):
        Mounted(directly(ControlTree(swap)), tmp_path / "empty").__enter__()


def test_the_operations_without_fuse() -> None:
    """Would catch an operation that needs more than a tree: they are called here as libfuse does."""
    with store() as swap:
        operations = ControlFilesystem(directly(ControlTree(swap)))
        handle = operations.open("/web/memory.max", os.O_RDWR | os.O_TRUNC)
        assert operations.truncate("/web/memory.max", 0, handle) == 0
        assert operations.write("/web/memory.max", b"8M\n", 0, handle) == 3
        assert operations.read("/web/memory.max", 4, 0, handle) == b"8388"
        assert operations.read("/web/memory.max", 100, 4, handle) == b"608\n"
        assert operations.release("/web/memory.max", handle) == 0
        with pytest.raises(OSError, match="not for that"):
            operations.open("/web/memory.reclaim", os.O_RDONLY)
        assert operations.getattr("/")["st_nlink"] == 2 + 3, "web, db and zswap"
