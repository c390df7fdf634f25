"""A grammar fuzzer for control files: writes that are right, nearly right and wrong, into every file of a tree that pages
come into and leave meanwhile. What may come of each is what docs/control-files.md says."""

from __future__ import annotations

import contextlib
import errno
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import strategies as any_

import swaptiers as st
from swaptiers.control import ControlTree
from swaptiers.control.file import errno_name
from swaptiers.control.registry import CGROUP_FILES

CGROUPS = ("/", "/a", "/a/b", "/a/b/c", "/d", "/e f", "/nobody")
TIERS = ("zswap", "dense", "ssd", "disk")
WRITES_PER_EXAMPLE = 100

sizes = any_.one_of(
    any_.builds(
        str.__add__,
        any_.one_of(any_.integers(0, 300).map(str), any_.integers(0, 1 << 70).map(hex), any_.integers(0, 999).map(oct)),
        any_.sampled_from(["", "", "K", "k", "M", "G", "E", "B", "KB"]),
    ),
    any_.sampled_from(["max", "-1", "0", "1K", "8K", "64K", "1M", "", "1.5M", "0x", "08", "9" * 50]),
)
names = any_.sampled_from(
    [*TIERS, *TIERS, "SSD", "all", "anon", "file", "sdd", "x" * 16, "", "zswap,ssd", "anon,zswap", "ssd,ssd"]
)
keys = any_.one_of(
    any_.builds("source={}".format, names),
    any_.builds("swappiness={}".format, any_.one_of(any_.integers(-3, 250).map(str), any_.just("max"), sizes)),
    any_.builds("to={}".format, names),
    any_.builds("referenced={}".format, any_.sampled_from(["rotate", "ignore", "", "maybe"])),
    any_.sampled_from(["zswap_writeback_only", "zswap", "0", "1", "max", "\0", "\t", "ü", "²"]),
    sizes,
)
texts = any_.one_of(
    any_.builds(lambda size, words: " ".join([size, *words]), sizes, any_.lists(keys, max_size=3)),
    any_.builds(lambda size, tier, words: " ".join([size, tier, *words]), sizes, names, any_.lists(keys, max_size=2)),
    any_.builds("{} {}".format, names, sizes),
    any_.sampled_from(["0", "1", "max", "2", "-1", "99999999999", "", "\n", " max \n", "1M" + " " * 5000]),
    any_.text(max_size=20),
)
files = any_.sampled_from([*CGROUP_FILES, *CGROUP_FILES, "vmstat", "memory.nothing", "", "memory.stat/x"])
paths = any_.builds("{}/{}".format, any_.sampled_from(CGROUPS).map(lambda path: path.rstrip("/")), files)
moderate = any_.sampled_from(["0", "1", "4K", "20K"])
folders = any_.sampled_from(["", "/a", "/a/b", "/a/b/c"])
requests = any_.one_of(
    any_.tuples(
        any_.just("write"),
        any_.builds("{}/memory.reclaim".format, folders),
        any_.builds("{} source={}".format, moderate, any_.sampled_from(TIERS)),
    ),
    any_.tuples(
        any_.just("write"),
        any_.builds("{}/memory.swap.tiers.demote".format, folders),
        any_.builds("{} {} referenced=ignore".format, moderate, any_.sampled_from(TIERS)),
    ),
)
parameters = ("enabled", "compressor", "max_pool_percent", "accept_threshold_percent", "stored_pages")
system_paths = any_.sampled_from(
    [
        "/tiers",
        "/tiers",
        "/tiers",
        "/swaps",
        *(f"/{pool}/{name}" for pool in ("zswap", "zswap.dense") for name in parameters),
    ]
)
ranges = any_.builds("+{}:{}".format, any_.sampled_from(["SSD", "HDD", "ssd", "zswap", "x"]), any_.integers(-3, 4))
tokens = any_.one_of(
    ranges,
    ranges,
    any_.builds("-{}".format, any_.sampled_from(["SSD", "HDD", "ssd", "x"])),
    any_.sampled_from(["+all:-1", "lz4", "zstd", "lzo", "Y", "N", "100", "15", "4294967296", "\0"]),
)
system_texts = any_.one_of(any_.builds(" ".join, any_.lists(tokens, min_size=1, max_size=3)), texts)
steps = any_.one_of(
    requests,
    any_.tuples(any_.just("write"), system_paths, system_texts),
    any_.tuples(any_.just("write"), paths, texts),
    any_.tuples(any_.just("write"), paths, texts),
    any_.tuples(any_.just("write"), paths, texts),
    any_.tuples(any_.sampled_from(["mkdir", "rmdir", "out", "in"]), any_.sampled_from(CGROUPS), any_.integers(0, 12)),
)

ANYWHERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.E2BIG}
LIMIT = {errno.EINVAL}
DOCUMENTED = {
    "memory.max": LIMIT,
    "memory.swap.max": LIMIT,
    "memory.zswap.max": LIMIT,
    "memory.swap.tiers.max": LIMIT,
    "memory.swap.tiers.low": LIMIT,
    "memory.zswap.writeback": {errno.EINVAL, errno.ERANGE},
    "memory.reclaim": {errno.EINVAL, errno.EAGAIN},
    "memory.swap.tiers.demote": {errno.EINVAL, errno.EAGAIN},
    "tiers": {errno.EINVAL, errno.EEXIST, errno.EBUSY, errno.ENOSPC},
    "enabled": {errno.EINVAL},
    "compressor": {errno.ENOENT, errno.ENOMEM},
    "max_pool_percent": {errno.EINVAL, errno.ERANGE},
    "accept_threshold_percent": {errno.EINVAL, errno.ERANGE},
}
DIRECTORIES = {errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY, errno.EINVAL}


def fuzzed_machine() -> st.SwapSystem:
    """Two pools, of which the second is denser, above two devices; small enough that each of them fills up."""
    return st.SwapSystem(
        [
            st.ZswapSpec(name="zswap", max_pool="400K"),
            st.ZswapSpec(name="dense", compressor="zstd", max_pool="200K"),
            st.FileSpec(name="ssd", capacity="1M"),
            st.FileSpec(name="disk", capacity="1M"),
        ],
        [
            st.EdgeSpec(source="zswap", target="dense", when=st.Triggers(request=True)),
            st.EdgeSpec(source="dense", target="ssd", policy="second-chance", when=st.Triggers(pressure=True)),
            st.EdgeSpec(source="ssd", target="disk", when=st.Triggers(pressure=True)),
        ],
        cgroups=[st.CgroupSpec(path=path) for path in CGROUPS[:4]],
        on_full="spill",
        max_entries=1 << 14,
    )


class Fuzz:
    """One machine and what is done to it. `outcomes`: how often a write into a file ended how."""

    def __init__(self) -> None:
        self.swap = fuzzed_machine()
        self.tree = ControlTree(self.swap)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._held: dict[int, Any] = {}
        self._made = 0
        for path in ("/a", "/a/b", "/a/b/c", "/"):
            self.step("out", path, 12)

    def step(self, what: str, path: str, more: Any) -> None:
        """One of them. Raises AssertionError for whatever is not documented."""
        if what == "write":
            self._write(path, more)
        elif what == "out":
            self._swap_out(path, more)
        elif what == "in":
            self._swap_in(more)
        else:
            try:
                getattr(self.tree, what)(path)
            except st.ControlFileError as error:
                assert error.errno in DIRECTORIES, f"{what} {path}: {error!r}"

    def _write(self, path: str, text: str) -> None:
        file = path.rpartition("/")[2]
        before = self._read(path)
        outcome = "done"
        try:
            self.tree.write(path, text)
        except st.ControlFileError as error:
            outcome = errno_name(error)
            assert error.errno in ANYWHERE | DOCUMENTED.get(file, set()), f"{path} {text!r}: {error!r}"
            assert str(error).isprintable()
            if file in DOCUMENTED and DOCUMENTED[file] != {errno.EINVAL, errno.EAGAIN}:
                assert self._read(path) == before, f"{path} {text!r} was refused and changed the file"
        self.outcomes[file, outcome] += 1

    def _read(self, path: str) -> str | None:
        with contextlib.suppress(st.ControlFileError):
            return self.tree.read(path)
        return None

    def _swap_out(self, path: str, count: int) -> None:
        if path not in self.swap.cgroup_paths():
            return
        pages = np.random.default_rng((self._made, 5)).integers(0, 256, (count, 4096), np.uint8)
        pages[::2, 2048:] = 0
        self._made += 1
        try:
            ids = self.swap.swap_out(pages, path)
        except st.StoreRefusedError as refused:
            ids = refused.ids
        self._held.update({int(entry): page for entry, page in zip(ids.tolist(), pages, strict=True) if entry})

    def _swap_in(self, count: int) -> None:
        ids = list(self._held)[:count]
        for entry, page in zip(ids, self.swap.swap_in(ids) if ids else (), strict=True):
            assert (self._held.pop(entry) == page).all()

    def check(self) -> None:
        """Every account, every page, and each file's text as docs say."""
        self.swap.check()
        assert len(self.swap) == len(self._held)
        for entry, page in zip(self._held, self.swap.peek(list(self._held)), strict=True):
            assert (self._held[entry] == page).all()
        for cgroup in self.swap.cgroup_paths():
            for name in CGROUP_FILES:
                text = self._read(f"{cgroup.rstrip('/')}/{name}")
                assert text is None or text.endswith("\n")

    def close(self) -> None:
        self.swap.close()
