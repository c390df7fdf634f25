"""memory.swap.tiers.demote, clause by clause of docs/memory.swap.tiers.demote.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machines import PAGE, machine, raw_pages, refusal, soft_pages, stat

import swaptiers as st
from swaptiers.control import ControlTree

ASK = st.Triggers(request=True)
DEMOTE = "/web/memory.swap.tiers.demote"


@pytest.fixture
def swap() -> Iterator[st.SwapSystem]:
    with machine(cgroups=[st.CgroupSpec(path="/web"), st.CgroupSpec(path="/web/a"), st.CgroupSpec(path="/db")]) as s:
        yield s
        s.check()


@pytest.fixture
def tree(swap: st.SwapSystem) -> ControlTree:
    return ControlTree(swap)


def test_size_is_as_stored_in_the_source(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Compressed out of zswap, whole pages out of a device; an overshoot of less than a batch."""
    swap.swap_out(soft_pages(300), "/web")
    assert refusal(tree, DEMOTE, "100K zswap referenced=ignore") is None
    first = swap.stats().edges["zswap->ssd"]
    assert 100 << 10 <= first.freed_bytes < (100 << 10) + 64 * PAGE
    assert first.written_bytes == first.entries * PAGE > first.freed_bytes
    assert refusal(tree, DEMOTE, f"{3 * PAGE} ssd") is None
    assert swap.stats().edges["ssd->disk"].entries == 3


def test_only_the_subtree_gives(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Entries of a cgroup beside or above that was not asked."""
    for path in ("/web/a", "/web", "/db", "/"):
        swap.swap_out(raw_pages(20, len(path)), path)
    assert refusal(tree, DEMOTE, "1M zswap referenced=ignore") == "EAGAIN"
    counted = swap.stats().cgroups
    assert {path: counted[path].zswpwb for path in counted} == {"/": 0, "/db": 0, "/web": 20, "/web/a": 20}


def test_second_chance_or_none(swap: st.SwapSystem, tree: ControlTree) -> None:
    """`rotate` is the default: fresh entries stay at first. `ignore` moves them at once."""
    swap.swap_out(soft_pages(64 * 33), "/web")
    assert refusal(tree, DEMOTE, "64K zswap") == "EAGAIN"
    assert refusal(tree, DEMOTE, "64K zswap referenced=rotate") == "EAGAIN"
    assert swap.stats().edges["zswap->ssd"].entries == 0
    assert refusal(tree, DEMOTE, "64K zswap referenced=ignore") is None
    assert swap.stats().edges["zswap->ssd"].entries > 0


def test_a_full_target_gives_first_and_no_tier_is_skipped() -> None:
    """Zswap -> ssd -> disk with a full ssd: its coldest go on to disk; nothing goes from zswap to disk."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="8M"),
        st.FileSpec(name="ssd", capacity="1M"),
        st.FileSpec(name="disk", capacity="1M"),
    ]
    with machine(tiers=tiers, edges=None) as swap:
        tree = ControlTree(swap)
        ids = swap.swap_out(raw_pages(700))
        assert refusal(tree, "/memory.swap.tiers.demote", "2M zswap referenced=ignore") is None
        stats = swap.stats()
        assert {name: tier.entries for name, tier in stats.tiers.items()} == {"zswap": 188, "ssd": 256, "disk": 256}
        assert stats.edges["zswap->ssd"].entries == 512
        ranks = [int(swap.core.records[int(entry) & 0xFFFF_FFFF].tier) for entry in ids]
        assert ranks == sorted(ranks, reverse=True), "the coldest are furthest down"
        assert refusal(tree, "/memory.swap.tiers.demote", "1M zswap referenced=ignore") == "EAGAIN"
        assert swap.stats().tiers["zswap"].entries == 188, "nothing below can move"
        assert (swap.swap_in(ids) == raw_pages(700)).all()


def branching() -> st.SwapSystem:
    """Raw pages go to disk, the others to ssd."""
    return machine(
        edges=[
            st.EdgeSpec(source="zswap", target="disk", only="raw", when=ASK),
            st.EdgeSpec(source="zswap", target="ssd", when=ASK),
        ]
    )


def test_to_names_one_edge() -> None:
    """Entries of another branch that went along."""
    with branching() as swap:
        tree = ControlTree(swap)
        swap.swap_out(raw_pages(10))
        swap.swap_out(soft_pages(10))
        assert refusal(tree, "/memory.swap.tiers.demote", "1M zswap to=ssd referenced=ignore") == "EAGAIN"
        assert {name: tier.entries for name, tier in swap.stats().tiers.items()} == {"zswap": 10, "ssd": 10, "disk": 0}
        assert refusal(tree, "/memory.swap.tiers.demote", f"{10 * PAGE} zswap referenced=ignore") is None
        assert swap.stats().tiers["disk"].entries == 10
        swap.check()


@pytest.mark.parametrize(
    "text",
    ["1K nowhere", "1K disk", "1K zswap to=disk", "1K zswap to=nowhere", "1K ssd to=zswap", "0 disk", "1K anon", "1K"],
)
def test_no_such_tier_or_edge(tree: ControlTree, text: str) -> None:
    """-EINVAL before anything moves, for a size of 0 too."""
    assert refusal(tree, DEMOTE, text) == "EINVAL"


def test_nothing_is_done_for_nothing(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Size 0."""
    swap.swap_out(soft_pages(10), "/web")
    assert refusal(tree, DEMOTE, "0 zswap") is None
    assert swap.stats().edges["zswap->ssd"].asked == 0


def test_writeback_off_is_einval_but_recompression_goes_on() -> None:
    """memory.zswap.writeback forbids leaving zswap, not moving to a denser pool."""
    tiers = [
        st.ZswapSpec(name="quick", max_pool="4M"),
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="4M"),
        st.FileSpec(name="disk", capacity="4M"),
    ]
    with machine(tiers=tiers, edges=None) as swap:
        tree = ControlTree(swap)
        tree.mkdir("/web")
        tree.write("/web/memory.zswap.writeback", "0")
        swap.swap_out(soft_pages(20), "/web")
        assert refusal(tree, DEMOTE, "10K quick referenced=ignore") is None
        assert swap.stats().tiers["dense"].entries > 0
        assert refusal(tree, DEMOTE, "1K dense") == "EINVAL"
        assert stat(tree, "/web")["zswpwb_proactive_b"] == 0, "recompression is no writeback"


def test_swap_max_stops_it_and_is_counted(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Writeback charges memory.swap.current, at every ancestor."""
    swap.swap_out(soft_pages(20), "/web/a")
    tree.write("/web/memory.swap.max", str(5 * PAGE))
    assert refusal(tree, "/web/a/memory.swap.tiers.demote", "1M zswap referenced=ignore") == "EAGAIN"
    assert tree.read("/web/memory.swap.current") == f"{5 * PAGE}\n"
    assert swap.stats().tiers["ssd"].entries == 5
