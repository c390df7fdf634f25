"""memory.reclaim with source=zswap, as a shell writes it: `sh -c 'echo ... > file'` through the mount (v5's promises)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mounts import echo, mounted, needs_fuse, shell, stat_of, store

import swaptiers as st
from tests.control.machines import soft_pages

pytestmark = needs_fuse
STORED = 2082
"""About what lz4 makes of a page of soft_pages."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[st.SwapSystem, Path]]:
    """A store that is mounted."""
    with store() as swap, mounted(swap, tmp_path_factory.mktemp("mount") / "cgroup") as folder:
        yield swap, folder
        swap.check()


@pytest.fixture
def full(here: tuple[st.SwapSystem, Path]) -> Iterator[tuple[st.SwapSystem, Path]]:
    """With 300 pages of each cgroup in zswap, 15 batches of 64: fewer than the failures that a request may have. Empty again at the end."""
    swap, _ = here
    ids = [swap.swap_out(soft_pages(300, seed), path) for seed, path in enumerate(("/web", "/web/worker", "/db"))]
    yield here
    for each in ids:
        swap.discard(each)
    swap.limit(st.CgroupSpec(path="/web"))


def test_dash_and_bash_alike(full: tuple[st.SwapSystem, Path]) -> None:
    """Would catch an echo that fails although everything was written back, or one that moves nothing."""
    _, folder = full
    done = shell("""sh -c 'echo "100K source=zswap" > web/memory.reclaim'""", folder)
    assert (done.returncode, done.stderr) == (0, "")
    after = stat_of("web/memory.stat", folder)
    assert 100 << 10 <= after["zswpwb_proactive_b"] < (100 << 10) + 64 * 2200
    assert after["zswpwb"] > 0
    assert stat_of("db/memory.stat", folder)["zswpwb"] == 0, "only the subtree"


def test_short_is_eagain_and_what_was_done_is_in_the_stats(full: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a request that was met by half and passes as done, or whose half is undone."""
    _, folder = full
    before = stat_of("web/memory.stat", folder)
    assert echo("64M source=zswap", "web/memory.reclaim", folder) == "EAGAIN"
    after = stat_of("web/memory.stat", folder)
    assert (after["zswap"], after["zswapped"]) == (0, 0)
    assert after["zswpwb_proactive_b"] - before["zswpwb_proactive_b"] == before["zswap"]


def test_overshoot_is_at_most_a_batch(full: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a batch that is not cut off by the budget: 64 entries are looked at in one step."""
    _, folder = full
    before = stat_of("memory.stat", folder)["zswpwb_proactive_b"]
    assert echo("300K source=zswap", "memory.reclaim", folder) is None
    moved = stat_of("memory.stat", folder)["zswpwb_proactive_b"] - before
    assert 300 << 10 <= moved < (300 << 10) + 64 * 2200


def test_descendants_take_turns(full: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a walk that empties one cgroup before it asks the next."""
    _, folder = full
    before = [stat_of(f"{path}/memory.stat", folder)["zswap"] for path in ("web", "web/worker")]
    assert echo("800K source=zswap", "web/memory.reclaim", folder) is None
    worker = before[1] - stat_of("web/worker/memory.stat", folder)["zswap"]
    both = before[0] - stat_of("web/memory.stat", folder)["zswap"]
    assert 0.3 * both < worker < 0.7 * both


def test_the_second_chance(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a request that writes back referenced entries on the first encounter: 16 batches of 64 that only rotate
    are as many failures as it may have."""
    swap, folder = here
    ids = swap.swap_out(soft_pages(1200, 9), "/db")
    try:
        assert echo("10K source=zswap", "db/memory.reclaim", folder) == "EAGAIN"
        assert stat_of("db/memory.stat", folder)["zswap"] >= 1200 * 2048, "all were referenced"
        assert echo("10K source=zswap", "db/memory.reclaim", folder) is None
    finally:
        swap.discard(ids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "source=zswap",
        "x source=zswap",
        "1M source=zswap swappiness=60",
        "1M swappiness=60 source=zswap",
        "1M source=zswap swappiness=max",
        "1M source=nothing",
        "1M source=aaaaaaaaaaaaaaaaaaaaaaaa",
        "1M source=file",
        "1M swappiness=201",
        "1M bogus",
    ],
)
def test_einval(here: tuple[st.SwapSystem, Path], text: str) -> None:
    """Would catch a key that is taken for something, or an errno that gets lost on the way through the mount."""
    _, folder = here
    assert echo(text, "web/memory.reclaim", folder) == "EINVAL"


def test_nothing_of_nothing_is_done(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch -EAGAIN for a request of no bytes."""
    _, folder = here
    assert echo("0 source=zswap", "web/memory.reclaim", folder) is None


def test_no_writeback_is_einval_also_by_an_ancestor(full: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a switch that is not hierarchical."""
    _, folder = full
    assert echo("0", "web/memory.zswap.writeback", folder) is None
    assert echo("10K source=zswap", "web/worker/memory.reclaim", folder) == "EINVAL"
    assert echo("10K source=zswap", "web/memory.reclaim", folder) == "EINVAL"
    assert echo("1", "web/memory.zswap.writeback", folder) is None
    assert echo("10K source=zswap", "web/worker/memory.reclaim", folder) is None


def test_no_zswap_is_eopnotsupp(tmp_path: Path) -> None:
    """Would catch a machine without zswap that says -EINVAL."""
    tiers = [st.FileSpec(name="ssd", capacity="4M"), st.FileSpec(name="disk", capacity="4M")]
    with st.SwapSystem(tiers, max_entries=1 << 12) as swap, mounted(swap, tmp_path / "cgroup") as folder:
        assert echo("1M source=zswap", "memory.reclaim", folder) in ("EOPNOTSUPP", "ENOTSUP")


def test_only_the_proactive_counter_counts_requests(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch another writeback that is counted as proactive (the kernel's own selftest asks for 0)."""
    swap, folder = here
    before = stat_of("db/memory.stat", folder)
    ids = swap.swap_out(soft_pages(50, 4), "/db")
    swap.evacuate("zswap")
    swap.readmit("zswap")
    after = stat_of("db/memory.stat", folder)
    assert after["zswpwb"] == before["zswpwb"] + 50
    assert after["zswpwb_proactive_b"] == before["zswpwb_proactive_b"]
    swap.discard(ids)
