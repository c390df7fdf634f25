"""A control tree as a file system: what each system call does, as kernfs does it. Knows nothing of FUSE but the names."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
import time
from collections.abc import Callable
from typing import NoReturn, Protocol, TypeVar

from swaptiers.errors import ControlFileError

Result = TypeVar("Result")


class Tree(Protocol):
    """What is shown: `ControlTree`, or anything like it. What is refused raises OSError."""

    def read(self, path: str) -> str: ...

    def write(self, path: str, text: str) -> None: ...

    def list(self, path: str) -> list[str]: ...

    def mkdir(self, path: str) -> None: ...

    def rmdir(self, path: str) -> None: ...

    def mode(self, path: str) -> int: ...

    def is_dir(self, path: str) -> bool: ...


class Asking(Protocol):
    """Calls something with the tree, at once or when its owner is ready for it; what it gives, or raises."""

    def __call__(self, wanted: Callable[[Tree], Result], /) -> Result: ...


def directly(tree: Tree) -> Asking:
    """For a tree that may be used by any thread at any time."""

    def ask(wanted: Callable[[Tree], Result], /) -> Result:
        return wanted(tree)

    return ask


class ControlFilesystem:
    """The operations of a mounted tree; mfusepy looks for them by name. Safe from several threads.

    A write is one request, whatever its offset, and what it is refused with is the errno of write(2). A reader goes on in
    the text that it began with; from the start it gets a new one. Nothing can be made but directories, nothing renamed.
    """

    use_ns = True

    def __init__(self, ask: Asking) -> None:
        self.mounted = threading.Event()
        self._ask = ask
        self._born_ns = time.time_ns()
        self._numbers = itertools.count(1)
        self._texts: dict[int, bytes] = {}
        """Per open file, what its reader is in the middle of."""

    def init(self, path: str) -> None:
        """The kernel knows us now."""
        self.mounted.set()

    # what there is

    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, int]:
        if path is None:
            raise ControlFileError(errno.ENODEV, "the cgroup is gone")
        mode, children = self._ask(lambda tree: _looked_at(tree, path))
        kind = stat.S_IFREG if children is None else stat.S_IFDIR
        return {
            "st_mode": kind | mode,
            "st_nlink": 1 if children is None else 2 + children,
            "st_size": 0,
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
            "st_atime": self._born_ns,
            "st_mtime": self._born_ns,
            "st_ctime": self._born_ns,
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self._ask(lambda tree: tree.list(path))]

    def statfs(self, path: str) -> dict[str, int]:
        return {"f_bsize": 4096, "f_frsize": 4096, "f_namemax": 255}

    # files

    def open(self, path: str, flags: int) -> int:
        """-EACCES for whoever reads what can only be written, or the other way round: for root too, as kernfs has it."""
        mode = self._ask(lambda tree: tree.mode(path))
        ways = flags & os.O_ACCMODE
        if (ways != os.O_WRONLY and not mode & 0o444) or (ways != os.O_RDONLY and not mode & 0o222):
            raise ControlFileError(errno.EACCES, "the file is not for that", path)
        return next(self._numbers)

    def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:
        text = self._texts.get(fh)
        if offset == 0 or text is None:
            text = self._file(path, lambda tree, here: tree.read(here)).encode(errors="surrogateescape")
            self._texts[fh] = text
        return text[offset : offset + size]

    def write(self, path: str | None, data: bytes, offset: int, fh: int) -> int:
        text = data.decode(errors="surrogateescape")
        self._file(path, lambda tree, here: tree.write(here, text))
        return len(data)

    def release(self, path: str | None, fh: int) -> int:
        self._texts.pop(fh, None)
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """What O_TRUNC asks for: there is nothing to cut."""
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """`touch` of a file that there is."""
        return 0

    # directories

    def mkdir(self, path: str, mode: int) -> int:
        self._ask(lambda tree: tree.mkdir(path))
        return 0

    def rmdir(self, path: str) -> int:
        self._ask(lambda tree: tree.rmdir(path))
        return 0

    # what cgroupfs does not do either

    def create(self, path: str, mode: int, fi: object = None) -> NoReturn:
        raise ControlFileError(errno.EACCES, "files can't be made", path)

    def mknod(self, path: str, mode: int, dev: int) -> NoReturn:
        raise ControlFileError(errno.EPERM, "files can't be made", path)

    def unlink(self, path: str) -> NoReturn:
        raise ControlFileError(errno.EPERM, "files go with their directory", path)

    def rename(self, old: str, new: str) -> NoReturn:
        raise ControlFileError(errno.EPERM, "nothing can be renamed", old)

    def symlink(self, target: str, source: str) -> NoReturn:
        raise ControlFileError(errno.EPERM, "links can't be made", target)

    def link(self, target: str, source: str) -> NoReturn:
        raise ControlFileError(errno.EPERM, "links can't be made", target)

    def chmod(self, path: str, mode: int) -> NoReturn:
        raise ControlFileError(errno.EPERM, "modes are fixed", path)

    def chown(self, path: str, uid: int, gid: int) -> NoReturn:
        raise ControlFileError(errno.EPERM, "the owner is whoever mounted it", path)

    def _file(self, path: str | None, wanted: Callable[[Tree, str], Result]) -> Result:
        """Ask for something of an open file; -ENODEV if its cgroup is gone, which libfuse may know before us (None)."""
        if path is None:
            raise ControlFileError(errno.ENODEV, "the cgroup is gone")
        try:
            return self._ask(lambda tree: wanted(tree, path))
        except OSError as error:
            if error.errno == errno.ENOENT and not self._ask(lambda tree: _is_there(tree, path)):
                raise ControlFileError(errno.ENODEV, "the cgroup is gone") from error
            raise


def _looked_at(tree: Tree, path: str) -> tuple[int, int | None]:
    """Permission bits, and of a directory how many directories are in it."""
    if not tree.is_dir(path):
        return tree.mode(path), None
    below = path.rstrip("/")
    return tree.mode(path), sum(tree.is_dir(f"{below}/{name}") for name in tree.list(path))


def _is_there(tree: Tree, path: str) -> bool:
    try:
        tree.mode(path)
    except OSError:
        return False
    return True
