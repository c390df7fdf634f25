"""The store's kernels as plain Python do what the compiled ones do: same ids, same placements, same counters."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import swaptiers as st
from swaptiers.core.compile import interpreted

PAGE = 4096
STEPS = 120
SEEDS = (1, 2, 3, 4)
LOW_BITS = (1 << 56) - 1
"""An entry id without the tag of its system, which counts systems per process."""
PROGRAM = "import json, test_compiled_against_interpreted as t; print(json.dumps([t.play(seed) for seed in t.SEEDS]))"
WHEN = (
    st.Triggers(pressure=True),
    st.Triggers(limit=True),
    st.Triggers(pressure=True, watermark=st.Watermark(high="80%", low="50%")),
    st.Triggers(pressure=True, age=st.AgeTrigger(older_than=40, every=20)),
)


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


def small_system(seed: int) -> st.SwapSystem:
    """Four tiers, two of them compressed; policy, triggers and what a full tier does are the seed's."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="96K"),
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="64K", raw="refuse" if seed % 2 else "keep"),
        st.MemorySpec(name="far", capacity="160K"),
        st.FileSpec(name="disk", capacity="1M"),
    ]
    when = WHEN[seed % len(WHEN)]
    below = attrs.evolve(when, limit=False, pressure=True)
    policies: tuple[Any, ...] = ("lru", "fifo", "second-chance", "lru")
    edges = [
        st.EdgeSpec(source="zswap", target="dense", policy=policies[seed % 4], when=when, batch=8),
        st.EdgeSpec(source="dense", target="far", policy=policies[(seed + 1) % 4], when=when, batch=8),
        st.EdgeSpec(source="far", target="disk", policy="age", older_than=20, when=below, batch=8),
    ]
    return st.SwapSystem(
        tiers,
        edges,
        on_full="spill" if seed % 2 else "demote",
        legacy_swap_charge=seed == 3,
        clock=Clock(),
        max_entries=1 << 12,
        stamp_limit=400,
        generation_limit=2,
    )


def some_pages(chance: random.Random, n: int) -> Any:
    draw = np.random.default_rng(chance.randrange(1 << 30))
    pages = draw.integers(0, 256, (n, PAGE), np.uint8)
    for page in pages:
        page[chance.choice([0, 64, 900, 2048, 4000, 4096]) :] = 0
    return pages


def step(swap: st.SwapSystem, chance: random.Random, ids: list[int]) -> str:
    """One operation, drawn; what came of it, as text."""
    way = chance.randrange(10)
    path = chance.choice(["/", "/a", "/a/b", "/c"])
    picked = chance.sample(ids, min(len(ids), chance.randrange(1, 20)))
    if way < 4:
        uses = None if chance.random() < 0.6 else np.array([chance.randrange(200) for _ in range(24)])
        made = swap.swap_out(some_pages(chance, 24), path, last_used_ns=uses).tolist()
    elif way == 4:
        made = [swap.swap_out_page(some_pages(chance, 1)[0].tobytes(), path)]
    elif way == 5:
        return str(swap.demote(chance.randrange(60_000), source=chance.choice(["zswap", "dense", "far"]), cgroup=path))
    elif way == 6:
        return str(int(swap.peek(picked).sum()))
    elif way == 7:
        swap.cgroup(path, zswap_max=chance.choice([None, 20_000]), swap_max=chance.choice([None, "400K"]))
        return f"{path} limited"
    else:
        for entry in picked:
            ids.remove(entry)
        if way == 8:
            swap.discard(picked)
            return "discarded"
        return str(int(swap.swap_in(picked).sum()))
    ids += made
    return str([entry & LOW_BITS for entry in made])


def play(seed: int) -> dict[str, Any]:
    """A fixed life of one system: all that it said, and all that it is at the end."""
    chance = random.Random(seed)
    ids: list[int] = []
    said: list[str] = []
    with small_system(seed) as swap:
        for path in ("/a/b", "/c"):
            swap.cgroup(path)
        for _ in range(STEPS):
            try:
                said.append(step(swap, chance, ids))
            except st.StoreRefusedError as error:
                ids += [entry for entry in error.ids.tolist() if entry]
                said.append(str(error))
        swap.remove_cgroup("/a/b")
        swap.check()
        records = swap.core.records[: int(swap.core.st.row_top)]
        return {
            "said": said,
            "stats": attrs.asdict(swap.stats()),
            "records": [record.item() for record in records],
            "epoch": int(swap.core.st.epoch),
            "retired": int(swap.core.st.retired_rows),
        }


@pytest.mark.skipif(interpreted(), reason="these are the interpreted kernels")
def test_interpreted_and_compiled_agree() -> None:
    """An overflow, a division or a shift that numba does otherwise than Python would put a page elsewhere."""
    here = Path(__file__).parent
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(here), str(here.parent.parent)])}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    compiled = [play(seed) for seed in SEEDS]
    moved = [sum(edge["entries"] for edge in life["stats"]["edges"].values()) for life in compiled]
    assert min(moved) > 50, "lives in which nothing moves prove nothing"
    assert all(life["epoch"] and life["retired"] for life in compiled), "stamps and generations have to run out"
    for seed, interpreted_life, life in zip(SEEDS, json.loads(done.stdout), compiled, strict=True):
        for what, value in json.loads(json.dumps(life)).items():
            assert interpreted_life[what] == value, f"seed {seed}: {what}"
