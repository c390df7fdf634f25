"""Demotion from zswap to zswap: what a payload is longer than before is not free."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swaptiers as st

PAGE = 4096


def pages_of(count: int) -> Any:
    """Half of each is random, the rest text: zstd makes less of it than lz4."""
    draw = np.random.default_rng(7)
    text = np.frombuffer(b"the quick brown fox jumps over the lazy dog, " * 46, np.uint8)[: PAGE // 2]
    return np.array([np.concatenate([draw.integers(0, 64, PAGE // 2, np.uint8), text]) for _ in range(count)])


def zswap_to_zswap(**target: Any) -> st.SwapSystem:
    tiers = [
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="1M"),
        st.ZswapSpec(name="quick", compressor="lz4", max_pool="1M", **target),
    ]
    return st.SwapSystem(tiers, [st.EdgeSpec(source="dense", target="quick")], max_entries=1 << 12)


def test_recompression_does_not_grow_beyond_zswap_max() -> None:
    """A move within zswap is not asked for zswap.max again, so it may not raise what is charged above it."""
    with zswap_to_zswap() as swap:
        ids = swap.swap_out(pages_of(8))
        charged = swap.stats().cgroups["/"].zswap_bytes
        swap.limit(st.CgroupSpec(path="/", zswap_max=1000))
        done = swap.demote("1M", source="dense")
        assert (done.entries, done.met) == (0, False)
        assert swap.stats().cgroups["/"].zswap_bytes == charged
        assert swap.stats().edges["dense->quick"].refused["zswap_max"] > 0
        swap.check()
        swap.limit(st.CgroupSpec(path="/", zswap_max=None))
        assert swap.demote("1M", source="dense").entries == 8
        assert swap.stats().cgroups["/"].zswap_bytes > charged
        assert (swap.swap_in(ids) == pages_of(8)).all()


def test_what_becomes_incompressible_is_refused() -> None:
    """`raw: refuse` holds for what only lz4 can't make smaller."""
    draw = np.random.default_rng(3)
    page = draw.integers(
        0, 100, (1, PAGE), np.uint8
    )  # of 6.6 bits a byte: zstd's Huffman codes save a fifth, lz4 nothing
    with zswap_to_zswap(raw="refuse") as swap:
        ids = swap.swap_out(page)
        assert swap.stats().tiers["dense"].stored_bytes < PAGE
        assert swap.demote("1M", source="dense").entries == 0
        assert (swap.stats().tiers["dense"].entries, swap.stats().tiers["quick"].entries) == (1, 0)
        swap.check()
        assert (swap.swap_in(ids) == page).all()


@pytest.mark.parametrize("payload", ["sizes", "real"])
def test_the_laboratory_refuses_the_same(payload: str, tmp_path: Any) -> None:
    """With sizes and with bytes alike: what grew beyond zswap.max stays, and the run comes to an end."""
    (tmp_path / "c.yaml").write_text(f"""
version: 1
tiers:
  dense: {{kind: zswap, compressor: zstd, max_pool: 1M}}
  quick: {{kind: zswap, compressor: lz4, max_pool: 1M}}
  disk: {{kind: file, capacity: 64M}}
edges:
  - {{from: dense, to: quick, when: {{pressure: true, limit: true}}}}
  - {{from: quick, to: disk, when: {{pressure: true}}}}
cgroups: {{/a: {{memory.max: 512K, memory.zswap.max: 64K}}}}
workloads: [{{cgroup: /a, kind: zipf, pages: 2000, refs: 300, contents: mixed}}]
run: {{payload: {payload}}}
""")
    result = st.run(tmp_path / "c.yaml").variants["base"]
    assert result.refs == 300
    edge = result.edges["dense->quick"]
    assert edge.refused["zswap_max"] > 0
    assert edge.entries == 0
