"""Mounting a control tree as a directory, with FUSE, in a thread of this process."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self

from swaptiers.control.filesystem import Asking, ControlFilesystem
from swaptiers.errors import MountError

THREADS = 16
"""As many of libfuse's threads wait for the next call."""
DEVICE = Path("/dev/fuse")
INSTALL = "pip install 'swaptiers[mount]', and libfuse 3 (Debian: apt install fuse3)"
PATIENCE_S = 10.0
"""How long mounting, or the end of it, may take."""


class Mounted:
    """`folder` shows the tree from `with` to its end, or until somebody unmounts it (`ended`).

    Any number of processes may use it at a time; `ask` is called in threads of FUSE's own. Raises MountError if it can't be
    mounted. Whoever is in it at the end keeps a view of nothing. SIGTERM and SIGHUP, unless the program has handlers for
    them, end the program the ordinary way while it is mounted, so that nothing stays behind.
    """

    def __init__(self, ask: Asking, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.ended = threading.Event()
        self._operations = ControlFilesystem(ask)
        self._thread = threading.Thread(target=self._serve, name="swaptiers-mount", daemon=True)
        self._failure: BaseException | None = None
        self._handled: dict[int, Any] = {}

    def __enter__(self) -> Self:
        check_mountable(self.folder)
        self._fuse = _fuse_library()
        self._take_signals()
        self._thread.start()
        while not self._operations.mounted.wait(0.01):
            if self.ended.is_set():
                self._give_signals_back()
                raise MountError(f"{self.folder} could not be mounted: {self._failure or 'see above'}")
        return self

    def __exit__(self, *_: object) -> None:
        unmount(self.folder, self.ended)
        self._thread.join(PATIENCE_S)
        self._give_signals_back()

    def _serve(self) -> None:
        """The thread: serve until it is unmounted."""
        try:
            self._fuse(
                self._operations,
                str(self.folder),
                foreground=True,
                direct_io=True,  # each read and write comes to us, whatever the size says
                fsname="swaptiers",
                attr_timeout=0,
                entry_timeout=0,
                negative_timeout=0,
            )
        except BaseException as error:
            self._failure = error
        finally:
            self.ended.set()

    def _take_signals(self) -> None:
        """Else libfuse would take these, and end the mount without the program."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._handled[number] = signal.signal(number, _leave)

    def _give_signals_back(self) -> None:
        while self._handled:
            signal.signal(*self._handled.popitem())


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the program, and whatever is under way in it, in order."""
    sys.exit(128 + number)


def check_mountable(folder: Path) -> None:
    """Raises MountError unless something can be mounted there, with what to do about it."""
    if sys.platform == "linux" and not DEVICE.exists():
        raise MountError("there is no /dev/fuse here: load the module (modprobe fuse), or give it to the container")
    try:
        if not folder.is_dir():
            what = "is no directory" if folder.exists() else "does not exist; make it first: mkdir"
            raise MountError(f"{folder} {what}" if folder.exists() else f"{folder} {what} {folder}")
        if os.path.ismount(folder):
            raise MountError(f"something is mounted on {folder}; if it is of ours: fusermount3 -u {folder}")
        if any(folder.iterdir()):
            raise MountError(f"{folder} is not empty; take an empty directory")
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise MountError(
                f"a process that ended left its mount on {folder} behind; remove it: fusermount3 -u {folder}"
            ) from error
        raise MountError(f"{folder} can't be used: {error.strerror}") from error


def _fuse_library() -> Any:
    """The FUSE of mfusepy. Raises MountError with what to install."""
    if sys.platform == "linux":
        os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")  # what mfusepy loads: it would prefer libfuse 2
    try:
        import mfusepy  # noqa: PLC0415  (an extra)
    except (ImportError, OSError) as error:
        raise MountError(f"to mount, install {INSTALL}: {error}") from error
    if mfusepy.fuse_version_major < 3:
        return mfusepy.FUSE
    return functools.partial(mfusepy.FUSE, max_idle_threads=THREADS)  # else 3.14 complains of its own default


def unmount(folder: Path, ended: threading.Event) -> None:
    """Take the mount away, if it is still there: from whoever is in it too. What fails is told by the next mount."""
    if ended.is_set():
        return
    program = shutil.which("fusermount3") or shutil.which("fusermount")
    command = [program, "-u"] if program else ["umount"]
    for way in ([], ["-z"] if program else ["-l"]):
        done = subprocess.run([*command, *way, str(folder)], capture_output=True, check=False)
        if done.returncode == 0:
            return
