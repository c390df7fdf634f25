"""An episode with many threads over one system: each has pages of its own, one is in everybody's way, tiers fail and hang.

What is drawn is the same each time, what happens is not. At barriers everybody stops, and everything is recounted.
"""

from __future__ import annotations

import contextlib
import faulthandler
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

from swaptiers.errors import IntegrityError
from swaptiers.testing.checkers import nothing_left
from swaptiers.testing.faults import Fault, SeededFaults
from swaptiers.testing.faults import Operation as TierCall
from swaptiers.testing.torture import operations as ops
from swaptiers.testing.torture.arena import Arena
from swaptiers.testing.torture.drawing import HONEST, Drawing
from swaptiers.testing.torture.episode import Outcome, close, read_back, unexpected
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.model import Model
from swaptiers.testing.torture.play import Play
from swaptiers.testing.torture.reasons import explain
from swaptiers.testing.torture.world import World, draw_world

ROUNDS = 4
APART = 1_000_000
"""The first page number of each thread, times its place."""


@attrs.frozen(kw_only=True)
class ThreadedEpisode:
    """What each thread does in each round. `rate`: how many of the tiers' calls fail."""

    seed: int
    number: int
    world: World
    rounds: tuple[tuple[tuple[ops.Operation, ...], ...], ...]
    rate: float
    has_background: bool
    limit_s: float = 300.0


def draw_threaded(seed: int, number: int) -> ThreadedEpisode:
    """The threaded episode of that number in the session of that seed."""
    draw = random.Random(f"{seed}:{number}")
    world = attrs.evolve(draw_world(draw), stamp_limit=draw.choice((2000, (1 << 31) - 1)))
    workers = [Drawing(draw, world, (), first=(1 + place) * APART) for place in range(draw.choice((2, 4, 8)))]
    meddler = Drawing(draw, world, ())
    rounds = []
    for _ in range(ROUNDS):
        parts = [tuple(worker.pages_only(draw.randint(20, 60))) for worker in workers]
        rounds.append((*parts, tuple(meddler.meddling(draw.randint(20, 60)))))
    return ThreadedEpisode(
        seed=seed,
        number=number,
        world=world,
        rounds=tuple(rounds),
        rate=draw.choice((0.0, 0.01, 0.05)),
        has_background=draw.random() < 0.5,
    )


def run_threaded(episode: ThreadedEpisode, folder: Path) -> Outcome:
    """Carry it out in an empty folder."""
    counts: Counter[str] = Counter()
    failure: TortureError | None = None
    arena = None
    try:
        with nothing_left(folder):
            arena = Arena(episode.world, folder)
            _run_rounds(episode, arena)
            close(arena)
    except TortureError as error:
        failure = error
    except IntegrityError as error:
        failure = TortureError("accounts", str(error))
    except AssertionError as error:
        failure = TortureError("left behind", str(error))
    except Exception as error:
        failure = unexpected(error)
    if arena is not None:
        if failure is not None and failure.kind != "deadlock":  # else closing would wait for whoever hangs
            arena.close_anyhow()
        arena.count_faults()
        counts.update(arena.counts)
    return Outcome(counts=counts, trace="", failure=failure)


def _run_rounds(episode: ThreadedEpisode, arena: Arena) -> None:
    plan = SeededFaults(
        seed=episode.seed * 1000 + episode.number,
        rate=episode.rate,
        kinds=(*HONEST, "flip"),
        operations=("encode", "decode", "load", "free"),
    )
    stores = attrs.evolve(plan, kinds=HONEST, operations=("store",))
    for witness in arena.witnesses.values():
        witness.faulty.arm(_Both(plan, stores))
    plays = [Play(arena, Model(), is_alone=False) for _ in episode.rounds[0]]
    with contextlib.ExitStack() as stack:
        if episode.has_background:
            stack.enter_context(_in_background(arena, episode.limit_s))
        for parts in episode.rounds:
            _run_round(parts, plays, episode.limit_s)
            arena.swap.check()
            held = sum(len(play.model.ids) for play in plays)
            if len(arena.swap) != held:
                raise TortureError("lost", f"the system holds {len(arena.swap)} entries, the models {held}")
    read_back(arena, *plays)


@attrs.frozen
class _Both:
    """Stores fail honestly: a device that lies needs to be alone, to be held against what it did."""

    others: SeededFaults
    stores: SeededFaults

    def fault(self, tier: str, operation: TierCall, number: int) -> Fault | None:
        return (self.stores if operation == "store" else self.others).fault(tier, operation, number)


@contextlib.contextmanager
def _in_background(arena: Arena, limit_s: float) -> Iterator[None]:
    """Demotion in a thread of its own. Raises TortureError for an error of it that may not be, or if it does not end."""
    failures: list[Exception] = []

    def judge(error: Exception) -> None:
        if explain(arena, error, {}) is None:
            failures.append(error)

    arena.background = background = arena.swap.background()
    background.on_error = judge
    ender = threading.Thread(target=background.leave, daemon=True)
    try:
        yield
    finally:
        arena.background = None
        ender.start()
        ender.join(limit_s)
    if ender.is_alive():
        raise TortureError("deadlock", f"the background did not come to an end within {limit_s:g} s\n{stacks()}")
    if failures:
        name = type(failures[0]).__name__
        raise TortureError(f"unexpected {name}", f"background: {failures[0]}") from failures[0]


def _run_round(parts: tuple[tuple[ops.Operation, ...], ...], plays: list[Play], limit_s: float) -> None:
    """All threads at once. Raises TortureError of the first that failed, or for one that does not come to an end."""
    failures: list[BaseException] = []

    def work(play: Play, operations: tuple[ops.Operation, ...]) -> None:
        try:
            for operation in operations:
                if failures:
                    return
                play.do(operation)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(play, part), daemon=True) for play, part in zip(plays, parts, strict=True)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + limit_s
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        raise TortureError("deadlock", f"a thread did not come to an end within {limit_s:g} s\n{stacks()}")
    if failures:
        raise failures[0]


def stacks() -> str:
    """Where every thread is."""
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()
