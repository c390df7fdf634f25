"""Do the tests notice? Mutants of the core, the engine and the tiers, each against a fast part of the tests, interpreted.

    python -m tests.mutation --count 120 --seed 1 --jobs 2

prints each survivor and how many were caught; exit code 1 below 90 %. The checkout is not touched: each mutant is tried in
a copy, by a forked process that finds numba, pytest and the rest imported already.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["NUMBA_DISABLE_JIT"] = "1"

import attrs  # noqa: F401  (these are imported once, for all mutants)
import cattrs  # noqa: F401
import hypothesis
import hypothesis.stateful
import lz4.block  # noqa: F401
import networkx as nx  # noqa: F401
import numba  # noqa: F401
import pytest
import rich.console  # noqa: F401
import ruamel.yaml  # noqa: F401
import xxhash  # noqa: F401
import zstandard  # noqa: F401

from tests.mutation.mutants import Mutant, sample

ROOT = Path(__file__).parents[2]
MUTATED = ("swaptiers/core", "swaptiers/demotion/engine.py", "swaptiers/system", "swaptiers/tiers")
LEFT_OUT = ("swaptiers/core/compile.py",)
"""How kernels are compiled and cached: nothing of it runs interpreted."""
COPIED = ("swaptiers", "tests", "examples", "docs", "pyproject.toml", "tiers.yaml", "README.md")
TESTS = Path(__file__).with_name("tests.txt")
"""Which tests a mutant has to face, a path or id a line, the quickest to fail first."""
FEW = ["--hypothesis-profile=mutation", "-k", "not Machine"]
"""State machines, and examples by the hundred, are too slow interpreted."""
ENOUGH = 0.9


class Timer:
    """Says what each test took, for choosing them."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Any:
        started = time.process_time()
        done = yield
        print(f"{time.process_time() - started:6.2f} s  {item.nodeid}", file=sys.__stderr__, flush=True)
        return done


def copy_into(folder: Path) -> None:
    """All that the tests need of the checkout."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "traces"))
        else:
            shutil.copy(ROOT / name, folder / name)


def tried(folder: Path, mutant: Mutant | None, limit_s: int, timer: bool = False) -> int:
    """Start a process that runs the tests with the mutant in place (None: the program as it is); its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    with contextlib.suppress(BaseException):
        if mutant is not None:
            path = folder / mutant.path
            path.write_text(mutant.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
        os.chdir(folder)
        sys.dont_write_bytecode = True
        sys.path[:] = [str(folder), *(each for each in sys.path if Path(each or ".").resolve() != ROOT)]
        for name in [each for each in sys.modules if each.split(".")[0] in ("tests", "swaptiers")]:
            del sys.modules[name]
        hypothesis.settings.register_profile("mutation", max_examples=10, deadline=None, database=None)
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))  # a mutant that hangs is caught
        if not timer:
            quiet = os.open(os.devnull, os.O_RDWR)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
        names = [line for line in TESTS.read_text().splitlines() if line and not line.startswith("#")]
        arguments = [
            *names,
            "-x",
            "-q",
            "-n",
            "0",
            "--hypothesis-seed=1",
            "-p",
            "no:cacheprovider",
            "--no-header",
            *FEW,
        ]
        code = int(pytest.main([*arguments, f"--basetemp={folder}/tmp"], plugins=[Timer()] if timer else []))
    os._exit(code)


def main() -> int:
    """Try them; the number that is not caught decides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=int, default=120, help="CPU seconds; a mutant that takes more is caught")
    parser.add_argument("--list", action="store_true", help="only say which")
    parser.add_argument("--times", action="store_true", help="only say what each test takes, without mutants")
    parser.add_argument("--only", nargs="*", default=[], help="only mutants whose description contains one of these")
    options = parser.parse_args()
    chosen = sample(ROOT, MUTATED, options.count, options.seed, LEFT_OUT)
    if options.only:
        chosen = [mutant for mutant in chosen if any(words in str(mutant) for words in options.only)]
    if options.list:
        print("\n".join(map(str, chosen)))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as made:
        pristine = Path(made) / "pristine"
        pristine.mkdir()
        copy_into(pristine)
        if options.times:
            return int(os.waitpid(tried(pristine, None, 3600, timer=True), 0)[1] != 0)
        return _measure(chosen, Path(made), pristine, options)


def _measure(chosen: list[Mutant], made: Path, pristine: Path, options: argparse.Namespace) -> int:
    """The program as it is goes first, beside the mutants: if it is caught, nothing was measured."""
    running: dict[int, tuple[Mutant | None, Path]] = {}
    caught = 0
    waiting: list[Mutant | None] = [None, *chosen]
    while waiting or running:
        while waiting and len(running) < options.jobs:
            mutant = waiting.pop(0)
            folder = made / str(len(waiting))
            shutil.copytree(pristine, folder)
            running[tried(folder, mutant, options.limit)] = mutant, folder
        pid, status = os.wait()
        mutant, folder = running.pop(pid)
        shutil.rmtree(folder, ignore_errors=True)
        if mutant is not None:
            caught += status != 0
            print("caught  " if status else "SURVIVED", mutant, flush=True)
        elif status:
            print("the tests fail as they are: nothing is measured")
            for other in running:
                os.kill(other, 9)
            return 2
        else:
            print("the tests pass as they are", flush=True)
    print(f"{caught} of {len(chosen)} mutants caught ({caught / len(chosen):.0%}), seed {options.seed}")
    return 0 if caught >= ENOUGH * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
