"""Do the tests notice? Mutants of the core, the engine and the tiers, each against a fast part of the tests, interpreted.

    python -m tests.mutation --count 120 --seed 1 --jobs 2

prints each survivor and how many were caught; exit code 1 below 90 %. The program as it is goes first: which test reaches
which function is recorded, and a mutant then faces those that come to its own, the cheapest first. The checkout is not
touched: each mutant is tried in a copy, by a forked process that finds numba, pytest and the rest imported already.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
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
from tests.mutation.reach import Chosen, Reach, Recorder, function_at

ROOT = Path(__file__).parents[2]
MUTATED = (
    "swaptiers/core",
    "swaptiers/demotion/engine.py",
    "swaptiers/demotion/reading.py",
    "swaptiers/demotion/writing.py",
    "swaptiers/system",
    "swaptiers/tiers",
)
LEFT_OUT = (
    *(f"swaptiers/core/{name}.py" for name in ("compile", "calls", "bulk", "files")),
    "swaptiers/tiers/bulk.py",
)
"""How kernels are compiled and cached, and how they call C functions: nothing of it runs interpreted."""
COPIED = ("swaptiers", "tests", "examples", "docs", "pyproject.toml", "tiers.yaml", "README.md")
TESTS = Path(__file__).with_name("tests.txt")
"""Which tests a mutant has to face, a path or id a line, the quickest to fail first; `- ` before an id leaves it out."""
FEW = ["--hypothesis-profile=mutation", "-k", "not Machine"]
"""State machines, and examples by the hundred, are too slow interpreted."""
ENOUGH = 0.9
FAILED = (1, 2)
"""How pytest ends where a test fails, or can't even be imported. All else but 0 is trouble of this program's own."""
TROUBLE = 70


def copy_into(folder: Path) -> None:
    """All that the tests need of the checkout."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "traces"))
        else:
            shutil.copy(ROOT / name, folder / name)


def tried(folder: Path, mutant: Mutant | None, reach: Reach | Path, tests: Sequence[str] = ()) -> int:
    """Start a process that runs `tests` with the mutant in place; its id. None: all of them on the program as it is, which
    writes what they reach to the path."""
    pid = os.fork()
    if pid:
        return pid
    code = TROUBLE
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
        if isinstance(reach, Reach):
            quiet = os.open(os.devnull, os.O_RDWR)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            plugin: Any = Chosen(tests, reach.seconds)
            files = sorted({test.split("::")[0] for test in tests})
        else:
            plugin = Recorder(folder)
            lines = [line for line in TESTS.read_text().splitlines() if line and not line.startswith("#")]
            files = [line for line in lines if not line.startswith("- ")]
            files += [f"--deselect={line[2:]}" for line in lines if line.startswith("- ")]
        options = ["-x", "-q", "-n", "0", "--hypothesis-seed=1", "-p", "no:cacheprovider", "--no-header", *FEW]
        code = int(pytest.main([*files, *options, f"--basetemp={folder}/tmp"], plugins=[plugin]))
        if isinstance(reach, Path) and code == 0:
            plugin.reach.write(reach)
    os._exit(code)


def main() -> int:
    """Try them; the number that is not caught decides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="only say which")
    parser.add_argument("--times", action="store_true", help="only say what each test takes, without mutants")
    parser.add_argument(
        "--reach", type=Path, help="a file that keeps what the first run records; if it is there, it is used"
    )
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
        recorded = (options.reach or Path(made) / "reach.json").absolute()
        if not recorded.exists():
            _, status = os.waitpid(tried(pristine, None, recorded), 0)
            if status:
                print("the tests fail as they are: nothing is measured")
                return 2
        reach = Reach.read(recorded)
        if options.times:
            print("\n".join(f"{reach.seconds[test]:6.2f} s  {test}" for test in reach.tests_of(None)))
            return 0
        print(f"the {len(reach.seconds)} tests pass as they are, in {sum(reach.seconds.values()):.0f} s", flush=True)
        shutil.rmtree(pristine / "tmp", ignore_errors=True)
        return _measure(chosen, Path(made), pristine, reach, options)


def _measure(chosen: list[Mutant], made: Path, pristine: Path, reach: Reach, options: argparse.Namespace) -> int:
    """Each mutant against the tests that come to where it is."""
    running: dict[int, tuple[Mutant, Path]] = {}
    caught = 0
    waiting = list(chosen)
    while waiting or running:
        while waiting and len(running) < options.jobs:
            mutant = waiting.pop(0)
            text = (pristine / mutant.path).read_text(encoding="utf-8")
            tests = reach.tests_of(function_at(mutant.path, text, mutant.line))
            folder = made / str(len(waiting))
            shutil.copytree(pristine, folder)
            running[tried(folder, mutant, reach, tests)] = mutant, folder
        pid, status = os.wait()
        mutant, folder = running.pop(pid)
        shutil.rmtree(folder, ignore_errors=True)
        is_caught = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) in FAILED
        caught += is_caught
        word = "caught  " if is_caught else "SURVIVED" if status == 0 else "TROUBLE "
        print(word, mutant, flush=True)
    print(f"{caught} of {len(chosen)} mutants caught ({caught / len(chosen):.0%}), seed {options.seed}")
    return 0 if caught >= ENOUGH * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
