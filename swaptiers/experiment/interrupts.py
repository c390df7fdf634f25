"""Ctrl-C goes to every process of a terminal's group: the workers don't see it, the first process ends them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Processes started within never see Ctrl-C, not even before their own code runs; here it is raised at the end.

    They inherit a mask. It alone would not do here: another thread takes the signal, and Python raises it in this one.
    """
    resource_tracker.ensure_running()  # lifts any mask when it starts
    pending: list[int] = []
    handler: Any = None
    main = threading.current_thread() is threading.main_thread()
    if main:
        handler = signal.signal(signal.SIGINT, lambda number, _: pending.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, handler)
    if pending:
        raise KeyboardInterrupt
