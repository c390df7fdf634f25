"""Feeds generated inputs to what reads units, configs and traces: an answer or one sentence, soon, in little memory."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

from swaptiers.config import parse_document, structure
from swaptiers.controllers.promotion_rate import PerMinute
from swaptiers.demotion.only import Only
from swaptiers.demotion.quota import Quota
from swaptiers.errors import ConfigError
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.testing.memory import peak_bytes
from swaptiers.units import Amount, parse_bytes, parse_fraction, parse_nanoseconds, parse_rate, to_bytes, to_nanoseconds
from swaptiers.workloads.formats import FORMATS
from swaptiers.workloads.specs import Start
from tests.fuzz.inputs import documents, traces, unit_values

MAX_S = 5
"""Of CPU time: how busy the machine is decides nothing."""
MAX_WALL_S = 300
"""Where something waits that should not."""
MAX_BYTES = 1 << 30
MAX_SENTENCE = 700
ENOUGH_WORDS = 1 << 21
"""A trace of a few bytes may name billions of references; so many are looked at."""
AT_A_TIME = 50
"""Units in one example: drawing a list is cheaper than drawing one by one."""
ROUND = 2_000
"""Examples with one seed; hypothesis remembers all that it tried."""
UNITS: list[Callable[[Any], Any]] = [
    parse_bytes, parse_nanoseconds, parse_fraction, parse_rate, Amount.parse, to_bytes, to_nanoseconds, Start.parse,
    PerMinute.parse, Only.parse, Quota.from_text,
]  # fmt: skip


class TooSlowError(Exception):
    """An input that took longer than MAX_S."""


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """Raises TooSlowError."""

    def late(*_: object) -> None:
        raise TooSlowError(f"more than {MAX_S} s")

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, MAX_S), (signal.SIGALRM, signal.ITIMER_REAL, MAX_WALL_S))
    before = [signal.signal(number, late) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def a_sentence(error: Exception) -> None:
    """What a user gets to see is short and stands on one line."""
    text = str(error)
    assert text, f"{type(error).__name__} without a word"
    assert len(text) <= MAX_SENTENCE, f"{len(text)} characters: {text[:200]}"


def try_units(values: list[Any]) -> int:
    """Each through every parser: a value or a ValueError."""
    for value in values:
        for parse in UNITS:
            if parse == Quota.from_text and not isinstance(value, str):
                continue
            try:
                parse(value)
            except ValueError as error:
                a_sentence(error)
    return len(values)


def try_document(text: str, folder: Path) -> int:
    """Through all that `swaptiers check` does."""
    try:
        structure(parse_document(text, "c.yaml"), ExperimentSpec)
    except ConfigError as error:
        a_sentence(error)
        assert "\n" not in str(error)
        return 1
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_experiment(path).advice()
    except ConfigError as error:
        a_sentence(error)
    return 1


def try_trace(trace: tuple[str, tuple[str, bytes]], folder: Path) -> int:
    """Read to its end, or to ENOUGH_WORDS."""
    form, (suffix, data) = trace
    path = folder / f"t.{form}{suffix}"
    path.write_bytes(data)
    words = 0
    try:
        for part in FORMATS[form](path):
            words += part.size
            if words > ENOUGH_WORDS:
                break
    except ConfigError as error:
        a_sentence(error)
    return 1


def drive(
    kind: str, count: int, first_seed: int, folder: Path, progress: Callable[[int], object] = lambda done: None
) -> tuple[int, float]:
    """So many inputs of a kind (units, yaml, traces): how many there were, and the longest that one example took.

    Raises what came instead of an answer, TooSlowError, or AssertionError for memory.
    """
    strategy, attempt = {
        "units": (some.lists(unit_values, min_size=AT_A_TIME, max_size=AT_A_TIME), lambda values: try_units(values)),
        "yaml": (documents, lambda text: try_document(text, folder)),
        "traces": (traces, lambda trace: try_trace(trace, folder)),
    }[kind]
    done, longest, had = 0, 0.0, peak_bytes()
    number = first_seed
    while done < count:
        examples = min(ROUND, max(1, (count - done) // (AT_A_TIME if kind == "units" else 1)))

        @seed(number)
        @settings(
            max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategy)
        def one(value: Any) -> None:
            nonlocal done, longest
            started = time.process_time()
            with soon():
                done += attempt(value)
            longest = max(longest, time.process_time() - started)

        before = done
        one()
        assert done > before, "nothing was generated"
        number += 1
        progress(done)
        more = peak_bytes() - had  # others may have been in this process before
        assert more < MAX_BYTES, f"{more >> 20} MiB"
    return done, longest
