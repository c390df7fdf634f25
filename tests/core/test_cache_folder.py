"""Where compiled kernels are kept: the user's cache, else a private temporary folder, else nowhere."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba.core.dispatcher import Dispatcher

import swaptiers
from swaptiers.core import compile as compiling

PACKAGE = Path(swaptiers.__file__).parent
PROGRAM = """
from swaptiers.core.compile import cache_folder, is_cold, kernel

@kernel
def double(n):
    return 2 * n

was_cold = is_cold()
assert double(21) == 42
print(cache_folder())
print(was_cold)
print(sum(double.stats.cache_hits.values()))
"""


def folder_now() -> Path:
    """What `cache_folder` says in a new process."""
    folder: Path = compiling.cache_folder.__wrapped__()
    return folder


def test_every_compiled_function_is_in_the_key() -> None:
    """A kernel in a file that the key leaves out would be stale after an edit."""
    keyed = compiling.kernel_sources()
    found = 0
    for module in pkgutil.walk_packages([str(PACKAGE)], "swaptiers."):
        if module.name == "swaptiers.__main__":
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Dispatcher):
                found += 1
                assert value.py_func.__module__.removeprefix("swaptiers.") in keyed, value
    assert found > 100 or compiling.interpreted()


def test_old_folders_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version leaves some megabytes; the oldest go, the one in use and what else stands there stay."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    current = folder_now()
    for age in range(1, 12):
        old = current.parent / f"old-{age:02}"
        old.mkdir()
        os.utime(old, (10**9 - age, 10**9 - age))
    (current.parent / "a file").write_text("kept")
    assert folder_now() == current
    left = sorted(path.name for path in current.parent.iterdir())
    assert left == sorted([current.name, "a file", *(f"old-{age:02}" for age in range(1, compiling.KEPT_FOLDERS))])


def run(folder: Path, **environment: str) -> list[str]:
    """Run the program in a process of its own: its cache folder, whether it was cold, and its cache hits."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_", "XDG_"))}
    env.update({"PYTHONPATH": str(PACKAGE.parent), "TMPDIR": str(folder / "tmp"), **environment})
    done = subprocess.run([sys.executable, str(program)], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a temporary folder, and a file where a folder is wanted: not even root can write below that."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "file").write_text("")
    return tmp_path


def test_the_second_process_finds_it_compiled(folder: Path) -> None:
    """Without a hit every start would cost the first one's half minute."""
    home = str(folder / "home")
    first, second = run(folder, XDG_CACHE_HOME=home), run(folder, XDG_CACHE_HOME=home)
    assert Path(first[0]).parent == folder / "home" / "swaptiers"
    assert first[1:] == ["True", "0"]
    assert second == [first[0], "False", "1"]


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_a_home_that_cannot_be_written(folder: Path, variable: str) -> None:
    """A service's user has no home: the cache goes to a private temporary folder, and is found there again."""
    environment: dict[str, Any] = {variable: str(folder / "file"), "NUMBA_CACHE_DIR": str(folder / "file")}
    first, second = run(folder, **environment), run(folder, **environment)
    private = folder / "tmp" / f"swaptiers-{os.getuid()}"
    assert Path(first[0]).parent == private
    assert private.stat().st_mode & 0o777 == 0o700
    assert second[1:] == ["False", "1"]


@pytest.mark.parametrize("trap", ["a file", "open to all", "a link"])
def test_no_folder_at_all(folder: Path, trap: str) -> None:
    """Somebody else's folder is never used, since code is loaded from it; without any the kernels run all the same."""
    private = folder / "tmp" / f"swaptiers-{os.getuid()}"
    if trap == "a file":
        private.write_text("")
    elif trap == "open to all":
        private.mkdir()
        private.chmod(0o777)
    else:
        (folder / "elsewhere").mkdir(mode=0o700)
        private.symlink_to(folder / "elsewhere")
    assert run(folder, XDG_CACHE_HOME=str(folder / "file")) == ["None", "True", "0"]
