"""Several threads on one system while cgroups come and go, limits change and the background works behind them."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cold_lists import check_cold_lists

import swaptiers as st

PAGE = 4096
ROUNDS = 250
TURNS = 5000
PATHS = ("/shared", "/shared/a", "/shared/b", "/gone/0", "/gone/1")


def pages_of(draw: random.Random, n: int) -> Any:
    made = np.random.default_rng(draw.randrange(1 << 30)).integers(0, 256, (n, PAGE), np.uint8)
    for page in made:
        page[draw.choice([0, 300, 2000, PAGE]) :] = 0
    return made


class Worker(threading.Thread):
    """Swaps its own pages out and in, and drops some; what it is refused it does not hold."""

    def __init__(self, swap: st.SwapSystem, seed: int) -> None:
        super().__init__()
        self.swap = swap
        self.draw = random.Random(seed)
        self.held: dict[int, bytes] = {}
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(ROUNDS):
                self.step()
        except BaseException as error:
            self.error = error

    def step(self) -> None:
        way = self.draw.randrange(5)
        ids = self.draw.sample(sorted(self.held), min(len(self.held), self.draw.randrange(1, 30)))
        if way <= 1:
            self.swap_out(pages_of(self.draw, self.draw.randrange(1, 30)))
        elif way == 2:
            self.swap.discard(ids)
            for entry in ids:
                del self.held[entry]
        elif way == 3:
            assert [page.tobytes() for page in self.swap.swap_in(ids)] == [self.held.pop(entry) for entry in ids]
        else:
            self.swap.demote(self.draw.randrange(100_000), source=self.draw.choice(["zswap", "dense"]))

    def swap_out(self, pages: Any) -> None:
        path = self.draw.choice(PATHS)
        try:
            ids = self.swap.swap_out(pages, path)
        except st.StoreRefusedError as error:
            ids = error.ids
        except ValueError as error:
            assert f"no cgroup '{path}'" in str(error)
            return
        self.held.update({entry: page.tobytes() for entry, page in zip(ids.tolist(), pages, strict=True) if entry})


class Admin(threading.Thread):
    """Makes and removes cgroups and turns limits up and down, at most `TURNS` times."""

    def __init__(self, swap: st.SwapSystem, seed: int) -> None:
        super().__init__()
        self.swap = swap
        self.draw = random.Random(seed)
        self.stop = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(TURNS):
                if self.stop.is_set():
                    break
                path = self.draw.choice(PATHS[3:])
                self.swap.cgroup(path)
                self.swap.cgroup("/shared", zswap_max=self.draw.choice([None, "60K"]))
                self.swap.cgroup("/shared/a", tiers_max={"disk": self.draw.choice([None, 0, "200K"])})
                self.swap.remove_cgroup(path)
        except BaseException as error:
            self.error = error


@pytest.mark.parametrize("seed", [1, 2])
def test_pages_survive_their_cgroups(tmp_path: Path, seed: int) -> None:
    """An entry reparented, limited or moved by the background while its owner takes it must still be its owner's."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="160K"),
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="160K"),
        st.FileSpec(name="disk", capacity="64M"),
    ]
    when = st.Triggers(pressure=True, watermark=st.Watermark(high="70%", low="40%"))
    edges = [st.EdgeSpec(source=a, target=b, when=when, batch=16) for a, b in (("zswap", "dense"), ("dense", "disk"))]
    with st.SwapSystem(tiers, edges, folder=tmp_path, max_entries=1 << 15, stamp_limit=3000) as swap:
        for path in PATHS:
            swap.cgroup(path)
        workers = [Worker(swap, 10 * seed + i) for i in range(3)]
        admin = Admin(swap, seed)
        for thread in (*workers, admin):
            thread.start()
        for worker in workers:
            worker.join()
        admin.stop.set()
        admin.join()
        assert [thread.error for thread in (*workers, admin)] == [None] * 4
        assert swap.background_error is None
        swap.check()
        check_cold_lists(swap)
        assert len(swap) == sum(len(worker.held) for worker in workers)
        for worker in workers:
            ids = sorted(worker.held)
            assert [page.tobytes() for page in swap.swap_in(ids)] == [worker.held[entry] for entry in ids]
        swap.check()
        assert swap.stats().edges["dense->disk"].entries > 50
        assert all(tier.pool_bytes == 0 for tier in swap.stats().tiers.values())
