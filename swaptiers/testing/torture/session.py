"""Episode after episode, until the time is up or one fails; a failure is made small and written down as a program."""

from __future__ import annotations

import gc
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attrs

from swaptiers.testing.checkers import descriptors
from swaptiers.testing.memory import resident_bytes
from swaptiers.testing.torture.episode import Episode, Outcome, draw_episode, run_episode
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.script import write_script, write_threaded_script
from swaptiers.testing.torture.shrink import shrink, shrink_threaded
from swaptiers.testing.torture.threads import ThreadedEpisode, draw_threaded, run_threaded, stacks

THREADED_EVERY = 4
TWICE_EVERY = 10
LIMIT_S = 600.0
"""An episode that takes longer hangs."""
SHRINK_S = 60.0
GROWTH_BYTES, GROWTH = 24 << 20, 1.1
"""What resident memory may grow by, from the second quarter of the episodes to the last."""
SAMPLES = 40
"""Episodes below which nothing is said about memory that grows."""
TRIES = 5
"""How often a threaded episode is run before it is taken for sound."""
AnyEpisode = Episode | ThreadedEpisode


@attrs.frozen(kw_only=True)
class Found:
    """A failure. `steps`: how many operations the script has, of how many; None where nothing could be made smaller."""

    episode: int
    failure: TortureError
    operation: str
    script: str
    steps: int
    steps_before: int


@attrs.frozen(kw_only=True)
class Report:
    """What a session did. Memory in bytes, as resident."""

    seed: int
    episodes: int
    threaded: int
    repeated: int
    seconds: float
    counts: Counter[str]
    start_bytes: int
    peak_bytes: int
    end_bytes: int
    descriptors: tuple[int, int]
    found: Found | None = None
    is_interrupted: bool = False


class Session:
    """Runs episodes of one seed. `clock`: seconds, for the time that is given; nothing else depends on it."""

    def __init__(self, seed: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.episodes = self.threaded = self.repeated = 0
        self._clock = clock
        self._started = clock()
        self._memory = [resident_bytes()]
        self._open = len(descriptors())
        self._stop = threading.Event()
        self._found: Found | None = None
        self._interrupted = False

    def run(self, seconds: float, progress: Callable[[Session], None] = lambda _: None) -> Report:
        """Until the time is up, something fails, or Ctrl-C."""
        try:
            number = 0
            while self._found is None and self._clock() - self._started < seconds:
                self.one(number)
                number += 1
                if number == 1:  # the first may have to compile the kernels, which takes longer than a short session
                    self._started = self._clock()
                progress(self)
            if self._found is None:
                self._check_memory()
        except KeyboardInterrupt:
            self._interrupted = True
        return self.report()

    def one(self, number: int) -> Outcome:
        """The episode of that number. A failure is kept, made small and written down by `report`."""
        episode = self._draw(number)
        outcome = self._watched(episode)
        self.episodes += 1
        self.threaded += isinstance(episode, ThreadedEpisode)
        self.counts.update(outcome.counts)
        if outcome.failure is None and isinstance(episode, Episode) and number % TWICE_EVERY == 0:
            self.repeated += 1
            again = self._watched(episode)
            if again.trace != outcome.trace and not self._stop.is_set():
                failure = TortureError("not reproducible", "the same episode had another outcome when it was run again")
                outcome = attrs.evolve(outcome, failure=again.failure or failure)
        if outcome.failure is not None:
            self._found = self._write_down(episode, outcome)
        self._memory.append(resident_bytes())
        return outcome

    def report(self) -> Report:
        """What was done so far."""
        return Report(
            seed=self.seed,
            episodes=self.episodes,
            threaded=self.threaded,
            repeated=self.repeated,
            seconds=self._clock() - self._started,
            counts=self.counts,
            start_bytes=self._memory[0],
            peak_bytes=max(self._memory),
            end_bytes=self._memory[-1],
            descriptors=(self._open, len(descriptors())),
            found=self._found,
            is_interrupted=self._interrupted,
        )

    def _draw(self, number: int) -> AnyEpisode:
        draw = draw_threaded if number % THREADED_EVERY == THREADED_EVERY - 1 else draw_episode
        return draw(self.seed, number)

    def _watched(self, episode: AnyEpisode) -> Outcome:
        """Run it in a thread of its own: one that hangs is a failure, with what every thread was doing."""
        outcomes: list[Outcome] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                outcomes.append(run(episode, self._stop.is_set))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            thread.join(LIMIT_S)
        except KeyboardInterrupt:
            self._stop.set()
            thread.join(LIMIT_S)
            raise
        if thread.is_alive():
            what = f"the episode did not come to an end within {LIMIT_S:g} s\n{stacks()}"
            return Outcome(counts=Counter(), trace="", failure=TortureError("deadlock", what))
        if errors:
            raise errors[0]
        return outcomes[0]

    def _write_down(self, episode: AnyEpisode, outcome: Outcome) -> Found:
        """Make the failure small, and a program of it."""
        failure = outcome.failure
        assert failure is not None
        path = Path(f"torture-{self.seed}-{episode.number}.py")
        until = self._clock() + SHRINK_S
        is_over = lambda: self._clock() > until  # noqa: E731
        at = "" if outcome.at is None or not isinstance(episode, Episode) else _operation(episode, outcome.at)
        before = _steps(episode)
        if isinstance(episode, ThreadedEpisode):
            if failure.kind != "deadlock":
                episode = shrink_threaded(episode, lambda each: _fails(each, failure.kind, TRIES), is_over)
            path.write_text(write_threaded_script(episode, failure), encoding="utf-8")
        else:
            if failure.kind not in ("deadlock", "not reproducible"):
                ends = len(episode.operations) if outcome.at is None else outcome.at + 1
                cut = attrs.evolve(episode, operations=episode.operations[:ends])
                episode = cut if _fails(cut, failure.kind) else episode
                episode = shrink(episode, lambda each: _fails(each, failure.kind), is_over)
            path.write_text(write_script(episode, failure), encoding="utf-8")
        return Found(
            episode=episode.number,
            failure=failure,
            operation=at,
            script=str(path),
            steps=_steps(episode),
            steps_before=before,
        )

    def _check_memory(self) -> None:
        """Resident memory is flat, if there were enough episodes to tell."""
        samples = self._memory[1:]
        quarter = len(samples) // 4
        if len(samples) < SAMPLES:
            return
        before, after = statistics.median(samples[quarter : 2 * quarter]), statistics.median(samples[-quarter:])
        if after > before * GROWTH + GROWTH_BYTES:
            what = f"resident memory grew from {before:.0f} to {after:.0f} bytes over {len(samples)} episodes"
            failure = TortureError("memory grows", what)
            self._found = Found(episode=-1, failure=failure, operation="", script="", steps=0, steps_before=0)


def run(episode: AnyEpisode, is_stopped: Callable[[], bool] = lambda: False) -> Outcome:
    """Carry the episode out in a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="swaptiers-torture-") as folder:
        if isinstance(episode, ThreadedEpisode):
            outcome = run_threaded(episode, Path(folder))
        else:
            outcome = run_episode(episode, Path(folder), is_stopped)
    gc.collect()  # what a cycle holds is no leak
    return outcome


def _fails(episode: AnyEpisode, kind: str, tries: int = 1) -> bool:
    """True if it fails, and with the same sort of failure."""
    for _ in range(tries):
        failure = run(episode).failure
        if failure is not None and failure.kind == kind:
            return True
    return False


def _operation(episode: Episode, at: int) -> str:
    if at >= len(episode.operations):
        return f"after all {at} operations"
    return f"operation {at}, {type(episode.operations[at]).__name__}"


def _steps(episode: AnyEpisode) -> int:
    if isinstance(episode, Episode):
        return len(episode.operations)
    return sum(len(part) for parts in episode.rounds for part in parts)
