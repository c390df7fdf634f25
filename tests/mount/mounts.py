"""What the tests of mounted control files share: whether this machine can mount, a mounted store, and a shell to write with."""

from __future__ import annotations

import ctypes.util
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import swaptiers as st
from swaptiers.control import ControlTree
from swaptiers.control.filesystem import directly
from swaptiers.control.mounting import Mounted
from tests.control.machines import machine


def why_not() -> str | None:
    """Why nothing can be mounted here; None if it can."""
    if not Path("/dev/fuse").exists():
        return "there is no /dev/fuse"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is not for us"
    if not ctypes.util.find_library("fuse3"):
        return "libfuse 3 is not installed (Debian: apt install fuse3)"
    return None


REASON = why_not()
MUST = os.environ.get("SWAPTIERS_MUST_MOUNT") == "1"
"""Set by .ci/run where there is /dev/fuse: then these tests run, and fail for whatever is missing."""
needs_fuse = pytest.mark.skipif(REASON is not None and not MUST, reason=f"FUSE: {REASON}")


def store(**options: Any) -> st.SwapSystem:
    """The machine of the tests of control files, with cgroups /web, /web/worker and /db."""
    swap = machine(max_entries=1 << 16, **options)
    for path in ("/web/worker", "/db"):
        swap.cgroup(path)
    return swap


@contextmanager
def mounted(swap: st.SwapSystem, folder: Path) -> Iterator[Path]:
    """The store's control files in `folder`, which is made."""
    folder.mkdir()
    with Mounted(directly(ControlTree(swap)), folder):
        yield folder


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command of bash's, in the folder: it says what errno it got."""
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def echo(text: str, path: str, folder: Path) -> str | None:
    """``echo text > path`` in a shell: the name of the errno that it failed with, or None."""
    done = shell(f"echo '{text}' > {path}", folder)
    if done.returncode == 0:
        assert not done.stderr
        return None
    said = done.stderr.strip().rpartition(": ")[2]
    return next(errno.errorcode[code] for code in sorted(errno.errorcode) if os.strerror(code) == said)


def stat_of(path: str, folder: Path) -> dict[str, int]:
    """A flat-keyed file, by cat."""
    done = shell(f"cat {path}", folder)
    assert done.returncode == 0, done.stderr
    return {key: int(value) for key, value in (line.split() for line in done.stdout.splitlines())}
