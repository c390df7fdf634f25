"""Which functions each test reaches, and what it costs: a mutant has only to face the tests that come to where it is."""

from __future__ import annotations

import ast
import json
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

Function = tuple[str, int]
"""File, relative to the checkout, and the line where a function starts (its first decorator's)."""
SLOW_S = 3.0
"""A test that takes longer is named: it had better be left out of `tests.txt`."""
AT_IMPORT = ""
"""Stands for a test, for what is reached before any test runs."""


@dataclass(frozen=True)
class Reach:
    """`seconds` of CPU of each test, by id; `functions`: those that it reaches."""

    seconds: dict[str, float]
    functions: dict[str, set[Function]]

    def write(self, path: Path) -> None:
        """For another process."""
        reached = {test: sorted(functions) for test, functions in self.functions.items()}
        path.write_text(json.dumps({"seconds": self.seconds, "functions": reached}))

    @classmethod
    def read(cls, path: Path) -> Reach:
        """What another process wrote."""
        raw = json.loads(path.read_text())
        return cls(
            raw["seconds"], {test: {(file, line) for file, line in each} for test, each in raw["functions"].items()}
        )

    def tests_of(self, function: Function | None) -> list[str]:
        """The tests that reach the function, the cheapest first; all where it runs at import or is none (None), or where none
        is seen to reach it, which may be so in processes that tests start."""
        everywhere = function is None or function in self.functions[AT_IMPORT]
        found = [test for test in self.seconds if everywhere or function in self.functions[test]]
        return sorted(found or self.seconds, key=lambda test: (self.seconds[test], test))


def function_at(path: str, text: str, line: int) -> Function | None:
    """The innermost function around a line, None for what runs at import."""
    found: Function | None = None
    for node in ast.walk(ast.parse(text)):  # outer ones first
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line <= (node.end_lineno or 0):
            found = path, min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return found


class Recorder:
    """A pytest plugin that finds it out for the checkout in `folder`, threads included."""

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}/"
        self._seen: set[CodeType] = set()
        self._of_test = {AT_IMPORT: self._seen}
        self._seconds: dict[str, float] = {}
        self._watch(True)

    @property
    def reach(self) -> Reach:
        """What was found out so far."""
        return Reach(
            self._seconds, {test: set(filter(None, map(self._function, seen))) for test, seen in self._of_test.items()}
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self._seen = self._of_test[item.nodeid] = set()
        started = time.process_time()
        self._watch(True)
        done = yield
        self._seconds[item.nodeid] = took = time.process_time() - started
        if took > SLOW_S:
            sys.stderr.write(f"\n{took:.1f} s  {item.nodeid}\n")
        return done  # type: ignore[return-value]

    def pytest_unconfigure(self) -> None:
        self._watch(False)

    def _watch(self, on: bool) -> None:
        sys.settrace(self._called if on else None)
        threading.settrace(self._called if on else None)  # type: ignore[arg-type]

    def _called(self, frame: FrameType, event: str, arg: object) -> None:
        self._seen.add(frame.f_code)

    def _function(self, code: CodeType) -> Function | None:
        file = code.co_filename
        return (file[len(self._prefix) :], code.co_firstlineno) if file.startswith(self._prefix) else None


class Chosen:
    """A pytest plugin: these tests, in this order. One that takes much more of the CPU or the clock than it did before, by
    `seconds`, hangs, and ends the process."""

    def __init__(self, tests: Sequence[str], seconds: dict[str, float]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}
        self._seconds = seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place), key=lambda item: self._place[item.nodeid]
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        before = self._seconds[item.nodeid]
        used = int(time.process_time()) + 1
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (used + int(10 + 5 * before), most))
        signal.alarm(int(60 + 30 * before))
