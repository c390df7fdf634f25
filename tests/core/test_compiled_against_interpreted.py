"""The store's kernels as plain Python do what the compiled ones do, operation by operation."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st

PAGE = 4096
LOG = st.FileSpec(name="far", layout="log", compressor="lz4", capacity="1M", segment="64K", max_live="6%")
KEEPING = st.FileSpec(name="disk", capacity="1M", keep_clean=True, keep_below="100%")


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 3
        return self.now


def page_of(draw: random.Random) -> bytes:
    kind = draw.randrange(4)
    if kind == 0:
        return bytes(PAGE)
    return draw.randbytes(PAGE) if kind == 1 else draw.randbytes(PAGE // 2**kind) + bytes(PAGE - PAGE // 2**kind)


def story(seed: int, policy: Any) -> list[Any]:
    """A few hundred operations, and after each where everything is."""
    draw = random.Random(seed)
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="48K", raw=draw.choice(["keep", "refuse"])),
        draw.choice([st.MemorySpec(name="far", capacity="64K"), LOG]),
        draw.choice([st.MemorySpec(name="disk", capacity="512K"), KEEPING]),
    ]
    when = st.Triggers(pressure=True, watermark=st.Watermark(high="80%", low="50%"))
    edges = [
        st.EdgeSpec(source=a, target=b, policy=policy, batch=draw.choice([1, 5]), when=when,
                    quota=draw.choice([None, None, "4G/s"]), share=draw.choice(["round-robin", "proportional", "borrow"]),
                    older_than="9ns" if policy == "age" else None)
        for a, b in (("zswap", "far"), ("far", "disk"))
    ]  # fmt: skip
    told: list[Any] = []
    with st.SwapSystem(tiers, edges, clock=Clock(), max_entries=1 << 12, stamp_limit=400, generation_limit=3) as swap:
        for path in ("/a", "/a/b", "/c"):
            swap.cgroup(path)
        held: list[int] = []
        for _ in range(250):
            way = draw.randrange(7)
            try:
                if way <= 1:
                    pages = b"".join(page_of(draw) for _ in range(draw.randint(1, 6)))
                    ids = swap.swap_out(
                        np.frombuffer(pages, np.uint8).reshape(-1, PAGE), draw.choice(["/", "/a", "/a/b", "/c"])
                    )
                    held += ids.tolist()
                elif way == 2 and held:
                    swap.discard([held.pop(draw.randrange(len(held))) for _ in range(min(len(held), 3))])
                elif way == 3 and held:
                    swap.peek(draw.sample(held, min(len(held), 4)))
                elif way == 6 and held:
                    taken = [held.pop(draw.randrange(len(held))) for _ in range(min(len(held), 3))]
                    kept = swap.swap_in(np.array(taken, np.uint64), keep_clean=True)
                    held += swap.swap_out(kept, clean=np.array(taken, np.uint64)).tolist()
                elif way == 4:
                    referenced: Any = draw.choice(["ignore", "rotate"])
                    done = swap.demote(draw.randrange(30_000), source="zswap", cgroup="/a", referenced=referenced)
                    told.append([done.entries, done.freed_bytes, done.rotated])
                else:
                    limit = draw.choice([None, 0, 20_000])
                    swap.cgroup("/a").set(zswap_max=limit, zswap_writeback=draw.random() < 0.8)
                    swap.cgroup(draw.choice(["/a", "/c"]), tiers_low={"zswap": draw.choice([0, 8000, "max"])})
            except st.StoreRefusedError as refused:
                held += [int(entry) for entry in refused.ids if entry]
                told.append(sorted(refused.reasons.items()))
            stats = swap.stats()
            told.append(
                [
                    [t.entries, t.stored_bytes, t.pool_bytes, t.stores, t.demoted_out, t.cleaned_bytes, t.clean_stores]
                    for t in stats.tiers.values()
                ]
            )
            told.append(
                [[e.entries, e.scanned, e.rotated, e.backpressure, e.passed_over] for e in stats.edges.values()]
            )
        rows = swap.core.records[: int(swap.core.st.row_top)]
        told.append([rows[name].tolist() for name in ("backing", "tier", "slot", "length", "stamp", "last_use")])
        swap.check()
    return told


@pytest.mark.parametrize("policy", ["lru", "fifo", "second-chance", "age", "largest", "random"])
def test_the_same_story(policy: str) -> None:
    """Integer widths, floor division and shifts are where numba and Python could part."""
    seeds = (1, 2, 3)
    program = f"import json; from {Path(__file__).stem} import story; print(json.dumps([story(s, {policy!r}) for s in {seeds}]))"
    here = Path(__file__).parent
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(here), str(here.parent.parent)])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    compiled = [story(seed, policy) for seed in seeds]
    assert any(edges[0][0] for edges in compiled[0] if edges and isinstance(edges[0], list))
    assert json.loads(done.stdout) == json.loads(json.dumps(compiled))
