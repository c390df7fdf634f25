"""memory.reclaim with its proposed keys: what kernel.md 2.2 to 2.4 promise of zswap's proactive writeback, one test each."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from machines import PAGE, machine, raw_pages, refusal, soft_pages, stat

import swaptiers as st
from swaptiers.control import ControlTree
from swaptiers.testing import Fault, FaultyTier
from swaptiers.tiers.base import Tier

BATCH = 64
FAILURES = 16


@pytest.fixture
def swap() -> Iterator[st.SwapSystem]:
    with machine(cgroups=[st.CgroupSpec(path="/web"), st.CgroupSpec(path="/web/a"), st.CgroupSpec(path="/web/b")]) as s:
        yield s
        s.check()


@pytest.fixture
def tree(swap: st.SwapSystem) -> ControlTree:
    return ControlTree(swap)


def test_bytes_are_as_stored_and_overshoot_is_at_most_a_batch(swap: st.SwapSystem, tree: ControlTree) -> None:
    """The size taken for pages, or for bytes before compression; a batch too many."""
    swap.swap_out(soft_pages(600), "/web")
    assert refusal(tree, "/web/memory.reclaim", "300K source=zswap") is None
    moved = stat(tree, "/web")
    largest = max(int(each.length) for each in swap.core.plan[:BATCH])
    assert 300 << 10 <= moved["zswpwb_proactive_b"] <= (300 << 10) + BATCH * largest
    assert moved["zswpwb_proactive_b"] == swap.stats().edges["zswap->ssd"].freed_bytes
    assert moved["zswpwb"] == moved["pswpout"] == swap.stats().edges["zswap->ssd"].entries
    assert moved["zswpwb"] > (300 << 10) / PAGE, "compressed bytes are fewer than a page each"


def test_short_is_eagain_even_if_some_moved(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Success, or nothing done, where less than was asked for could be."""
    swap.swap_out(soft_pages(100), "/web")
    assert refusal(tree, "/web/memory.reclaim", "10M source=zswap") == "EAGAIN"
    assert stat(tree, "/web")["zswpwb"] == 100
    assert stat(tree, "/web")["zswap"] == 0
    assert refusal(tree, "/web/memory.reclaim", "1 source=zswap") == "EAGAIN", "nothing is left"


def test_a_size_of_nothing_is_done(swap: st.SwapSystem, tree: ControlTree) -> None:
    """0 bytes: success, and nothing is looked at; but the rest of the write is checked."""
    swap.swap_out(soft_pages(10), "/web")
    for text in ("0", "0 source=zswap", "0 zswap_writeback_only", "0 swappiness=0", "4095"):
        assert refusal(tree, "/web/memory.reclaim", text) is None
    assert swap.stats().edges["zswap->ssd"].asked == 0
    assert refusal(tree, "/web/memory.reclaim", "0 source=nowhere") == "EINVAL"


def test_a_second_chance_is_honoured(swap: st.SwapSystem, tree: ControlTree) -> None:
    """5,000 fresh entries are all referenced: 16 batches of 64 are rotated and nothing is written, call after call, until
    every entry had its chance."""
    swap.swap_out(soft_pages(5000), "/web")
    for call in range(4):
        assert refusal(tree, "/web/memory.reclaim", "1M source=zswap") == "EAGAIN"
        edge = swap.stats().edges["zswap->ssd"]
        assert (edge.rotated, edge.scanned, edge.entries) == ((call + 1) * FAILURES * BATCH,) * 2 + (0,)
    assert refusal(tree, "/web/memory.reclaim", "1M source=zswap") is None
    assert swap.stats().edges["zswap->ssd"].rotated == 5000


def test_failures_add_up_over_a_request(swap: st.SwapSystem, tree: ControlTree) -> None:
    """`failures` that start anew with each success: then a request that moves a batch now and then goes on for as long as
    there are others. Two cgroups take turns, one that can only rotate and one that can give."""
    swap.swap_out(soft_pages(BATCH * 40), "/web/a")
    for _ in range(3):
        refusal(tree, "/web/a/memory.reclaim", "1 source=zswap")
    assert stat(tree, "/web/a")["zswpwb"] == 1, "all have had their chance"
    swap.swap_out(soft_pages(BATCH * 40, 1), "/web/b")
    waited = swap.stats().edges["zswap->ssd"].waited
    assert refusal(tree, "/web/memory.reclaim", "10M source=zswap") == "EAGAIN"
    assert swap.stats().edges["zswap->ssd"].waited == waited + FAILURES
    assert stat(tree, "/web/a")["zswpwb"] - 1 in (BATCH * (FAILURES - 1), BATCH * FAILURES)
    assert stat(tree, "/web/b")["zswpwb"] == 0


def test_descendants_take_turns_in_batches(swap: st.SwapSystem, tree: ControlTree) -> None:
    """One cgroup emptied before another is asked, or one outside of the subtree."""
    swap.cgroup("/other")
    for path in ("/web", "/web/a", "/web/b", "/other"):
        swap.swap_out(raw_pages(BATCH * 4, len(path)), path)
    for _ in range(2):
        refusal(tree, "/memory.reclaim", "1 source=zswap")
    before = {path: swap.stats().cgroups[path].zswpwb for path in ("/web", "/web/a", "/web/b", "/other")}
    assert refusal(tree, "/web/memory.reclaim", f"{BATCH * PAGE * 3 - PAGE * (BATCH - 1)} source=zswap") is None
    after = {path: swap.stats().cgroups[path].zswpwb for path in before}
    moved = {path: after[path] - before[path] for path in before}
    assert moved.pop("/other") == 0
    assert sorted(moved.values()) == [1, BATCH, BATCH]


def test_writeback_switched_off_is_einval(swap: st.SwapSystem, tree: ControlTree) -> None:
    """For the cgroup or an ancestor; a descendant's entries are passed over, which is no failure."""
    swap.swap_out(soft_pages(200), "/web/a")
    swap.swap_out(soft_pages(200), "/web/b")
    tree.write("/web/a/memory.zswap.writeback", "0")
    assert refusal(tree, "/web/a/memory.reclaim", "1K source=zswap") == "EINVAL"
    assert refusal(tree, "/web/a/memory.reclaim", "1K zswap_writeback_only") == "EINVAL"
    assert refusal(tree, "/web/memory.reclaim", "10M source=zswap") == "EAGAIN"
    assert (stat(tree, "/web/a")["zswpwb"], stat(tree, "/web/b")["zswpwb"]) == (0, 200)
    tree.write("/web/a/memory.zswap.writeback", "1")
    tree.write("/memory.zswap.writeback", "0")
    assert refusal(tree, "/web/a/memory.reclaim", "1K source=zswap") == "EINVAL"
    tree.write("/memory.zswap.writeback", "1")
    assert refusal(tree, "/web/a/memory.reclaim", "1K source=zswap") is None


def test_unknown_sources(tree: ControlTree) -> None:
    """The page cache is nobody's here, and a tier has to be there and to lead somewhere."""
    for text in (
        "1K source=file",
        "1K source=anon,file",
        "1K source=nowhere",
        "1K source=disk",
        "1K source=zswap,disk",
    ):
        assert refusal(tree, "/web/memory.reclaim", text) == "EINVAL", text


def test_without_zswap() -> None:
    """-EOPNOTSUPP, as without CONFIG_ZSWAP; a tier's own name still works."""
    tiers = [st.FileSpec(name="ssd", capacity="4M"), st.FileSpec(name="disk", capacity="4M")]
    with machine(tiers=tiers, edges=None) as swap:
        tree = ControlTree(swap)
        assert refusal(tree, "/memory.reclaim", "1K source=zswap") == "EOPNOTSUPP"
        assert refusal(tree, "/memory.reclaim", "1K zswap_writeback_only") == "EOPNOTSUPP"
        swap.swap_out(raw_pages(10))
        assert refusal(tree, "/memory.reclaim", "8K source=ssd") is None
        assert swap.stats().tiers["disk"].entries == 2


def test_zswap_means_every_zswap_tier_where_none_has_the_name() -> None:
    """`zswap` is the kernel's word, and a machine may call its pools otherwise."""
    tiers = [
        st.ZswapSpec(name="quick", max_pool="4M"),
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="4M"),
        st.FileSpec(name="disk", capacity="4M"),
    ]
    with machine(tiers=tiers, edges=None) as swap:
        tree = ControlTree(swap)
        swap.swap_out(soft_pages(20))
        refusal(tree, "/memory.reclaim", "1M source=zswap")
        refusal(tree, "/memory.reclaim", "1M source=zswap")
        assert {name: tier.entries for name, tier in swap.stats().tiers.items()} == {"quick": 0, "dense": 0, "disk": 20}
        assert stat(tree, "/")["zswpwb"] == 20


def test_a_general_source_is_any_tier(swap: st.SwapSystem, tree: ControlTree) -> None:
    """source=ssd moves slots down, counted as nothing of zswap's."""
    swap.swap_out(soft_pages(50), "/web")
    refusal(tree, "/web/memory.reclaim", "1M source=zswap")
    before = stat(tree, "/web")
    assert refusal(tree, "/web/memory.reclaim", "40K source=ssd") is None
    assert swap.stats().tiers["disk"].entries == 10
    after = stat(tree, "/web")
    assert after["zswpwb_proactive_b"] == before["zswpwb_proactive_b"]
    assert after["pswpout"] == before["pswpout"] + 10


def test_a_store_has_no_resident_memory(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Plain reclaim and source=anon find nothing; with zswap behind it, that gives what anon could not."""
    swap.swap_out(soft_pages(100), "/web")
    for text in ("1M", "1M swappiness=60", "1M swappiness=0", "1M swappiness=max", "1M source=anon"):
        assert refusal(tree, "/web/memory.reclaim", text) == "EAGAIN", text
    assert stat(tree, "/web")["zswpwb"] == 0
    assert refusal(tree, "/web/memory.reclaim", "10K source=anon,zswap") is None
    assert stat(tree, "/web")["zswpwb_proactive_b"] >= 10 << 10


def test_proactive_bytes_stay_zero_on_any_other_writeback() -> None:
    """zswpwb_proactive_b that counts the limit's worker, push-back, watermarks or a store's need for room."""
    for when in (
        st.Triggers(limit=True),
        st.Triggers(pressure=True),
        st.Triggers(watermark=st.Watermark(high="80%", low="50%")),
    ):
        tiers = [st.ZswapSpec(name="zswap", max_pool="200K"), st.FileSpec(name="ssd", capacity="4M")]
        edges = [st.EdgeSpec(source="zswap", target="ssd", policy="second-chance", when=when)]
        with machine(tiers=tiers, edges=edges, on_full="spill", cgroups=[st.CgroupSpec(path="/web")]) as swap:
            tree = ControlTree(swap)
            swap.swap_out(soft_pages(300), "/web")
            assert stat(tree, "/web")["zswpwb"] > 0
            assert stat(tree, "/web")["zswpwb_proactive_b"] == stat(tree, "/")["zswpwb_proactive_b"] == 0


def test_push_back_of_a_request_is_not_proactive() -> None:
    """A request whose target is full moves entries below first: those are pressure's, and no tier is skipped."""
    tiers = [
        st.ZswapSpec(name="zswap", max_pool="8M"),
        st.FileSpec(name="ssd", capacity="1M"),
        st.FileSpec(name="disk", capacity="8M"),
    ]
    with machine(tiers=tiers, edges=None) as swap:
        tree = ControlTree(swap)
        swap.swap_out(raw_pages(600))
        assert refusal(tree, "/memory.reclaim", "2M source=zswap") is None
        stats = swap.stats()
        assert stats.tiers["ssd"].entries == 256
        assert stats.edges["ssd->disk"].by_trigger == {"pressure": stats.edges["ssd->disk"].entries}
        assert stats.edges["zswap->ssd"].entries == stats.cgroups["/"].zswpwb == 512
        assert stat(tree, "/")["zswpwb_proactive_b"] == 2 << 20


def test_proactive_bytes_are_summed_over_the_subtree(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Charged to the cgroup that was shrunk, and shown at every ancestor."""
    for path in ("/web/a", "/web/b"):
        swap.swap_out(soft_pages(70), path)
    refusal(tree, "/web/memory.reclaim", "1M source=zswap")
    parts = [stat(tree, path)["zswpwb_proactive_b"] for path in ("/web/a", "/web/b")]
    assert all(parts)
    assert stat(tree, "/web")["zswpwb_proactive_b"] == stat(tree, "/")["zswpwb_proactive_b"] == sum(parts)


def test_a_failing_device_is_eio() -> None:
    """An OSError of the device's file that looks like a refusal of the control file, or entries lost with it."""

    def wrap(tier: Tier) -> Tier:
        faulty = FaultyTier(tier, [Fault("store", errno=errno.ENOSPC)] if tier.name == "ssd" else [])
        faulty.arm()
        return faulty

    with machine(wrap=wrap) as swap:
        tree = ControlTree(swap)
        swap.swap_out(soft_pages(50))
        assert refusal(tree, "/memory.swap.tiers.demote", "1K zswap referenced=ignore") == "EIO"
        assert swap.stats().tiers["zswap"].entries == 50
        assert refusal(tree, "/memory.swap.tiers.demote", "1K zswap referenced=ignore") is None
        swap.check()


DIALECTS = ("zswap_writeback_only", "source", "tiers-demote")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_takes_its_own_form_and_no_other(swap: st.SwapSystem, dialect: str) -> None:
    """One kernel has one of the proposals."""
    swap.swap_out(soft_pages(50), "/web")
    tree = ControlTree(swap, dialect=dialect)  # type: ignore[arg-type]
    asked = {
        "zswap_writeback_only": refusal(tree, "/web/memory.reclaim", "1K zswap_writeback_only"),
        "source": refusal(tree, "/web/memory.reclaim", "1K source=zswap"),
        "tiers-demote": refusal(tree, "/web/memory.swap.tiers.demote", "1K zswap"),
    }
    assert asked.pop(dialect) is None
    refused = {"zswap_writeback_only": "EINVAL", "source": "EINVAL", "tiers-demote": "ENOENT"}
    assert asked == {other: refused[other] for other in asked}
    assert ("memory.swap.tiers.demote" in tree.list("/web")) is (dialect == "tiers-demote")
    assert refusal(tree, "/web/memory.reclaim", "0") is None
