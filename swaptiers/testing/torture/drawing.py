"""Operations drawn from a seed, looking only at what was drawn before: a list can be drawn without a system."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from typing import Any

from swaptiers.testing.faults import POSSIBLE, Fault, Kind
from swaptiers.testing.faults import Operation as TierCall
from swaptiers.testing.torture import operations as ops
from swaptiers.testing.torture.world import PATHS, World
from swaptiers.tiers.specs import FileSpec, ZswapSpec

MAX_PAGES = 400
"""As many are in at a time."""
PAGE = 4096
HONEST: tuple[Kind, ...] = ("error", "memory", "short", "torn", "interrupt")
LYING: tuple[Kind, ...] = ("lost", "stray", "flip")
CALLS: tuple[TierCall, ...] = ("store", "store", "store", "load", "load", "encode", "decode", "free")
Maker = Callable[[], ops.Operation]


class Drawing:
    """Draws operations one after the other over the pages that it thinks are in, from number `first` on.

    `kinds`: what tiers may be made to do; none: they are as good as they are.
    """

    def __init__(self, draw: random.Random, world: World, kinds: tuple[Kind, ...], *, first: int = 1) -> None:
        self._draw = draw
        self._world = world
        self._kinds = kinds
        self._next = first
        self._in: list[int] = []
        self._lent: list[int] = []
        self._gone: list[int] = []
        self._names = [tier.name for tier in world.tiers]
        self._files = [tier.name for tier in world.tiers if isinstance(tier, FileSpec)]
        edges = world.edges
        pairs = list(zip(self._names, self._names[1:], strict=False)) if edges is None else []
        self._pairs = pairs or [(edge.source, edge.target) for edge in edges or ()]

    def pages_only(self, number: int) -> list[ops.Operation]:
        """What somebody does with pages of his own, among others who do so too."""
        return self._some(number, self._on_pages())

    def meddling(self, number: int) -> list[ops.Operation]:
        """What somebody does who has no pages, and is in everybody's way."""
        return self._some(number, [*self._on_tiers(), (4, self._tick), (2, ops.Look)])

    def everything(self, number: int) -> list[ops.Operation]:
        """All that there is."""
        weighted = [*self._on_pages(), *self._on_tiers(), *self._gone_wrong(), (3, self._set_limits)]
        weighted += [(1, lambda: ops.RemoveCgroup(self._path())), (6, self._tick), (1, self._jump)]
        return self._some(number, [*weighted, (1, ops.Look)])

    def _some(self, number: int, weighted: list[tuple[int, Maker]]) -> list[ops.Operation]:
        makers = [maker for _, maker in weighted]
        weights = [weight for weight, _ in weighted]
        return [self._draw.choices(makers, weights)[0]() for _ in range(number)]

    def _on_pages(self) -> list[tuple[int, Maker]]:
        return [
            (24, self._swap_out),
            (6, self._swap_out_page),
            (8, self._swap_in),
            (5, self._swap_in_page),
            (10, lambda: ops.Peek(self._known(20))),
            (60, ops.Peek),
            (4, self._discard),
            (4, self._swap_in_clean),
            (4, self._swap_out_again),
            (1, self._forget_clean),
            (3, self._use_gone),
            (2, lambda: ops.UseTwice(self._one(self._in), self._draw.choice(("swap_in", "discard")))),
            (9, self._demote),
        ]

    def _on_tiers(self) -> list[tuple[int, Maker]]:
        tier = self._tier
        return [
            (9, self._demote),
            (2, lambda: ops.Evacuate(tier(), self._draw.choice((1, 3, None)))),
            (1, lambda: ops.Quarantine(tier())),
            (5, lambda: ops.Readmit(tier())),
            (6, lambda: ops.RunBackground(self._draw.choice((1, 1 << 20)))),
            (1, self._set_zswap),
            (1, lambda: ops.RemoveTier(tier()) if self._draw.random() < 0.2 else ops.Readmit(tier())),
        ]

    def _gone_wrong(self) -> list[tuple[int, Maker]]:
        if not self._kinds:
            return [(1, self._fork)]
        wrong: list[tuple[int, Maker]] = [
            (60, self._arm),
            (2, lambda: ops.Disarm(self._tier())),
            (1, lambda: ops.Slow(self._tier(), self._draw.choice((0, 0, 3, 1000)))),
            (15, self._hanging),
            (1, self._fork),
        ]
        if self._files:
            wrong.append((1, self._limit_files))
            wrong.append((1, lambda: ops.UnlinkFile(self._draw.choice(self._files))))
            if "lost" in self._kinds:
                wrong.append((1, self._cut_file))
        return wrong

    # pages

    def _fresh(self, count: int) -> tuple[int, ...]:
        pages = tuple(range(self._next, self._next + count))
        self._next += count
        return pages

    def _known(self, most: int) -> tuple[int, ...]:
        return tuple(self._draw.sample(self._in, min(len(self._in), self._draw.randint(1, most)))) or (0,)

    def _one(self, pages: list[int]) -> int:
        return self._draw.choice(pages) if pages else 0

    def _take(self, pages: tuple[int, ...]) -> tuple[int, ...]:
        for page in pages:
            if page in self._in:
                self._in.remove(page)
                self._gone.append(page)
        del self._gone[:-100]
        return pages

    def _path(self) -> str:
        return self._draw.choice(PATHS)

    def _tier(self) -> str:
        return self._draw.choice(self._names)

    def _swap_out(self) -> ops.Operation:
        room = max(0, MAX_PAGES - len(self._in))
        count = min(room, self._draw.choice((1, 3, 12, 12, 30, 90)))
        if not count:
            return self._discard(40)
        pages = self._fresh(count)
        self._in.extend(pages)
        return ops.SwapOut(pages, self._path(), self._draw.choice((0, 0, 5, 30)))

    def _swap_out_page(self) -> ops.Operation:
        (page,) = self._fresh(1)
        self._in.append(page)
        return ops.SwapOutPage(page, self._path())

    def _swap_in(self) -> ops.Operation:
        return ops.SwapIn(self._take(self._known(20)))

    def _swap_in_page(self) -> ops.Operation:
        return ops.SwapInPage(self._take((self._one(self._in),))[0])

    def _discard(self, most: int = 12) -> ops.Operation:
        return ops.Discard(self._take(self._known(most)))

    def _swap_in_clean(self) -> ops.Operation:
        pages = self._known(12)
        self._lent.extend(page for page in pages if page in self._in)
        self._in = [page for page in self._in if page not in pages]
        return ops.SwapIn(pages, keep_clean=True)

    def _swap_out_again(self) -> ops.Operation:
        pages = tuple(self._draw.sample(self._lent, min(len(self._lent), self._draw.randint(1, 9))))
        self._lent = [page for page in self._lent if page not in pages]
        others = tuple(page if self._draw.random() < 0.7 else self._fresh(1)[0] for page in pages)
        self._in.extend(others)
        return ops.SwapOutAgain(pages, others, self._path())

    def _forget_clean(self) -> ops.Operation:
        self._lent.clear()
        return ops.ForgetClean()

    def _use_gone(self) -> ops.Operation:
        way: Any = self._draw.choice(("swap_in", "peek", "discard", "swap_in_page"))
        return ops.UseGone(self._one(self._gone), self._known(4), way)

    # tiers and cgroups

    def _demote(self) -> ops.Operation:
        if not self._pairs:
            return self._tick()
        source, target = self._draw.choice(self._pairs)
        return ops.Demote(
            self._draw.choice((1, 4000, 20_000, 100_000)),
            source,
            target if self._draw.random() < 0.5 else None,
            self._path(),
            self._draw.choice(("ignore", "ignore", "rotate")),
            self._draw.random() < 0.3,
        )

    def _set_limits(self) -> ops.Operation:
        draw = self._draw
        return ops.SetLimits(
            self._path(),
            zswap_max=draw.choice((None, None, 0, 2000, 20_000)),
            swap_max=draw.choice((None, None, None, 0, 3 * PAGE, 40 * PAGE)),
            zswap_writeback=draw.random() < 0.8,
            tiers_max=((self._tier(), draw.choice((0, 2 * PAGE, 10 * PAGE))),) if draw.random() < 0.4 else (),
            tiers_low=((self._tier(), draw.choice((None, 3 * PAGE))),) if draw.random() < 0.3 else (),
        )

    def _set_zswap(self) -> ops.Operation:
        pools = [tier.name for tier in self._world.tiers if isinstance(tier, ZswapSpec)]
        if not pools:
            return self._tick()
        draw = self._draw
        return ops.SetZswap(
            draw.choice(pools), draw.choice(("lz4", "zstd")), draw.random() < 0.9, draw.choice((50, 90, 100))
        )

    def _tick(self) -> ops.Operation:
        return ops.MoveClock(self._draw.randint(1, 50))

    def _jump(self) -> ops.Operation:
        if not self._kinds:
            return self._tick()
        return ops.MoveClock(self._draw.choice((-(1 << 39), -1000, -1, 1 << 45, 1 << 58, -(1 << 59))))

    # what goes wrong

    def _fault(self) -> Fault:
        call = self._draw.choice(CALLS if self._draw.random() < 0.98 else ("close",))
        possible = [kind for kind in POSSIBLE[call] if kind in self._kinds]
        if not possible:
            call, possible = "store", ["error"]
        return Fault(
            call,
            self._draw.choice(possible),
            errno=self._draw.choice((errno.EIO, errno.ENOSPC)),
            first=self._draw.choice((0, 0, 1, 2, 5)),
            times=self._draw.choice((1, 1, 1, 2, 3, 8)),
            pick=self._draw.getrandbits(16),
        )

    def _arm(self) -> ops.Operation:
        return ops.Arm(self._tier(), tuple(self._fault() for _ in range(self._draw.choice((1, 1, 2, 3)))))

    def _limit_files(self) -> ops.Operation:
        return ops.LimitFiles(self._draw.choice((None, 0, 5000, 20 * PAGE, 100 * PAGE)))

    def _cut_file(self) -> ops.Operation:
        return ops.CutFile(self._draw.choice(self._files), self._draw.choice((0, 10_000, 100_000)))

    def _fork(self) -> ops.Operation:
        return ops.Fork(self._one(self._in)) if self._draw.random() < 0.3 else self._tick()

    def _hanging(self) -> ops.Operation:
        """Only in calls that the lock is not held over."""
        tier = self._draw.choice(self._world.tiers)
        calls: tuple[TierCall, ...] = ("load",) if isinstance(tier, ZswapSpec) else ("load", "store")
        if tier.is_compressed:
            calls += ("encode", "decode")
        call = self._draw.choice(calls)
        first = self._draw.choice(
            (self._swap_in, self._demote, self._demote, self._demote, self._evacuate, self._swap_out)
        )()
        then = []
        busy = set(getattr(first, "pages", ()))
        for _ in range(self._draw.randint(1, 4)):
            pages = tuple(page for page in self._known(40) if page not in busy)
            if pages:
                then.append(self._draw.choice((ops.Peek, ops.SwapIn, ops.Discard))(pages))
        for each in then:
            if not isinstance(each, ops.Peek):
                self._take(each.pages)
        return ops.Hanging(tier.name, call, first, tuple(then))

    def _evacuate(self) -> ops.Operation:
        return ops.Evacuate(self._tier(), self._draw.choice((1, 3, None)))
