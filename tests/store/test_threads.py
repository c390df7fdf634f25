"""Several threads on one system: every page comes back to whoever holds its id, and the accounts balance."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import numpy as np
import pytest
from cold_lists import check_cold_lists

import swaptiers as st

PAGE = 4096
ROUNDS = 1200


def page_of(number: int) -> bytes:
    """A page that says whose it is; every fifth does not compress, every eleventh is empty."""
    if number % 11 == 0:
        return bytes(PAGE)
    draw = np.random.default_rng(number)
    return draw.bytes(PAGE) if number % 5 == 0 else draw.bytes(256) * 16


def work(swap: st.SwapSystem, seed: int, failures: list[BaseException]) -> None:
    draw = random.Random(seed)
    held: dict[int, bytes] = {}
    numbers = iter(range(seed * 1_000_000, (seed + 1) * 1_000_000))
    try:
        for _ in range(ROUNDS):
            way = draw.randrange(7)
            if way <= 1 or len(held) < 5:
                pages = [page_of(next(numbers)) for _ in range(draw.randint(1, 20))]
                array = np.frombuffer(b"".join(pages), np.uint8).reshape(-1, PAGE)
                held.update(zip(swap.swap_out(array, f"/{seed % 2}").tolist(), pages, strict=True))
            elif way == 2:
                page = page_of(next(numbers))
                held[swap.swap_out_page(page, "/0")] = page
            elif way == 3:
                ids = draw.sample(sorted(held), min(len(held), 12))
                assert [page.tobytes() for page in swap.swap_in(ids)] == [held.pop(entry) for entry in ids]
            elif way == 4:
                entry = draw.choice(sorted(held))
                assert swap.swap_in_page(entry) == held.pop(entry)
            elif way == 5:
                ids = draw.sample(sorted(held), min(len(held), 6))
                assert [page.tobytes() for page in swap.peek(ids)] == [held[entry] for entry in ids]
            else:
                swap.demote(draw.randrange(200_000), source=draw.choice(["zswap", "far"]))
        ids = sorted(held)
        assert [page.tobytes() for page in swap.swap_in(ids)] == [held[entry] for entry in ids]
    except BaseException as error:
        failures.append(error)
        raise


@pytest.mark.parametrize("seed", range(3))
def test_threads(tmp_path: Path, seed: int) -> None:
    """A move that is committed after its entry was taken, or a slot reused too early, gives somebody the wrong page."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="200K"),
        st.MemorySpec(name="far", capacity="400K"),
        st.FileSpec(name="disk", capacity="256M"),
    ]
    with st.SwapSystem(tiers, folder=tmp_path, max_entries=1 << 16) as swap:
        for path in ("/0", "/1"):
            swap.cgroup(path)
        failures: list[BaseException] = []
        threads = [threading.Thread(target=work, args=(swap, seed * 10 + i, failures)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(swap) == 0
        swap.check()
        check_cold_lists(swap)
        stats = swap.stats()
        assert stats.edges["zswap->far"].entries > 50
        assert sum(tier.pool_bytes for tier in stats.tiers.values()) == 0
