"""Makes a failing episode small: operations are left out in chunks (delta debugging), then the rest is made simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from swaptiers.demotion.terms import EdgeSpec, Triggers
from swaptiers.testing.torture import operations as ops
from swaptiers.testing.torture.episode import Episode
from swaptiers.testing.torture.threads import ThreadedEpisode
from swaptiers.testing.torture.world import World

Rounds = tuple[tuple[tuple[ops.Operation, ...], ...], ...]
Fails = Callable[[Episode], bool]
"""True if this episode fails as the one did that is made small."""


def shrink(episode: Episode, fails: Fails, until: Callable[[], bool] = lambda: False) -> Episode:
    """The smallest episode that was found to fail as this one does. `until`: True once it has to be good enough."""
    search = _Search(episode, fails, until)
    before = None
    while before != search.best and not until():
        before = search.best
        search.leave_out()
        search.simplify_world()
        search.simplify_operations()
    return search.best


class _Search:
    def __init__(self, episode: Episode, fails: Fails, until: Callable[[], bool]) -> None:
        self.best = episode
        self._fails = fails
        self._until = until

    def _is_better(self, **changes: Any) -> bool:
        """Take the change over if the episode still fails."""
        if self._until():
            return False
        candidate = attrs.evolve(self.best, **changes)
        if not self._fails(candidate):
            return False
        self.best = candidate
        return True

    def leave_out(self) -> None:
        """Ever smaller chunks, from the end: what comes last is least likely to be needed by others."""
        size = max(1, len(self.best.operations) // 2)
        while size:
            end = len(self.best.operations)
            while end > 0:
                start = max(0, end - size)
                kept = self.best.operations
                self._is_better(operations=kept[:start] + kept[end:])
                end = start
            size //= 2

    def simplify_operations(self) -> None:
        """Each operation, as long as a simpler one will do."""
        for place in range(len(self.best.operations)):
            simpler = True
            while simpler:
                kept = self.best.operations
                simpler = any(
                    self._is_better(operations=(*kept[:place], each, *kept[place + 1 :]))
                    for each in simpler_than(kept[place])
                )

    def simplify_world(self) -> None:
        """Each term of the world, as long as a simpler one will do."""
        simpler = True
        while simpler:
            simpler = any(
                each.is_possible() and self._is_better(world=each) for each in list(simpler_worlds(self.best.world))
            )


def simpler_than(operation: ops.Operation) -> Iterator[ops.Operation]:
    """The same with less: half of the pages, one page less, fields as they are by default, numbers nearer to none."""
    if isinstance(operation, ops.Hanging):
        yield operation.first
        for place in range(len(operation.then)):
            yield attrs.evolve(operation, then=operation.then[:place] + operation.then[place + 1 :])
    value: Any = operation
    for field in attrs.fields(type(value)):
        held = getattr(value, field.name)
        if field.name == "others" and isinstance(value, ops.SwapOutAgain):
            continue
        if isinstance(held, tuple) and field.name in ("pages", "others", "faults"):
            for part in _less(held):
                more = {"others": part} if isinstance(value, ops.SwapOutAgain) else {}
                yield attrs.evolve(value, **{field.name: part, **more})
        elif field.default is not attrs.NOTHING and held != field.default:
            yield attrs.evolve(value, **{field.name: field.default})
        elif field.name in ("nbytes", "ns") and isinstance(held, int) and abs(held) > 1:
            yield attrs.evolve(value, **{field.name: held // 2})


def _less(held: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    half = len(held) // 2
    if half > 1:
        yield held[:half]
        yield held[half:]
    if len(held) > 1:
        for place in range(len(held)):
            yield held[:place] + held[place + 1 :]


def simpler_worlds(world: World) -> Iterator[World]:
    """The same with a tier less, an edge less, or a term as it is by default."""
    for tier in world.tiers:
        tiers = tuple(each for each in world.tiers if each is not tier)
        edges = world.edges and tuple(e for e in world.edges if tier.name not in (e.source, e.target))
        if tiers:
            yield attrs.evolve(world, tiers=tiers, edges=edges)
    for field in attrs.fields(World):
        if field.default is not attrs.NOTHING and field.name != "edges" and getattr(world, field.name) != field.default:
            plain: Any = {field.name: field.default}
            yield attrs.evolve(world, **plain)
    for edge in world.edges or ():
        yield attrs.evolve(world, edges=tuple(each for each in world.edges or () if each is not edge))
        for simpler in _simpler_edges(edge):
            yield attrs.evolve(world, edges=tuple(simpler if each is edge else each for each in world.edges or ()))


def _simpler_edges(edge: EdgeSpec) -> Iterator[EdgeSpec]:
    plain = EdgeSpec(source=edge.source, target=edge.target)
    if edge.policy != "lru":
        yield attrs.evolve(edge, policy="lru", options={}, older_than=None)
    for name in ("options", "only", "keep_compressed", "batch", "quota", "share"):
        if getattr(edge, name) != getattr(plain, name):
            yield attrs.evolve(edge, **{name: getattr(plain, name)})
    for simple in (Triggers(request=True), Triggers(pressure=True)):
        if edge.when not in (Triggers(request=True), simple):
            yield attrs.evolve(edge, when=simple)


def shrink_threaded(
    episode: ThreadedEpisode, fails: Callable[[ThreadedEpisode], bool], until: Callable[[], bool] = lambda: False
) -> ThreadedEpisode:
    """The same for threads: rounds, then whole threads, then halves of what they do. A run that happens to pass keeps more
    than is needed."""
    best, before = episode, None
    while before != best and not until():
        before = best
        for smaller in smaller_rounds(best.rounds):
            candidate = attrs.evolve(best, rounds=smaller)
            if not until() and fails(candidate):
                best = candidate
                break
    return best


def smaller_rounds(rounds: Rounds) -> Iterator[Rounds]:
    """With a round less, a thread less, or half of one part."""
    for place in range(len(rounds)):
        if len(rounds) > 1:
            yield rounds[:place] + rounds[place + 1 :]
    for thread in range(len(rounds[0])):
        if len(rounds[0]) > 1:
            yield tuple(parts[:thread] + parts[thread + 1 :] for parts in rounds)
    for place, parts in enumerate(rounds):
        for thread, part in enumerate(parts):
            half = len(part) // 2
            for less in (part[:half], part[half:]) if half else ():
                yield (*rounds[:place], (*parts[:thread], less, *parts[thread + 1 :]), *rounds[place + 1 :])
