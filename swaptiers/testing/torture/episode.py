"""One episode that is the same each time: a world, operations one after the other, and everything read back at the end."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from swaptiers.errors import ClosedError, IntegrityError, TierIOError
from swaptiers.testing.checkers import nothing_left
from swaptiers.testing.faults import Kind
from swaptiers.testing.torture.arena import Arena
from swaptiers.testing.torture.drawing import HONEST, LYING, Drawing
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.limits import Usage
from swaptiers.testing.torture.model import Model
from swaptiers.testing.torture.operations import Operation, RemoveCgroup, SetLimits
from swaptiers.testing.torture.play import Play
from swaptiers.testing.torture.reasons import explain
from swaptiers.testing.torture.world import World, draw_world

OPERATIONS = 160
RECOUNT_EVERY = 4
"""Operations; after an error accounts are recounted at once."""
FLAVOURS: tuple[tuple[Kind, ...] | None, ...] = (HONEST, HONEST, HONEST, (*HONEST, *LYING), (*HONEST, *LYING), (), None)
"""What tiers may be made to do; None: they are not even wrapped."""


@attrs.frozen(kw_only=True)
class Episode:
    """What an episode is, before anything has happened."""

    seed: int
    number: int
    world: World
    operations: tuple[Operation, ...]
    is_bare: bool = False


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of it. `trace`: a digest of every outcome and counter. `failure`: what may not be, in operation `at`."""

    counts: Counter[str]
    trace: str
    failure: TortureError | None = None
    at: int | None = None


def draw_episode(seed: int, number: int) -> Episode:
    """The episode of that number in the session of that seed."""
    draw = random.Random(f"{seed}:{number}")
    kinds = draw.choice(FLAVOURS)
    world = draw_world(draw)
    operations = Drawing(draw, world, kinds or ()).everything(draw.randint(OPERATIONS // 4, OPERATIONS * 2))
    return Episode(seed=seed, number=number, world=world, operations=tuple(operations), is_bare=kinds is None)


def run_episode(episode: Episode, folder: Path, is_stopped: Callable[[], bool] = lambda: False) -> Outcome:
    """Carry it out in an empty folder. `is_stopped`: True once it is to end early, with what was done so far checked."""
    trace = hashlib.blake2b(digest_size=8)
    counts: Counter[str] = Counter()
    at = None
    try:
        with nothing_left(folder), _opened(episode, folder, counts) as arena:
            play = Play(arena, Model())
            usage = Usage.of(arena)
            for at, operation in enumerate(episode.operations):
                if is_stopped():
                    break
                said = play.do(operation)
                trace.update(f"{at} {said}\n".encode())
                usage = check_after(arena, play, operation, usage, recounts=at % RECOUNT_EVERY == 0 or "Error" in said)
            at = len(episode.operations)
            read_back(arena, play)
            trace.update(repr(arena.swap.stats()).encode())
    except TortureError as failure:
        return Outcome(counts=counts, trace=trace.hexdigest(), failure=failure, at=at)
    except IntegrityError as error:
        return Outcome(counts=counts, trace=trace.hexdigest(), failure=TortureError("accounts", str(error)), at=at)
    except AssertionError as error:
        return Outcome(counts=counts, trace=trace.hexdigest(), failure=TortureError("left behind", str(error)), at=at)
    except Exception as error:
        return Outcome(counts=counts, trace=trace.hexdigest(), failure=unexpected(error), at=at)
    return Outcome(counts=counts, trace=trace.hexdigest())


def unexpected(error: Exception) -> TortureError:
    """What nothing that was injected explains, where it was not an operation's."""
    return TortureError(f"unexpected {type(error).__name__}", f"between operations, or at the end: {error}")


@contextlib.contextmanager
def _opened(episode: Episode, folder: Path, counts: Counter[str]) -> Iterator[Arena]:
    """The episode's system, closed at the end; what was counted is added to `counts`."""
    arena = Arena(episode.world, folder, is_bare=episode.is_bare)
    try:
        yield arena
        close(arena)
    finally:
        arena.close_anyhow()
        arena.count_faults()
        counts.update(arena.counts)


def check_after(arena: Arena, play: Play, operation: Operation, before: Usage, *, recounts: bool) -> Usage:
    """What must hold after every operation; what is used now. `recounts`: all accounts are looked at too."""
    if recounts:
        arena.swap.check()
    if len(arena.swap) != len(play.model.ids):
        raise TortureError(
            "lost" if len(arena.swap) < len(play.model.ids) else "left in",
            f"the system holds {len(arena.swap)} entries, the model {len(play.model.ids)}",
        )
    usage = Usage.of(arena)
    if not isinstance(operation, SetLimits | RemoveCgroup):
        usage.check_after(before)
    return usage


def read_back(arena: Arena, *plays: Play) -> None:
    """Every page is there, or its device lost it and it is named. Then all are taken, and nothing is left in any tier."""
    with arena.calm():
        for play in plays:
            play.give_up_unreadable(list(play.model.ids))
            ids = list(play.model.ids)
            arena.counts["page reads compared"] += len(ids)
            for page, got in zip(ids, arena.swap.swap_in([play.model.ids[page] for page in ids]), strict=True):
                if got.tobytes() != play.model.content(page):
                    raise TortureError("wrong bytes", f"page {page} came back with other bytes")
            arena.swap.forget_clean(list(play.model.clean.values()))
    arena.swap.check()
    stats = arena.swap.stats()
    if stats.entries or any(tier.stored_bytes or tier.kept for tier in stats.tiers.values()):
        raise TortureError("left in", f"{stats.entries} entries are left after all were taken")
    for name, witness in arena.witnesses.items():
        if witness.held and name not in keeping(arena) | arena.removed:
            raise TortureError("slot not freed", f"tier {name!r} was not told to forget {len(witness.held)} payloads")


def keeping(arena: Arena) -> set[str]:
    """Tiers with `keep_clean`, whose slots are given up without the tier being told."""
    return {tier.name for tier in arena.swap.graph.tiers if getattr(tier, "keep_clean", False)}


def close(arena: Arena) -> None:
    """The end. A tier that can't be closed is named, if it was made to fail; all others are closed."""
    before = arena.injected()
    try:
        arena.swap.close()
    except TierIOError as error:
        if explain(arena, error, before) is None:
            raise TortureError("unexpected TierIOError", str(error)) from error
        arena.counts["errors that say where the data is"] += 1
    with contextlib.suppress(ClosedError):
        arena.swap.stats()
        raise TortureError("closed", "a closed system still answers")
