"""How the compiled core is compiled and cached.

numba notices an edit only in the file of the kernel that was edited, not in its callers' cached code. So the cache lives
in a folder whose name is a hash over every source file that kernels are made of: an edit to any starts a new folder. The
folder is under the user's cache folder; where that can't be written, under a private temporary one; where neither can,
there is no cache and the kernels are compiled at each start.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import njit, types

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE = Path(__file__).resolve().parent.parent
KERNEL_FOLDERS = ("core", "workloads", "experiment")
"""Where kernels stand, and the constants and layouts that are compiled into them."""
MAKES_KERNELS = re.compile(rb"^@(?:kernel|unlocked_kernel|part)$", re.MULTILINE)
IMPORTED = re.compile(rb"^from swaptiers\.([\w.]+) import", re.MULTILINE)
OPTIONS: Any = numba.config
KEPT_FOLDERS = 8
"""Older versions' folders beyond this many are removed, the longest unused first."""


def kernel(function: F) -> F:
    """Compile `function` at its first call, for Python to call; the result is cached on disk."""
    return _compiled(function, nogil=False)


def unlocked_kernel(function: F) -> F:
    """As `kernel`, for what takes longer than the hand-over of the GIL, and touches nothing that others may change."""
    return _compiled(function, nogil=True)


def _compiled(function: F, *, nogil: bool) -> F:
    folder = cache_folder()
    if interpreted():
        return function
    before = OPTIONS.CACHE_DIR
    OPTIONS.CACHE_DIR = str(folder) if folder else before
    try:
        return cast(F, njit(cache=folder is not None, error_model="numpy", nogil=nogil)(function))
    finally:
        OPTIONS.CACHE_DIR = before


def part(function: F) -> F:
    """Compile `function` as a part of the kernels that call it. Python can't call it, and so it compiles faster."""
    if interpreted():
        return function
    options: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher = njit(**options)(function)
    _compile_once(dispatcher)
    return cast(F, dispatcher)


def _compile_once(dispatcher: Any) -> None:
    """Let every integer argument be an int64: one compilation per part, not one per mixture of field widths.

    Without this the same decisions are compiled up to six times over (27 s instead of 12). Where a version of numba has
    no such method, nothing is lost but that time.
    """
    find_template = getattr(dispatcher, "get_call_template", None)
    if find_template is None:
        return

    def find_wide_template(arguments: Any, keywords: Any) -> Any:
        wide = tuple(types.int64 if isinstance(a, types.Integer | types.Boolean) else a for a in arguments)
        return find_template(wide, keywords)

    dispatcher.get_call_template = find_wide_template


def interpreted() -> bool:
    """True where NUMBA_DISABLE_JIT=1: kernels are plain Python functions, a hundred times slower, the same numbers."""
    return bool(OPTIONS.DISABLE_JIT)


def is_cold() -> bool:
    """True if the kernels have to be compiled before anything runs: some seconds, once per version and machine."""
    folder = cache_folder()
    return not interpreted() and (folder is None or not any(folder.rglob("*.nbi")))


@cache
def cache_folder() -> Path | None:
    """The folder with this version's compiled kernels, made if absent; None where nothing can be written."""
    name = _key()
    for find in (_user_cache, _temporary_cache):  # the second makes a folder: only where the first can't be used
        parent = find()
        if parent is None:
            continue
        folder = parent / name
        try:
            parent.parent.mkdir(parents=True, exist_ok=True)
            if not (_ours_alone(parent) and _ours_alone(folder)):
                continue
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        _drop_old(parent, folder)
        return folder
    return None


def _key() -> str:
    digest = hashlib.sha256()
    for name, text in sorted(kernel_sources().items()):
        digest.update(name.encode())
        digest.update(text)
    digest.update(f"{numba.__version__} {platform.python_version()} {OPTIONS.BOUNDSCHECK}".encode())
    digest.update(str(PACKAGE).encode())
    return digest.hexdigest()[:20]


def kernel_sources() -> dict[str, bytes]:
    """Module name -> text of every file with kernels in it, and of what these import from the same folders."""
    texts = {
        f"{folder}.{source.stem}": source.read_bytes()
        for folder in KERNEL_FOLDERS
        for source in (PACKAGE / folder).glob("*.py")
    }
    found: dict[str, bytes] = {}
    queue = [name for name, text in texts.items() if MAKES_KERNELS.search(text)]
    while queue:
        name = queue.pop()
        if name in texts and name not in found:
            found[name] = texts[name]
            queue += [each.decode() for each in IMPORTED.findall(texts[name])]
    return found


def _user_cache() -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "swaptiers"
    with contextlib.suppress(RuntimeError):
        return Path.home() / ".cache" / "swaptiers"
    return None


def _temporary_cache() -> Path | None:
    """Under a name that others could have taken: `_ours_alone` looks."""
    return Path(tempfile.gettempdir()) / f"swaptiers-{os.getuid()}"


def _ours_alone(folder: Path) -> bool:
    """Make the folder if absent; False unless it is this user's and nobody else can write to it.

    Compiled code is loaded from it, and numba's index of it is a pickle: whoever can write there can run code as us.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _drop_old(parent: Path, current: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(current)
        folders = sorted((each for each in parent.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
        for folder in folders[:-KEPT_FOLDERS]:
            shutil.rmtree(folder, ignore_errors=True)
