"""ControlTree: the control files of a swap system by path, as cgroupfs shows them. Errors are the kernel's.

Directories are cgroups (`/`, `/web`), with a file per interface (`/web/memory.reclaim`). System-wide files stand beside
the root cgroup's: `/tiers`, `/vmstat`, and `/zswap/...`; a cgroup of such a name can't be made.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from typing import Literal

from swaptiers.cgroups import MAX_DEPTH, ROOT, check_path, parent_path
from swaptiers.control.file import ControlFile
from swaptiers.control.machine import Controlled, Dialect, Machine, NoResidentMemory, Pressure, ResidentMemory
from swaptiers.control.named_tiers import NamedTiers
from swaptiers.control.registry import RESERVED, cgroup_files, system_files
from swaptiers.control.tier_ranges import NR_SWAP_TIERS
from swaptiers.errors import ClosedError, ControlFileError, CoreFullError, PolicyError, TierIOError

MAX_WRITE = 4096
"""Bytes in one write: a page (kernfs's atomic_write_len)."""
MAX_NAME = 255
Kind = Literal["file", "directory", "absent"]


class ControlTree:
    """The files over one system. Safe from several threads; reads and writes act on the system at once.

    `resident`, `pressure`: of an experiment; a SwapSystem has none. `dialect`: which forms of asking for a demotion are
    accepted. `nr_swap_tiers`: how many names `tiers` may have. What is refused raises ControlFileError, which is an OSError.
    """

    def __init__(
        self,
        system: Controlled,
        *,
        resident: ResidentMemory | None = None,
        pressure: Pressure | None = None,
        dialect: Dialect = "all",
        nr_swap_tiers: int = NR_SWAP_TIERS,
    ) -> None:
        self._names = NamedTiers(system.graph, nr_swap_tiers)
        machine = Machine(
            system=system,
            resident=resident or NoResidentMemory(),
            pressure=pressure,
            dialect=dialect,
            names=self._names,
        )
        self._system = system
        self._files = cgroup_files(machine)
        self._system_files = {f"/{path}": file for path, file in system_files(machine).items()}
        self._folders = {parent_path(path) for path in self._system_files} - {ROOT}
        self._making = threading.Lock()

    # files

    def read(self, path: str) -> str:
        """What the file says now. -ENOENT, -EISDIR, -EACCES for a file that can only be written."""
        with _refusals_of(path):
            file, cgroup = self._file(path)
            if not file.mode & 0o444:
                raise ControlFileError(errno.EACCES, "this file can only be written")
            return file.read(cgroup)

    def write(self, path: str, text: str) -> None:
        """One write of the whole text, as `echo` does it. Raises what the file refuses with, -E2BIG for more than a page,
        -EACCES for a file that can only be read."""
        with _refusals_of(path):
            file, cgroup = self._file(path)
            if not file.mode & 0o222:
                raise ControlFileError(errno.EACCES, "this file can only be read")
            if len(text.encode(errors="surrogateescape")) > MAX_WRITE:
                raise ControlFileError(errno.E2BIG, f"a write has at most {MAX_WRITE} bytes")
            file.write(cgroup, text.partition("\0")[0])

    def mode(self, path: str) -> int:
        """Permission bits: 0o755 of a directory; 0o644, 0o444 or 0o200 of a file. -ENOENT."""
        with _refusals_of(path):
            return 0o755 if self._kind(path) == "directory" else self._file(path)[0].mode

    # directories

    def is_dir(self, path: str) -> bool:
        """True for a cgroup, and for a folder of system-wide files."""
        with _refusals_of(path):
            return self._kind(path) == "directory"

    def list(self, path: str) -> list[str]:
        """Names of the files and of the directories in one, sorted. -ENOENT, -ENOTDIR."""
        with _refusals_of(path):
            here = _normal(path)
            self._need_directory(here)
            below = [*self._system_files, *self._folders]
            if here not in self._folders:
                below += self._system.cgroup_paths()
            names = {each.rpartition("/")[2] for each in below if each != ROOT and parent_path(each) == here}
            if here not in self._folders:
                names.update(name for name, file in self._files.items() if file.on_root or here != ROOT)
            return sorted(names)

    def mkdir(self, path: str) -> None:
        """Make a cgroup. -EEXIST, -ENOENT or -ENOTDIR for its parent, -EINVAL or -ENAMETOOLONG for its name, -EAGAIN
        where it would be too deep, -ENOSPC where there are too many, -EPERM in a folder that is no cgroup."""
        with _refusals_of(path), self._making:
            here = _normal(path)
            if self._kind(here) != "absent" or (parent_path(here) == ROOT and here[1:] in RESERVED):
                raise ControlFileError(errno.EEXIST, "there is something of that name")
            self._need_directory(parent_path(here))
            if parent_path(here) in self._folders:
                raise ControlFileError(errno.EPERM, "only cgroups can be made, and this folder is none")
            if len(here.rpartition("/")[2].encode(errors="surrogateescape")) > MAX_NAME:
                raise ControlFileError(errno.ENAMETOOLONG, f"a name has at most {MAX_NAME} bytes")
            if here.count("/") > MAX_DEPTH:
                raise ControlFileError(errno.EAGAIN, f"a cgroup is at most {MAX_DEPTH} levels deep")
            try:
                check_path(here)
            except ValueError as error:
                raise ControlFileError(errno.EINVAL, str(error)) from None
            self._names.forget(here)
            self._system.cgroup(here)

    def rmdir(self, path: str) -> None:
        """Remove a cgroup; its entries go to its parent. -ENOENT, -ENOTDIR, -EPERM for a folder that is no cgroup, -EBUSY
        for the root, one with cgroups below it, and one in which somebody runs."""
        with _refusals_of(path), self._making:
            here = _normal(path)
            self._need_directory(here)
            if here in self._folders:
                raise ControlFileError(errno.EPERM, "only cgroups can be removed, and this folder is none")
            paths = self._system.cgroup_paths()
            if here == ROOT or any(parent_path(each) == here for each in paths):
                raise ControlFileError(errno.EBUSY, "there are cgroups below it" if here != ROOT else "it is the root")
            if self._system.is_populated(here):
                raise ControlFileError(errno.EBUSY, "a workload runs in it")
            self._system.remove_cgroup(here)

    # paths

    def _file(self, path: str) -> tuple[ControlFile, str]:
        """The file at a path, and the cgroup that it is asked about."""
        here = _normal(path)
        if here in self._system_files:
            return self._system_files[here], ROOT
        if self._kind(here) == "directory":
            raise ControlFileError(errno.EISDIR, "this is a directory")
        self._need_directory(parent_path(here))
        found = self._cgroup_file(here)
        if found is None:
            raise ControlFileError(errno.ENOENT, "there is no such file")
        return found, parent_path(here)

    def _kind(self, path: str) -> Kind:
        here = _normal(path)
        if here in self._system_files:
            return "file"
        if here == ROOT or here in self._folders:
            return "directory"
        if self._cgroup_file(here) is not None:
            return "file"
        return "directory" if here in self._system.cgroup_paths() else "absent"

    def _cgroup_file(self, path: str) -> ControlFile | None:
        folder, _, name = path.rpartition("/")
        file = self._files.get(name)
        if file is None or (not folder and not file.on_root):
            return None
        return file if not folder or folder in self._system.cgroup_paths() else None

    def _need_directory(self, path: str) -> None:
        """-ENOENT or -ENOTDIR unless a directory is there."""
        kind = self._kind(path)
        while kind == "absent" and path != ROOT:
            path = parent_path(path)
            if self._kind(path) == "file":
                kind = "file"
        if kind == "file":
            raise ControlFileError(errno.ENOTDIR, "a file is no directory")
        if kind == "absent":
            raise ControlFileError(errno.ENOENT, "there is no such directory")


def _normal(path: str) -> str:
    """The path without a slash at its end. -ENOENT for one that does not start at the root."""
    if not path.startswith("/"):
        raise ControlFileError(errno.ENOENT, "a path starts at the root, like /web/memory.stat")
    return path.rstrip("/") or ROOT


@contextlib.contextmanager
def _refusals_of(path: str) -> Iterator[None]:
    """Whatever goes wrong with the file, as the errno that the kernel would give."""
    try:
        yield
    except ControlFileError as error:
        raise ControlFileError(error.errno or errno.EIO, error.what, path) from error.__cause__
    except ClosedError as error:
        raise ControlFileError(errno.ENODEV, str(error), path) from error
    except CoreFullError as error:
        raise ControlFileError(errno.ENOSPC, str(error), path) from error
    except (TierIOError, PolicyError) as error:
        raise ControlFileError(errno.EIO, str(error), path) from error
    except ValueError as error:  # the cgroup, or the tier, went away meanwhile
        raise ControlFileError(errno.ENODEV, str(error), path) from error


__all__ = ["ControlTree"]
