"""Raising KeyboardInterrupt at each instant at which Python may: where the interpreter looks for signals, and nowhere else.

CPython 3.11 looks after a call has returned, at the start of a function, and where a loop jumps back. A trace function sees
every instruction of the package's frames, knows which one ran before it in its frame, and raises at the n-th such place.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType
from typing import Any

PACKAGE = "/swaptiers/"
LOOKS = ("CALL", "CALL_FUNCTION_EX", "JUMP_BACKWARD", "RESUME", "POP_JUMP_BACKWARD")
AVAILABLE = sys.version_info[:2] == (3, 11)


@cache
def _after(code: CodeType) -> frozenset[int]:
    """Offsets of instructions before which the interpreter has looked for signals."""
    found, looked = set(), False
    for each in dis.get_instructions(code):
        if looked and each.opname not in ("CACHE", "EXTENDED_ARG"):
            found.add(each.offset)
        looked = each.opname in LOOKS or (looked and each.opname in ("CACHE", "EXTENDED_ARG"))
        if each.opname == "JUMP_BACKWARD":
            found.add(each.argval)
            looked = False
    return frozenset(found)


class Interrupt:
    """Calls something and interrupts it at the instant with this number; `reached` says whether it got so far."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.reached = False
        self.where = ""

    def call(self, action: Callable[[], Any]) -> Any:
        """What the action returns. Raises KeyboardInterrupt if the instant was reached and the action let it through."""
        before = sys.gettrace()
        sys.settrace(self._entered)
        try:
            return action()
        finally:
            sys.settrace(before)

    def _entered(self, frame: FrameType, event: str, _: Any) -> Any:
        if PACKAGE not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._step

    def _step(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode" and frame.f_lasti in _after(frame.f_code):
            if self._left == 0 and not self.reached:
                self.reached = True
                self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                sys.settrace(None)
                raise KeyboardInterrupt(self.where)
            self._left -= 1
        return self._step
