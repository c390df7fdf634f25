"""Where a stranger's config or a stranger in the folder would like a swap file to be: it holds other people's memory."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

import swaptiers as st
from swaptiers.cli import main

CONFIG = """\
version: 1
tiers:
  disk: {{kind: file, capacity: 1M, path: "{path}"}}
cgroups: {{/web: {{memory.max: 400K}}}}
workloads: [{{cgroup: /web, kind: zipf, pages: 200, refs: 300}}]
"""


def put(kind: str, path: Path, other: Path) -> None:
    """What is in the way, or leads elsewhere."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind == "device":
        try:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root can make a device")
    elif kind == "hard link":
        os.link(other, path)
    else:
        path.symlink_to({"link": other, "dangling": path.parent / "nothing", "loop": path}[kind])


@pytest.mark.parametrize("layout", ["slots", "log"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "hard link", "link", "dangling", "loop"])
def test_whatever_is_there_is_not_opened(tmp_path: Path, kind: str, layout: str) -> None:
    """A planted link would send pages into its target; a FIFO or device would hand them to whoever reads it."""
    path, other = tmp_path / "swap", tmp_path / "other"
    other.write_text("precious")
    put(kind, path, other)
    before = os.lstat(path)
    with pytest.raises(st.ConfigError, match="there already"):
        st.SwapSystem([st.FileSpec(name="disk", capacity="4M", path="swap", layout=layout)], folder=tmp_path)
    assert os.lstat(path).st_ino == before.st_ino
    assert other.read_text() == "precious"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "swap"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277, 0o777])
@pytest.mark.parametrize("where", ["swap", None])
def test_nobody_else_reads_it_whatever_the_umask(tmp_path: Path, mask: int, where: str | None) -> None:
    """Mode 0600, no more and no less; looked at by the descriptor, for the file may have no name."""
    before = os.umask(mask)
    try:
        with st.SwapSystem([st.FileSpec(name="disk", capacity="1M", path=where)], folder=tmp_path) as swap:
            status = os.fstat(swap.tiers[0].file.fd)  # type: ignore[attr-defined]
            assert stat.S_IMODE(status.st_mode) == 0o600
            assert status.st_uid == os.geteuid()
            assert status.st_nlink == (1 if where else 0)
    finally:
        os.umask(before)


@pytest.mark.parametrize("path", ["../up.swap", "a/../../up.swap", "link/in.swap", "deep/link/in.swap"])
def test_a_relative_path_stays_below_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    """Neither dots nor links lead out: a config that came in an archive with a link must not write into a home."""
    folder, outside = tmp_path / "config", tmp_path / "outside"
    (folder / "a").mkdir(parents=True)
    (folder / "deep").mkdir()
    outside.mkdir()
    for link in (folder / "link", folder / "deep" / "link"):
        link.symlink_to(outside)
    (folder / "c.yaml").write_text(CONFIG.format(path=path))
    for command in ("check", "run"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--quiet", str(folder / "c.yaml")])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "c.yaml:3:42: a relative path stays below the folder" in said
    for make in (
        lambda: st.SwapSystem.from_yaml(folder / "c.yaml"),
        lambda: st.SwapSystem([st.FileSpec(name="disk", capacity="1M", path=path)], folder=folder),
    ):
        with pytest.raises(st.ConfigError, match="stays below the folder"):
            make()
    assert list(outside.iterdir()) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config", "outside"]


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    """A swap file is on another device as a rule; and a link to it that the user names in full is the user's own."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    spec = st.FileSpec(name="disk", capacity="1M", path=str(tmp_path / "link" / "swap"))
    with st.SwapSystem([spec], folder="/") as swap:
        page = bytes(range(256)) * 16
        assert swap.swap_in_page(swap.swap_out_page(page)) == page
        assert (tmp_path / "real" / "swap").exists()
    assert list((tmp_path / "real").iterdir()) == []


def test_what_was_put_in_its_place_is_not_removed(tmp_path: Path) -> None:
    """Somebody renames the swap file and puts another there: closing removes ours or nothing."""
    path = tmp_path / "swap"
    swap = st.SwapSystem([st.FileSpec(name="disk", capacity="1M", path="swap")], folder=tmp_path)
    path.rename(tmp_path / "moved")
    path.write_text("precious")
    swap.close()
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/a/../../b", "/.", "/..", "//", "/a//b", "/a/", "a", "", "/a\0b", "/\n"]
)
def test_names_of_cgroups_are_plain(path: str) -> None:
    """The same paths become folders where control files are mounted."""
    with pytest.raises(ValueError, match="cgroup's path"):
        st.CgroupSpec(path=path)
    with (
        st.SwapSystem([st.ZswapSpec(name="z", max_pool="1M")], max_entries=1 << 12) as swap,
        pytest.raises(ValueError, match="cgroup's path"),
    ):
        swap.cgroup(path)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (st.FileSpec(name="d", capacity="1P"), "tier 'd': the file system of .* free, and the tiers on it want 1P"),
        (st.FileSpec(name="d", capacity="900P"), "tier 'd': capacity is at most 1P, not 900P"),
        (st.FileSpec(name="d", capacity="900P", layout="log"), "tier 'd': capacity is at most 1P, not 900P"),
        (st.MemorySpec(name="d", capacity="900T"), "tier 'd': this machine has .* of memory, .* want 900T"),
        (st.MemorySpec(name="d", capacity="900P"), "tier 'd': capacity is at most 1P, not 900P"),
    ],
)
def test_more_than_there_is_room_for(tmp_path: Path, spec: st.FileSpec | st.MemorySpec, words: str) -> None:
    """Said of the tier and its room, before a table of its slots is asked for (that error is about entries)."""
    with pytest.raises(st.ConfigError, match=words):
        st.SwapSystem([spec], folder=tmp_path)
    text = f"tiers:\n  d: {{kind: {spec.kind}, capacity: {spec.capacity}"
    text += f", layout: {spec.layout}}}\n" if isinstance(spec, st.FileSpec) else "}\n"
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(st.ConfigError, match=words) as caught:
        st.SwapSystem.from_yaml(tmp_path / "c.yaml")
    assert (caught.value.line, caught.value.what[:8]) == (2, "tier 'd'")


def test_two_files_that_fit_each_alone(tmp_path: Path) -> None:
    """The sum has to fit: the second would fill up in the middle of a run."""
    system = os.statvfs(tmp_path)
    each = system.f_bavail * system.f_frsize * 6 // 10 // (1 << 20) << 20
    specs = [st.FileSpec(name=name, capacity=each, path=name) for name in "ab"]
    with pytest.raises(st.ConfigError, match="tier 'b': the file system of"):
        st.SwapSystem(specs, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
