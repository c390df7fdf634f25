"""Miss-ratio curves, against the plainest LRU there is."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from swaptiers.workloads.distances import _Follower, miss_curve


def lru_misses(pages: list[int], capacity: int) -> int:
    held: OrderedDict[int, None] = OrderedDict()
    misses = 0
    for page in pages:
        if page in held:
            held.move_to_end(page)
            continue
        misses += 1
        held[page] = None
        if len(held) > capacity:
            held.popitem(last=False)
    return misses


def references(seed: int, pages: int, count: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.minimum(draw.zipf(1.3, count), pages) - 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chunk", [1, 37, 5000])
def test_the_curve_is_exact_where_all_pages_are_followed(seed: int, chunk: int) -> None:
    """Every capacity at once, whatever the chunks."""
    stream = references(seed, 200, 3000)
    curve = miss_curve((stream[i : i + chunk] for i in range(0, len(stream), chunk)), 200)
    assert curve.rate == 1
    for capacity in (1, 2, 5, 17, 64, 150, 200):
        assert curve.miss_ratio(capacity) == pytest.approx(lru_misses(stream.tolist(), capacity) / 3000)


def test_places_are_renumbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree as large as the pages is used for any number of references."""
    stream = references(3, 300, 20_000)
    follower = _Follower(np.zeros(300, np.int64))
    follower._size, follower._tree = 700, np.zeros(701, np.int64)
    small = np.concatenate([follower.take(stream[i : i + 999]) for i in range(0, len(stream), 999)])
    assert np.array_equal(small, _Follower(np.zeros(300, np.int64)).take(stream))


def test_a_share_of_the_pages_is_close() -> None:
    """Sampled to an eighth, the curve stays within three hundredths of the exact one."""
    draw = np.random.default_rng(1)
    stream = (draw.random(400_000) ** 3 * 40_000).astype(np.int64)
    exact = miss_curve([stream], 40_000, enough=1 << 20)
    sampled = miss_curve([stream], 40_000, enough=5000)
    assert (exact.rate, sampled.rate) == (1, 1 / 8)
    for capacity in (1000, 5000, 20_000, 40_000):
        assert sampled.miss_ratio(capacity) == pytest.approx(exact.miss_ratio(capacity), abs=0.03)
