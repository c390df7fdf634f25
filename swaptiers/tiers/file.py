"""Page-sized slots in one real file: a fast SSD or a slow disk, as a swap file is."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import tempfile
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from swaptiers.codecs import Buffer
from swaptiers.core.compile import interpreted
from swaptiers.core.files import read_slots
from swaptiers.errors import ConfigError
from swaptiers.libraries import find_pread
from swaptiers.tiers.runs import MAX_VECTOR, runs, start_of_run
from swaptiers.units import format_bytes

NO_LENGTHS = np.empty(0, np.int32)
"""All of a file's are of a page."""
O_DIRECT = getattr(os, "O_DIRECT", 0)
O_TMPFILE = getattr(os, "O_TMPFILE", 0)


class OwnFile:
    """A file of so many bytes that is ours alone: made new, readable by nobody else, gone when it is closed.

    `path` None: one without a name in the system's temporary folder. `direct` says whether it is open with O_DIRECT,
    which not every file system has.
    """

    def __init__(self, name: str, size_bytes: int, path: Path | None = None, *, direct: bool = False) -> None:
        self.path = path
        self._process = os.getpid()
        self.fd, self.direct = _open(name, path, direct)
        try:
            os.fchmod(self.fd, 0o600)  # whatever the umask took away
            _check_room(name, self.fd, size_bytes)
            os.ftruncate(self.fd, size_bytes)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """A second call does nothing."""
        if self.fd < 0:
            return
        fd, self.fd = self.fd, -1
        try:
            self._remove(fd)
        finally:
            os.close(fd)

    def _remove(self, fd: int) -> None:
        """Not in a forked child, where it is still the parent's; nor what somebody else has put in its place."""
        if self.path is None or os.getpid() != self._process:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.lstat(self.path), os.fstat(fd)):
                self.path.unlink()


class FileTier:
    """Whole pages in slots of an OwnFile. Neighbouring slots are read and written in one system call."""

    compressed = False
    by_reference = False

    def __init__(
        self, name: str, slots: int, page_size: int, path: Path | None = None, *, direct: bool = False
    ) -> None:
        self.name = name
        self.page_size = page_size
        self.file = OwnFile(name, slots * page_size, path, direct=direct)
        self.direct = self.file.direct

    def encode(self, page: Buffer) -> Buffer:
        return page

    def decode(self, payload: Buffer) -> Buffer:
        return payload

    def store(self, slots: npt.NDArray[np.int64], payloads: list[Buffer]) -> None:
        start = start_of_run(slots) if not self.direct and len(slots) <= MAX_VECTOR else -1
        if start >= 0:
            write_all(self.file.fd, payloads, start * self.page_size, len(payloads) * self.page_size)
            return
        order = np.argsort(slots, kind="stable")
        together, alone = runs(slots[order])
        for first, last in [*together, *((place, place + 1) for place in alone.tolist())]:
            run = order[first:last].tolist()
            pages = [payloads[i] for i in run]
            offset = int(slots[run[0]]) * self.page_size
            if self.direct:
                pages = [_aligned(pages, self.page_size)]
            write_all(self.file.fd, pages, offset, len(run) * self.page_size)

    def load(self, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> list[Buffer]:
        size, start = self.page_size, start_of_run(slots) if 1 < len(slots) <= MAX_VECTOR else -1
        if start >= 0:
            buffer = self._read_run(start, len(slots))
            return [buffer[start : start + size] for start in range(0, len(buffer), size)]
        order = np.argsort(slots, kind="stable")
        ordered = slots[order]
        pages: list[Buffer] = [b""] * len(slots)
        together, alone = runs(ordered)
        if self.direct:
            together += [(place, place + 1) for place in alone.tolist()]  # only into memory that is aligned
        else:
            read = self._read_alone((ordered[alone] * size).tolist())
            for index, page in zip(order[alone].tolist(), read, strict=True):
                pages[index] = page
        for first, last in together:
            buffer = self._read_run(int(ordered[first]), last - first)
            for place, index in enumerate(order[first:last].tolist()):
                pages[index] = buffer[place * size : (place + 1) * size]
        return pages

    def store_rows(self, slots: npt.NDArray[np.int64], rows: npt.NDArray[np.uint8]) -> None:
        """As `store`, of pages that stand side by side in (n, page_size)."""
        start = start_of_run(slots) if not self.direct else -1
        if start >= 0:
            write_all(self.file.fd, [rows.data], start * self.page_size, rows.nbytes)
        else:
            self.store(slots, rows_of(rows))

    def load_rows(self, slots: npt.NDArray[np.int64], out: npt.NDArray[np.uint8]) -> None:
        """As `load`, into the rows of `out` (n, page_size), in one compiled call where there is one."""
        pread, read = find_pread(), 0
        if pread is not None and not self.direct and not interpreted():
            read = read_slots(pread, self.file.fd, slots, MAX_VECTOR, out)
        if read < len(slots):  # says what is wrong, if it is
            for row, page in zip(out[read:], self.load(slots[read:], NO_LENGTHS), strict=True):
                row[:] = np.frombuffer(page, np.uint8)

    def _read_alone(self, offsets: list[int]) -> list[bytes]:
        fd, size = self.file.fd, self.page_size
        pages = list(map(os.pread, repeat(fd), repeat(size), offsets))
        if sum(map(len, pages)) < size * len(pages):
            return [read_exact(fd, size, offset) for offset in offsets]
        return pages

    def _read_run(self, slot: int, count: int) -> memoryview:
        buffer = mmap.mmap(-1, count * self.page_size) if self.direct else bytearray(count * self.page_size)
        view = memoryview(buffer)
        done = 0
        while done < len(view):
            got = os.preadv(self.file.fd, [view[done:]], slot * self.page_size + done)
            if got == 0:
                raise OSError(errno.EIO, "the file is shorter than it was made")
            done += got
        return view

    def free(self, slots: npt.NDArray[np.int64]) -> None:
        """Nothing to do: the slot's next page overwrites it (punching a hole costs 124 us, a write 1)."""

    def close(self) -> None:
        self.file.close()


def _open(name: str, path: Path | None, direct: bool) -> tuple[int, bool]:
    try:
        if path is None:
            return _unnamed(direct)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        if direct and O_DIRECT:
            try:
                return os.open(path, flags | O_DIRECT, 0o600), True
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)  # no O_DIRECT here: said after the file was made, and O_EXCL says that it is ours
        return os.open(path, flags, 0o600), False
    except FileExistsError as error:
        raise ConfigError(
            f"tier {name!r}: {path} is there already; a tier makes its own file and removes it at the end: "
            f"remove it, or give another path"
        ) from error
    except OSError as error:
        raise ConfigError(f"tier {name!r}: {path or 'a temporary file'} can't be made: {error.strerror}") from error


def _unnamed(direct: bool) -> tuple[int, bool]:
    """A file in the system's temporary folder that never has a name, or not for longer than it takes to remove it."""
    if direct and O_DIRECT and O_TMPFILE:
        with contextlib.suppress(OSError):
            return os.open(tempfile.gettempdir(), os.O_RDWR | os.O_CLOEXEC | O_TMPFILE | O_DIRECT, 0o600), True
    fd, made = tempfile.mkstemp(prefix="swaptiers-")
    os.unlink(made)
    return fd, False


def _check_room(name: str, fd: int, wanted: int) -> None:
    system = os.fstatvfs(fd)
    free = system.f_bavail * system.f_frsize
    if wanted > free:
        raise ConfigError(
            f"tier {name!r}: its file system has {format_bytes(free)} free and {format_bytes(wanted)} are wanted; "
            f"give a smaller capacity, or a path on another file system"
        )


def rows_of(pages: npt.NDArray[np.uint8]) -> list[Buffer]:
    """A view per row: slicing one memoryview is faster than iterating over an array."""
    size = pages.shape[1]
    flat = pages.reshape(-1).data
    return [flat[i : i + size] for i in range(0, len(flat), size)]


def _aligned(pages: list[Buffer], page_size: int) -> memoryview:
    """The pages side by side in page-aligned memory, as O_DIRECT wants them."""
    view = memoryview(mmap.mmap(-1, len(pages) * page_size))
    for i, page in enumerate(pages):
        view[i * page_size : (i + 1) * page_size] = page
    return view


def write_all(fd: int, pages: list[Buffer], offset: int, wanted: int) -> None:
    """Write them side by side from `offset` on, all of the bytes that are `wanted`. Raises OSError."""
    done = os.pwritev(fd, pages, offset)
    while done < wanted:
        rest = memoryview(b"".join(pages))[done:]
        wrote = os.pwrite(fd, rest, offset + done)
        if wrote == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done += wrote


def read_exact(fd: int, size: int, offset: int) -> bytes:
    """So many bytes at `offset`. Raises OSError, EIO if the file ends before."""
    page = os.pread(fd, size, offset)
    while len(page) < size:
        more = os.pread(fd, size - len(page), offset + len(page))
        if not more:
            raise OSError(errno.EIO, "the file is shorter than it was made")
        page += more
    return page
