"""The tree itself: which files there are, their modes, cgroups made and removed, and the errno of every wrong path."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest
from machines import machine, raw_pages, refusal, soft_pages, stat

import swaptiers as st
from swaptiers.control import ControlTree


@pytest.fixture
def swap() -> Iterator[st.SwapSystem]:
    with machine() as system:
        yield system
        system.check()


@pytest.fixture
def tree(swap: st.SwapSystem) -> ControlTree:
    tree = ControlTree(swap)
    tree.mkdir("/web")
    tree.mkdir("/web/worker")
    return tree


ON_ROOT = {
    "memory.reclaim": 0o200,
    "memory.stat": 0o444,
    "memory.swap.inversion": 0o444,
    "memory.swap.tiers.current": 0o444,
    "memory.swap.tiers.demote": 0o200,
    "memory.zswap.writeback": 0o644,
}
BELOW = ON_ROOT | {
    "memory.current": 0o444,
    "memory.max": 0o644,
    "memory.swap.current": 0o444,
    "memory.swap.events": 0o444,
    "memory.swap.max": 0o644,
    "memory.swap.tiers.low": 0o644,
    "memory.swap.tiers.max": 0o644,
    "memory.zswap.current": 0o444,
    "memory.zswap.max": 0o644,
}


def test_each_cgroup_has_the_kernels_files(tree: ControlTree) -> None:
    """A file missing, one too many on the root, or a mode that cgroupfs does not have."""
    assert {name: tree.mode(f"/web/{name}") for name in tree.list("/web") if name != "worker"} == BELOW
    assert "worker" in tree.list("/web")
    files = [name for name in tree.list("/") if name.startswith("memory.")]
    assert {name: tree.mode(f"/{name}") for name in files} == ON_ROOT
    assert {"web", "vmstat"} <= set(tree.list("/"))


def test_every_readable_file_can_be_read(tree: ControlTree) -> None:
    """A reader that fails, or text that does not end in a newline."""
    for cgroup in ("", "/web", "/web/worker"):
        for name in tree.list(cgroup or "/"):
            path = f"{cgroup}/{name}"
            if not tree.is_dir(path) and tree.mode(path) & 0o444:
                assert tree.read(path).endswith("\n")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda tree: tree.read("/web/memory.nothing"), errno.ENOENT),
        (lambda tree: tree.read("/nobody/memory.stat"), errno.ENOENT),
        (lambda tree: tree.read("web/memory.stat"), errno.ENOENT),
        (lambda tree: tree.read(""), errno.ENOENT),
        (lambda tree: tree.read("/memory.swap.tiers.max"), errno.ENOENT),
        (lambda tree: tree.write("/memory.max", "1M"), errno.ENOENT),
        (lambda tree: tree.read("/web/memory.stat/x"), errno.ENOTDIR),
        (lambda tree: tree.mkdir("/web/memory.stat/x"), errno.ENOTDIR),
        (lambda tree: tree.list("/web/memory.stat"), errno.ENOTDIR),
        (lambda tree: tree.rmdir("/web/memory.stat"), errno.ENOTDIR),
        (lambda tree: tree.read("/web"), errno.EISDIR),
        (lambda tree: tree.write("/", "1"), errno.EISDIR),
        (lambda tree: tree.read("/web/memory.reclaim"), errno.EACCES),
        (lambda tree: tree.write("/web/memory.current", "1"), errno.EACCES),
        (lambda tree: tree.write("/web/memory.max", "1M" + " " * 4096), errno.E2BIG),
        (lambda tree: tree.mode("/web/memory.nothing"), errno.ENOENT),
        (lambda tree: tree.mkdir("/web"), errno.EEXIST),
        (lambda tree: tree.mkdir("/"), errno.EEXIST),
        (lambda tree: tree.mkdir("/web/memory.max"), errno.EEXIST),
        (lambda tree: tree.mkdir("/vmstat"), errno.EEXIST),
        (lambda tree: tree.mkdir("/tiers"), errno.EEXIST),
        (lambda tree: tree.mkdir("/zswap"), errno.EEXIST),
        (lambda tree: tree.mkdir("/no/body"), errno.ENOENT),
        (lambda tree: tree.mkdir("/web/a\nb"), errno.EINVAL),
        (lambda tree: tree.mkdir("/web/.."), errno.EINVAL),
        (lambda tree: tree.mkdir("/web/" + "x" * 256), errno.ENAMETOOLONG),
        (lambda tree: tree.rmdir("/nobody"), errno.ENOENT),
        (lambda tree: tree.rmdir("/web"), errno.EBUSY),
        (lambda tree: tree.rmdir("/"), errno.EBUSY),
    ],
)
def test_wrong_paths_get_the_kernels_errno(
    tree: ControlTree, call: Callable[[ControlTree], object], expected: int
) -> None:
    """Another errno than cgroupfs gives, a Python error, or something made on the way."""
    before = (tree.list("/"), tree.list("/web"))
    with pytest.raises(st.ControlFileError) as caught:
        call(tree)
    assert caught.value.errno == expected, errno.errorcode[caught.value.errno or 0]
    assert isinstance(caught.value, OSError)
    assert (tree.list("/"), tree.list("/web")) == before


def test_a_cgroup_is_at_most_so_deep(tree: ControlTree) -> None:
    """cgroup.max.depth: -EAGAIN."""
    path = ""
    for _ in range(64):
        path += "/d"
        tree.mkdir(path)
    with pytest.raises(OSError, match="64 levels") as caught:
        tree.mkdir(path + "/d")
    assert caught.value.errno == errno.EAGAIN


def test_a_removed_cgroups_entries_and_events_go_to_its_parent(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Charges, or counted events, that vanish with the directory; ids that do."""
    pages = soft_pages(40)
    ids = swap.swap_out(pages, "/web/worker")
    swap.demote("20K", source="zswap", cgroup="/web/worker")
    before = [tree.read(f"/web/{name}") for name in ("memory.stat", "memory.swap.current", "memory.swap.tiers.current")]
    tree.rmdir("/web/worker")
    assert tree.list("/web") == sorted(BELOW)
    after = [tree.read(f"/web/{name}") for name in ("memory.stat", "memory.swap.current", "memory.swap.tiers.current")]
    assert after == before
    assert swap.stats().cgroups["/web"].zswpout == 40
    assert (swap.swap_in(ids) == pages).all()


def test_a_full_tree_and_a_closed_system(tree: ControlTree) -> None:
    """CoreFullError or ClosedError, which no reader of files knows."""
    with machine() as small:
        lonely = ControlTree(small)
        small.core.cgroup_count = 1 << 16
        with pytest.raises(OSError, match="at most") as caught:
            lonely.mkdir("/a")
        assert caught.value.errno == errno.ENOSPC
        small.core.cgroup_count = 1
    with pytest.raises(OSError, match="closed") as caught:
        lonely.read("/memory.stat")
    assert caught.value.errno == errno.ENODEV


def test_charges_are_what_the_system_counts(swap: st.SwapSystem, tree: ControlTree) -> None:
    """A file that shows another unit, or only the cgroup's own."""
    swap.swap_out(soft_pages(30), "/web/worker")
    swap.swap_out(raw_pages(5), "/web")
    swap.demote("10K", source="zswap", cgroup="/web/worker")
    counted = swap.stats()
    held = counted.cgroups["/web"]
    assert int(tree.read("/web/memory.current")) == int(tree.read("/web/memory.zswap.current")) == held.zswap_bytes
    assert int(tree.read("/web/memory.swap.current")) == held.swap_bytes > 0
    numbers = stat(tree, "/web")
    assert numbers["zswap"] == held.zswap_bytes
    assert numbers["zswapped"] == counted.tiers["zswap"].entries * 4096
    assert numbers["zswap_incomp"] == 5
    assert numbers["zswpout"] == 35
    assert stat(tree, "/web/worker")["zswpout"] == 30
    assert tree.read("/vmstat").splitlines()[1] == f"pswpout {numbers['pswpout']}"
    swap.swap_in(swap.swap_out(raw_pages(3), "/web"))
    assert stat(tree, "/web")["zswap_incomp"] == 5


@pytest.mark.parametrize("name", ["memory.max", "memory.swap.max", "memory.zswap.max"])
def test_limits_are_written_and_read_as_the_kernel_does(tree: ControlTree, name: str) -> None:
    """Bytes that are not whole pages, another word for none, text behind the number."""
    path = f"/web/{name}"
    assert tree.read(path) == "max\n"
    for text, shown in [
        ("10M\n", f"{10 << 20}\n"),
        ("4097", "4096\n"),
        ("0x10000", "65536\n"),
        ("010000", "4096\n"),
        ("1g", f"{1 << 30}\n"),
        ("0", "0\n"),
        (" max \n", "max\n"),
    ]:
        assert refusal(tree, path, text) is None
        assert tree.read(path) == shown
    for text in ("", "ten", "-1", "1MB", "10 M", "1.5M", "max 1", "+5"):
        assert refusal(tree, path, text) == "EINVAL", text
    assert tree.read(path) == "max\n"


def test_writeback_is_a_switch(tree: ControlTree) -> None:
    """A number that is neither taken as true, or one out of range as invalid."""
    path = "/web/memory.zswap.writeback"
    for text, outcome in [("0", None), ("2", "EINVAL"), ("-1", "EINVAL"), ("yes", "EINVAL"), ("", "EINVAL")]:
        assert refusal(tree, path, text) == outcome
    assert refusal(tree, path, "99999999999") == "ERANGE"
    assert refusal(tree, path, "-2147483649") == "ERANGE"
    assert refusal(tree, path, "-2147483648") == "EINVAL"
    assert tree.read(path) == "0\n"
    assert refusal(tree, path, "0x1\n") is None
    assert tree.read(path) == "1\n"
    assert tree.read("/web/worker/memory.zswap.writeback") == "1\n"
