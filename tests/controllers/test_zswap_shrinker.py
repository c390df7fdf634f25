"""`zswap-shrinker` by itself: the kernel's count and do_shrink_slab()'s share, on numbers made by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

import swaptiers as st
from swaptiers.controllers.zswap_shrinker import ZswapShrinker

SPEC = st.ZswapShrinkerSpec(source="zswap")


def seen(
    entries: int, pages: int, *, swap_ins: int = 0, reclaimed: int = 0, resident: int = 0, scanned: int = 0
) -> st.Observation:
    """`entries` that take `pages` pages of the pool."""
    return st.Observation(
        now_ns=0,
        interval_ns=1,
        held_bytes=pages * 4096,
        held_entries=entries,
        swap_ins=swap_ins,
        reclaimed_pages=reclaimed,
        resident_pages=resident,
        warm_ns=77,
        scanned=scanned,
    )


def test_the_count_by_hand() -> None:
    """zswap_shrinker_count(): 1000 entries in 400 pages; protection is consumed, its remainder carried."""
    shrinker = ZswapShrinker(SPEC)
    assert shrinker.count(seen(1000, 400)) == 400
    assert shrinker.count(seen(1000, 400, swap_ins=250)) == 300
    assert shrinker.count(seen(1000, 400)) == 400, "consumed by the count before"
    assert shrinker.count(seen(1000, 400, swap_ins=1600)) == 0
    assert shrinker.count(seen(1000, 400)) == 160, "600 were left over"
    assert shrinker.count(seen(0, 0, swap_ins=100)) == 0
    assert shrinker.count(seen(1000, 400)) == 360, "an empty list consumes nothing"
    assert shrinker.count(seen(3, 2)) == 2
    assert shrinker.count(seen(1000, 999, swap_ins=1)) == 998


def test_the_share_by_hand() -> None:
    """A 16th of the resident pages reclaimed: twice a 16th of the freeable, in batches of 128; the rest is deferred."""
    shrinker = ZswapShrinker(SPEC)
    step = shrinker.step(seen(8000, 4000, reclaimed=100, resident=1500))
    assert step.scan == 384, "4000 / 16 * 2 = 500: three batches, 116 deferred"
    assert (step.referenced, step.used_before_ns, step.measured, step.setting) == ("rotate", 77, 1 / 16, 4000)
    again = shrinker.step(seen(8000, 4000, reclaimed=400, resident=400, scanned=384))
    assert again.scan == 3968, "4000 / 2 * 2 = 4000 and half of the 116: 4058, 31 batches"


def test_without_pressure_nothing_moves() -> None:
    """However much is deferred; and with nothing on the list nothing is forgotten."""
    shrinker = ZswapShrinker(SPEC)
    assert shrinker.step(seen(8000, 4000, reclaimed=500, resident=500)).scan == 3968
    idle = shrinker.step(seen(8000, 4000, resident=1000, scanned=64))
    assert (idle.scan, idle.nbytes) == (0, 0)
    assert shrinker.step(seen(0, 0, reclaimed=500, resident=500)).scan == 0
    assert shrinker.step(seen(200, 100, reclaimed=250, resident=750)).scan == 128, "3936 / 4 + 50, cut to 200"


def do_shrink_slab(freeable: int, deferred: int, pressure: float) -> int:
    """As the kernel loops."""
    total = min(int(deferred * pressure) + int(freeable * pressure) * 4 // 2, 2 * freeable)
    scanned = 0
    while total >= 128 or (total >= freeable and total > 0):
        batch = min(128, total)
        scanned += batch
        total -= batch
    return scanned


@given(
    some.lists(
        some.tuples(some.integers(0, 5000), some.integers(0, 3000), some.integers(0, 2000), some.integers(0, 2000)),
        min_size=1,
        max_size=20,
    )
)
def test_as_the_kernel_loops(story: list[tuple[int, int, int, int]]) -> None:
    """The scan is the loop's for whatever was deferred, and never more than twice the list."""
    shrinker = ZswapShrinker(SPEC)
    deferred = scanned = 0
    for entries, swap_ins, reclaimed, resident in story:
        step = shrinker.step(
            seen(entries, entries // 2, swap_ins=swap_ins, reclaimed=reclaimed, resident=resident, scanned=scanned)
        )
        freeable, pressure = int(step.setting), step.measured
        assert step.scan == (do_shrink_slab(freeable, deferred, pressure) if freeable else 0)
        assert 0 <= freeable <= entries
        scanned = (step.scan or 0) // 2
        if freeable:
            deferred = min(max(deferred + int(freeable * pressure) * 2 - scanned, 0), 2 * freeable)
