"""The file `tiers` through the mount: every row of the kernel's error table by echo, the upstream selftests' cases, and what
the written names mean in other files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounts import echo, mounted, needs_fuse, shell

import swaptiers as st
from swaptiers.control import ControlTree
from tests.control.machines import soft_pages

pytestmark = needs_fuse


def machine() -> st.SwapSystem:
    """Zswap, two SSDs (100 and 90) and a disk (10), each with an edge to the next; /web and /web/worker."""
    tiers = [
        st.ZswapSpec(name="zswap", priority=32767, max_pool="8M"),
        st.FileSpec(name="ssd1", priority=100, capacity="2M"),
        st.FileSpec(name="ssd2", priority=90, capacity="2M"),
        st.FileSpec(name="disk", priority=10, capacity="8M"),
    ]
    request = st.Triggers(request=True)
    names = ["zswap", "ssd1", "ssd2", "disk"]
    edges = [st.EdgeSpec(source=a, target=b, when=request) for a, b in itertools.pairwise(names)]
    swap = st.SwapSystem(tiers, edges, on_full="spill", max_entries=1 << 14)
    swap.cgroup("/web/worker")
    return swap


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[st.SwapSystem, Path]]:
    """Mounted, without any named tier."""
    with machine() as swap, mounted(swap, tmp_path / "mm") as folder:
        yield swap, folder


def rows(folder: Path) -> dict[str, tuple[int, int]]:
    """Name -> start and end, from the file."""
    header, *lines = (folder / "tiers").read_text().splitlines()
    assert header.split() == ["Name", "Idx", "PrioStart", "PrioEnd"]
    return {name: (int(start), int(end)) for name, _, start, end in (line.split() for line in lines)}


TABLE = [
    ("hi:1", "EINVAL"),
    ("+new", "EINVAL"),
    ("+new:70000", "EINVAL"),
    ("+low:-2", "EINVAL"),
    ("+bad.name:300", "EINVAL"),
    ("+sixteen_letters_:300", "EINVAL"),
    ("+SSD:300", "EEXIST"),
    ("+dup:-1", "EBUSY"),
    ("-nobody", "EINVAL"),
    ("+mid:95", "EBUSY"),
    ("-SSD", "EBUSY"),
    ("-DISK +back:70", "EBUSY"),
    ("+zswap:500", "EEXIST"),
    ("+a:150 +a:160", "EEXIST"),
    ("+a:150 nonsense", "EINVAL"),
]


def test_every_row_of_the_error_table(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a row with another errno through echo, or a refused write of which something stays."""
    _, folder = here
    assert echo("+orphan:100", "tiers", folder) == "EINVAL", "the lowest has to start at -1"
    assert rows(folder) == {}
    assert echo("+SSD:50, +DISK:-1", "tiers", folder) is None
    before = rows(folder)
    assert before == {"SSD": (50, 32767), "DISK": (-1, 49)}
    for text, error in TABLE:
        assert echo(text, "tiers", folder) == error, text
        assert rows(folder) == before, text
    assert echo("+NVME:101", "tiers", folder) is None, "above every active device"
    assert echo("+more:200", "tiers", folder) is None
    assert echo("+fifth:300", "tiers", folder) == "ENOSPC"
    assert echo("-more -NVME", "tiers", folder) is None
    assert rows(folder) == before, "merged again"


def test_a_device_pins_its_tier_until_it_is_removed(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a pin that outlives its device (swapoff), or a device that never pins."""
    swap, folder = here
    assert echo("+SSD:50 +DISK:-1", "tiers", folder) is None
    swap.remove_tier("disk")
    assert echo("-DISK", "tiers", folder) is None
    assert rows(folder) == {"SSD": (-1, 32767)}, "the lowest goes to the one above"
    assert echo("-SSD", "tiers", folder) == "EBUSY"
    assert "disk" not in (folder / "swaps").read_text()


def test_a_range_is_all_its_devices(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a name that reaches only one device, or pages that spill to one that is forbidden."""
    swap, folder = here
    assert shell("awk 'NR > 1 {print $1, $5}' swaps", folder).stdout.splitlines() == ["ssd1 100", "ssd2 90", "disk 10"]
    assert echo("+SSD:50 +DISK:-1", "tiers", folder) is None
    assert (folder / "web/memory.swap.tiers.max").read_text() == "zswap max\nSSD max\nDISK max\n"
    assert echo("SSD 0", "web/memory.swap.tiers.max", folder) is None
    assert echo("zswap 0", "web/memory.swap.tiers.max", folder) is None
    assert (folder / "web/memory.swap.tiers.max").read_text() == "zswap 0\nSSD 0\nDISK max\n"
    swap.swap_out(soft_pages(10), "/web/worker")
    held = {name: tier.entries for name, tier in swap.stats().tiers.items()}
    assert held == {"zswap": 0, "ssd1": 0, "ssd2": 0, "disk": 10}
    assert (folder / "web/worker/memory.swap.tiers.max").read_text().startswith("zswap max\nSSD max"), "as configured"
    assert echo("ssd2 max", "web/memory.swap.tiers.max", folder) is None, "a device's own name"
    assert echo("SSD 100", "web/memory.swap.tiers.max", folder) == "EINVAL", "bytes for two devices"
    assert echo("DISK 1M", "web/memory.swap.tiers.max", folder) is None
    assert echo("NET 0", "web/memory.swap.tiers.max", folder) == "EINVAL"
    assert echo("SSD 0 x", "web/memory.swap.tiers.max", folder) == "EINVAL"


def test_disabling_moves_nothing_and_can_be_taken_back(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a write that migrates old entries, or a tier that stays closed."""
    swap, folder = here
    assert echo("+SSD:50 +DISK:-1", "tiers", folder) is None
    assert echo("zswap 0", "web/memory.swap.tiers.max", folder) is None
    swap.swap_out(soft_pages(10), "/web")
    assert echo("SSD 0", "web/memory.swap.tiers.max", folder) is None
    assert swap.stats().tiers["ssd1"].entries == 10
    assert echo("SSD max", "web/memory.swap.tiers.max", folder) is None
    swap.swap_out(soft_pages(10, 1), "/web")
    assert swap.stats().tiers["ssd1"].entries == 20


def test_a_name_that_comes_back_is_max_everywhere(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a mask that outlives its tier: the index is used again."""
    _, folder = here
    assert echo("+TOP:200 +ALL:-1", "tiers", folder) is None
    assert echo("TOP 0", "web/memory.swap.tiers.max", folder) is None
    assert "TOP 0\n" in (folder / "web/memory.swap.tiers.max").read_text()
    assert echo("-TOP +NEW:300", "tiers", folder) is None
    assert "NEW max\n" in (folder / "web/memory.swap.tiers.max").read_text()
    assert echo("NEW 0", "web/worker/memory.swap.tiers.max", folder) is None
    assert shell("rmdir web/worker && mkdir web/worker", folder).returncode == 0
    assert "NEW max\n" in (folder / "web/worker/memory.swap.tiers.max").read_text(), "a new cgroup"


def test_demotion_out_of_a_range_leaves_it(here: tuple[st.SwapSystem, Path]) -> None:
    """Would catch a move from one device of a range to another that is counted as leaving it."""
    swap, folder = here
    assert echo("+SSD:50 +DISK:-1", "tiers", folder) is None
    ids = swap.swap_out(soft_pages(64), "/web")
    assert echo("1M zswap to=SSD", "web/memory.swap.tiers.demote", folder) == "EAGAIN", "there are 64 pages"
    assert swap.stats().tiers["ssd1"].entries == 64
    assert swap.demote("128K", source="ssd1").entries
    second = swap.stats().tiers["ssd2"].entries
    assert second > 0
    assert echo("4K SSD", "web/memory.swap.tiers.demote", folder) is None
    assert swap.stats().tiers["disk"].entries > 0
    assert swap.stats().tiers["ssd1"].entries == 64 - second, "the edge within the range moved nothing"
    assert echo("4K source=SSD", "web/memory.reclaim", folder) in (None, "EAGAIN")
    assert echo("4K DISK", "web/memory.swap.tiers.demote", folder) == "EINVAL", "no edge leads out of it"
    assert (swap.swap_in(ids) == soft_pages(64)).all()


def test_names_of_tiers_without_priorities(tmp_path: Path) -> None:
    """Would catch devices that lie in no range because a config gives no priorities."""
    tiers = [st.FileSpec(name=name, capacity="1M") for name in ("fast", "slow")]
    with st.SwapSystem(tiers, max_entries=1 << 12) as swap:
        tree = ControlTree(swap, nr_swap_tiers=1)
        assert [line.split()[-1] for line in tree.read("/swaps").splitlines()[1:]] == ["1", "0"]
        with pytest.raises(st.ControlFileError):
            tree.write("/tiers", "+a:1 +b:-1")
        tree.write("/tiers", "+b:-1")
        assert tree.read("/tiers").split()[4:] == ["b", "0", "-1", "32767"]
