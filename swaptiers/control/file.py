"""A control file: its mode, and what reading and writing it does. Each kind of file is a small class in a module here."""

from __future__ import annotations

import errno

from swaptiers.control.machine import Machine
from swaptiers.errors import ControlFileError

READ_ONLY, WRITE_ONLY, READ_WRITE = 0o444, 0o200, 0o644
"""Permission bits, as cgroupfs sets them."""


class ControlFile:
    """One kind of file, for every cgroup that has it. A system-wide file is asked with the root cgroup.

    `on_root`: whether the root cgroup has it. `read` and `write` MUST raise ControlFileError with the kernel's errno for
    whatever they refuse, and change nothing then but what its message says. They are called by several threads at once.
    """

    mode = READ_WRITE
    on_root = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @classmethod
    def exists(cls, machine: Machine) -> bool:
        """True if this machine has such files."""
        return True

    def read(self, cgroup: str) -> str:
        """The file's text, with a newline at the end of each line."""
        raise ControlFileError(errno.EACCES, "this file can only be written")

    def write(self, cgroup: str, text: str) -> None:
        """One write of the whole text."""
        raise ControlFileError(errno.EACCES, "this file can only be read")


def invalid(what: str) -> ControlFileError:
    """-EINVAL, and why."""
    return ControlFileError(errno.EINVAL, what)


def errno_name(error: ControlFileError) -> str:
    """``EAGAIN``. Linux has two names for one number with -EOPNOTSUPP, and the kernel says this one."""
    code = error.errno or errno.EIO
    return "EOPNOTSUPP" if code == errno.EOPNOTSUPP else errno.errorcode[code]
