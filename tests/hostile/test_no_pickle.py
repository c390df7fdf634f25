"""No pickle is read: whoever gives us a config, a trace or a result file must not be able to run code by it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import swaptiers

PACKAGE = Path(swaptiers.__file__).parent
ROOT = PACKAGE.parent
LOADS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"eval", "exec", "compile", "__import__"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def names_in(tree: ast.AST) -> set[str]:
    """Modules imported, and functions called by name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.split(".")[0]}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found |= {f"{node.func.id}()"}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_unpickles_or_evaluates(path: Path) -> None:
    """By import, by numpy, by pandas, or by eval."""
    text = path.read_text(encoding="utf-8")
    found = names_in(ast.parse(text))
    assert not found & LOADS_CODE
    assert not found & {f"{call}()" for call in CALLS}
    for words in ("allow_pickle", "read_pickle", "YAML(typ='unsafe'", 'YAML(typ="unsafe"', "yaml.load("):
        assert words not in text


def test_numpy_refuses_by_default(tmp_path: Path) -> None:
    """The promise about `allow_pickle` rests on numpy's default."""
    import numpy as np  # noqa: PLC0415

    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "a.npy")


INTERRUPTED = """
import os, signal, sys
import importlib.abc

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

wanted, sys.argv = sys.argv[1], ["swaptiers", "run", "c.yaml"]
sys.meta_path.insert(0, Interrupt())
import swaptiers.__main__
swaptiers.__main__.main()
"""


@pytest.mark.parametrize(
    "module",
    [
        "swaptiers.cli",
        "click",
        "swaptiers.errors",
        "swaptiers.cli.run",
        "rich.console",
        "numba",
        "swaptiers.core.api_plans",
    ],
)
def test_ctrl_c_during_the_first_imports(tmp_path: Path, module: str) -> None:
    """Imports take a second; whoever gives up then sees one word, not a traceback of somebody's internals."""
    (tmp_path / "c.yaml").write_text("version: 1\n")
    program = INTERRUPTED
    done = subprocess.run(
        [sys.executable, "-c", program, module], cwd=tmp_path, capture_output=True, text=True, timeout=100,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.split() == ["interrupted"]
