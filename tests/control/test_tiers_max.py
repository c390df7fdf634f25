"""memory.swap.tiers.max, case by case as the kernel's selftests for it have them (swap tiers v10, cgroup/test_swap_tiers.c):
default, narrow only, enabled again, reset on removal, no migration, no spill, invalid writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machines import PAGE, flat, machine, raw_pages, refusal, soft_pages

import swaptiers as st
from swaptiers.control import ControlTree

ALL_MAX = "zswap max\nssd max\ndisk max\n"


@pytest.fixture
def swap() -> Iterator[st.SwapSystem]:
    with machine(edges=[], on_full="spill") as system:
        yield system
        system.check()


@pytest.fixture
def tree(swap: st.SwapSystem) -> ControlTree:
    tree = ControlTree(swap)
    for path in ("/web", "/web/a", "/web/a/b"):
        tree.mkdir(path)
    return tree


def tiers_of(swap: st.SwapSystem, pages: int = 4, cgroup: str = "/web/a/b") -> dict[str, int]:
    """Where new pages of a cgroup go."""
    before = {name: tier.entries for name, tier in swap.stats().tiers.items()}
    swap.swap_out(soft_pages(pages, 7), cgroup)
    after = {name: tier.entries for name, tier in swap.stats().tiers.items()}
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def test_default_is_max_for_every_tier(tree: ControlTree) -> None:
    """Every tier is listed, fastest first, in a cgroup that nobody has touched."""
    for path in ("/web", "/web/a", "/web/a/b"):
        assert tree.read(f"{path}/memory.swap.tiers.max") == ALL_MAX


def test_a_write_changes_one_tier(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Another tier's limit lost with it."""
    tree.write("/web/memory.swap.tiers.max", "ssd 0\n")
    tree.write("/web/memory.swap.tiers.max", "disk 1M")
    assert tree.read("/web/memory.swap.tiers.max") == f"zswap max\nssd 0\ndisk {1 << 20}\n"
    tree.write("/web/memory.swap.tiers.max", "ssd max")
    assert tree.read("/web/memory.swap.tiers.max") == f"zswap max\nssd max\ndisk {1 << 20}\n"


def test_a_child_only_narrows(swap: st.SwapSystem, tree: ControlTree) -> None:
    """A child's `max` is taken and shown, and does not bring back what its parent forbids, three levels down."""
    tree.write("/web/memory.swap.tiers.max", "zswap 0")
    assert tree.read("/web/a/b/memory.swap.tiers.max") == ALL_MAX, "configured, not what is in force"
    assert refusal(tree, "/web/a/b/memory.swap.tiers.max", "zswap max") is None
    assert tiers_of(swap) == {"ssd": 4}
    tree.write("/web/a/memory.swap.tiers.max", "ssd 0")
    assert tiers_of(swap) == {"disk": 4}
    assert tiers_of(swap, cgroup="/web") == {"ssd": 4}


def test_it_is_in_force_again_once_the_parent_allows(swap: st.SwapSystem, tree: ControlTree) -> None:
    """What a child configured under a forbidding parent must not be forgotten, nor what it forbade itself."""
    tree.write("/web/memory.swap.tiers.max", "zswap 0")
    tree.write("/web/a/memory.swap.tiers.max", "ssd 0")
    tree.write("/web/memory.swap.tiers.max", "zswap max")
    assert tiers_of(swap) == {"zswap": 4}
    tree.write("/web/a/memory.swap.tiers.max", "zswap 0")
    assert tiers_of(swap) == {"disk": 4}


def test_a_new_cgroup_is_under_its_parents_mask(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Mask = all ones, effective = the parent's."""
    tree.write("/web/memory.swap.tiers.max", "zswap 0")
    tree.mkdir("/web/new")
    assert tree.read("/web/new/memory.swap.tiers.max") == ALL_MAX
    assert tiers_of(swap, cgroup="/web/new") == {"ssd": 4}


def test_removal_of_a_tier_resets_it(swap: st.SwapSystem, tree: ControlTree) -> None:
    """Cgroups do not pin tiers; a limit that outlives its tier would hold for whatever comes under its name next."""
    tree.write("/web/memory.swap.tiers.max", "ssd 0")
    tree.write("/web/memory.swap.tiers.low", "ssd 4M")
    tree.write("/web/a/memory.swap.tiers.max", "zswap 0")
    swap.remove_tier("ssd")
    assert tree.read("/web/memory.swap.tiers.max") == "zswap max\ndisk max\n"
    assert tree.read("/web/a/memory.swap.tiers.max") == "zswap 0\ndisk max\n"
    assert swap.cgroup_spec("/web").tiers_max == swap.cgroup_spec("/web").tiers_low == {}
    assert refusal(tree, "/web/memory.swap.tiers.max", "ssd max") == "EINVAL"
    assert tiers_of(swap) == {"disk": 4}


def test_old_entries_stay(swap: st.SwapSystem, tree: ControlTree) -> None:
    """A tier that is closed to a cgroup keeps what it has of it: only new pages stay out."""
    pages = soft_pages(20)
    ids = swap.swap_out(pages, "/web/a")
    tree.write("/web/memory.swap.tiers.max", "zswap 0")
    assert swap.stats().tiers["zswap"].entries == 20
    assert flat(tree.read("/web/memory.swap.tiers.current"))["zswap"].startswith("entries=20 ")
    assert tiers_of(swap) == {"ssd": 4}
    assert (swap.swap_in(ids) == pages).all()


def test_nothing_spills_into_a_forbidden_tier(swap: st.SwapSystem, tree: ControlTree) -> None:
    """A page that fits nowhere else is refused; it must not land where the cgroup may not be."""
    tree.write("/web/memory.swap.tiers.max", "zswap 0")
    tree.write("/web/memory.swap.tiers.max", "disk 0")
    slots = (16 << 20) // PAGE
    with pytest.raises(st.StoreRefusedError) as caught:
        for _ in range(slots // 256 + 1):
            swap.swap_out(raw_pages(256), "/web/a")
    stats = swap.stats().tiers
    assert (stats["zswap"].entries, stats["ssd"].entries, stats["disk"].entries) == (0, slots, 0)
    assert sum(caught.value.reasons.values()) == 256


def test_nothing_is_demoted_into_a_forbidden_tier(tree: ControlTree) -> None:
    """Demotion past the mask would be a spill by another name."""
    with machine() as swap:
        tree = ControlTree(swap)
        tree.mkdir("/web")
        swap.swap_out(soft_pages(100), "/web")
        tree.write("/web/memory.swap.tiers.max", "ssd 0")
        assert refusal(tree, "/web/memory.swap.tiers.demote", "10K zswap referenced=ignore") == "EAGAIN"
        assert swap.stats().tiers["ssd"].entries == swap.stats().tiers["disk"].entries == 0
        tree.write("/web/memory.swap.tiers.max", f"ssd {10 * PAGE}")
        assert refusal(tree, "/web/memory.swap.tiers.demote", "1M zswap referenced=ignore") == "EAGAIN"
        assert swap.stats().tiers["ssd"].entries == 10, "our extension: so many bytes, no more"


@pytest.mark.parametrize(
    "text",
    ["", "ssd", "ssd 1 2", "ssd max disk max", "sdd max", "ssd yes", "ssd -1", "SSD max", "+ssd", "ssd=0", "ssd max 0"],
)
@pytest.mark.parametrize("name", ["memory.swap.tiers.max", "memory.swap.tiers.low"])
def test_invalid_writes_change_nothing(tree: ControlTree, name: str, text: str) -> None:
    """-EINVAL, and the file says what it said."""
    tree.write(f"/web/{name}", "disk 4096")
    before = tree.read(f"/web/{name}")
    assert refusal(tree, f"/web/{name}", text) == "EINVAL"
    assert tree.read(f"/web/{name}") == before


def test_low_protects(swap: st.SwapSystem) -> None:
    """memory.swap.tiers.low written through its file is in force: others give first."""
    with machine() as demoting:
        tree = ControlTree(demoting)
        for path in ("/a", "/b"):
            tree.mkdir(path)
            demoting.swap_out(raw_pages(100, len(path)), path)
        tree.write("/a/memory.swap.tiers.low", "zswap max")
        assert tree.read("/a/memory.swap.tiers.low") == "zswap max\nssd 0\ndisk 0\n"
        assert refusal(tree, "/memory.swap.tiers.demote", f"{50 * PAGE} zswap referenced=ignore") is None
        counted = demoting.stats().cgroups
        assert (counted["/a"].zswpwb, counted["/b"].zswpwb) == (0, 50)
