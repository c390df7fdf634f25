"""Control groups: paths, limits as the kernel writes them, and which of them are in force in the subtree."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import swaptiers as st
from swaptiers.cgroups import ROOT, CgroupTree, check_path, parent_path
from swaptiers.core.constants import DEMOTE, MEMORY, NO_LIMIT
from swaptiers.core.core import Core, TierTerms

PAGE = 4096
TIERS = ("near", "far", "disk")
names = some.text(some.characters(exclude_characters="/").filter(str.isprintable), min_size=1, max_size=20)
good_names = names.filter(lambda name: name not in (".", ".."))


@given(some.lists(good_names, min_size=1, max_size=6))
def test_paths(parts: list[str]) -> None:
    """Whatever can be printed but a slash; the parent is what is left without the last name."""
    path = "/" + "/".join(parts)
    assert check_path(path) == path
    assert parent_path(path) == ("/" + "/".join(parts[:-1]) if parts[1:] else ROOT)


@given(
    some.lists(good_names, max_size=3),
    some.sampled_from(["", ".", "..", "a\nb", "x" * 256, "tab\t", "\x9b31m", "\u202e"]),
)
def test_paths_that_are_none(parts: list[str], bad: str) -> None:
    """One bad name anywhere spoils it."""
    for at in range(len(parts) + 1):
        with pytest.raises(ValueError, match="cgroup"):
            check_path("/" + "/".join([*parts[:at], bad, *parts[at:]]) + ("/" if not parts else ""))


@pytest.mark.parametrize(("value", "limit"), [(None, None), ("max", None), (0, 0), ("10M", 10 << 20), (4097, 4097)])
def test_limits_as_they_are_written(value: Any, limit: int | None) -> None:
    """`max` is no limit and 0 is one, for every limit alike, per tier too."""
    spec = st.CgroupSpec(path="/a", memory_max=value, zswap_max=value, swap_max=value, tiers_max={"far": value})
    assert (spec.memory_max, spec.zswap_max, spec.swap_max, spec.tiers_max) == (limit, limit, limit, {"far": limit})


BAD_LIMITS: list[dict[str, Any]] = [
    *({name: value} for name in ("memory_max", "zswap_max", "swap_max") for value in (-1, 1.5, True, "Max", "lots")),
    *({"tiers_max": {"far": value}} for value in (-5, 1.5, True, "all", [])),
    *({"tiers_max": value} for value in (5, None, "far", ["far"])),
    *({"zswap_writeback": value} for value in ("no", None, 2, 0.0)),
    {"tiers_max": {"tape": 0}},
]


@pytest.mark.parametrize("limits", BAD_LIMITS)
def test_a_bad_limit_changes_nothing(limits: dict[str, Any]) -> None:
    """Kept before it was looked at, it would break every later change to any cgroup."""
    tiers = [st.MemorySpec(name=name, capacity="1M") for name in TIERS]
    with st.SwapSystem(tiers, max_entries=1 << 10) as swap:
        group = swap.cgroup("/a", zswap_max="4M")
        with pytest.raises(ValueError):  # noqa: PT011  (each has its own words)
            group.set(**limits)
        assert group.spec == st.CgroupSpec(path="/a", zswap_max="4M")
        swap.cgroup("/b", swap_max=0)
        with pytest.raises(st.StoreRefusedError):
            swap.swap_out(np.ones((1, PAGE), np.uint8), "/b")
        swap.discard(swap.swap_out(np.ones((1, PAGE), np.uint8), group))


def test_a_dict_of_limits_is_copied() -> None:
    """Changed by the caller afterwards, it would change a limit behind the core's back."""
    limits: dict[str, Any] = {"far": 0}
    spec = st.CgroupSpec(path="/a", tiers_max=limits)
    limits["far"] = limits["disk"] = None
    assert spec.tiers_max == {"far": 0}


def small_tree() -> tuple[Core, CgroupTree]:
    terms = TierTerms(kind=MEMORY, codec=-1, raw_refused=False, on_full=DEMOTE, capacity_bytes=1 << 20, accept_bytes=0)
    core = Core(page_size=PAGE, tiers=[terms] * len(TIERS), edges=[], max_entries=1 << 10)
    return core, CgroupTree(core, TIERS)


def allowed(core: Core, tree: CgroupTree, path: str) -> list[str]:
    mask = int(core.cgroups[tree.paths[path]].allowed)
    return [name for bit, name in enumerate(TIERS) if mask >> bit & 1]


def test_a_child_only_narrows() -> None:
    """`max` below a parent's 0 stays without effect, and takes effect once the parent allows the tier again."""
    core, tree = small_tree()
    tree.limit(st.CgroupSpec(path="/p", tiers_max={"far": 0}))
    tree.limit(st.CgroupSpec(path="/p/c", tiers_max={"far": "max", "disk": 0}))
    assert allowed(core, tree, "/p") == ["near", "disk"]
    assert allowed(core, tree, "/p/c") == ["near"]
    tree.limit(st.CgroupSpec(path="/p", tiers_max={"far": "max"}))
    assert allowed(core, tree, "/p/c") == ["near", "far"]
    assert allowed(core, tree, "/") == list(TIERS)
    core.close()


def test_a_path_made_again_is_a_new_cgroup() -> None:
    """Neither its number nor its limits are those of the one that was removed."""
    core, tree = small_tree()
    old = tree.limit(st.CgroupSpec(path="/a", swap_max=0, zswap_writeback=False, tiers_max={"far": 0}))
    tree.remove("/a")
    new = tree.add("/a")
    assert new != old
    assert tree.specs["/a"] == st.CgroupSpec(path="/a")
    assert (int(core.cgroups[new].swap_max), int(core.cgroups[new].writeback)) == (NO_LIMIT, 1)
    assert allowed(core, tree, "/a") == list(TIERS)
    core.close()


@pytest.mark.parametrize(
    ("path", "says"), [("/", "the root can't be removed"), ("/b", "there is no cgroup '/b'"), ("/a", "below it")]
)
def test_what_cannot_be_removed(path: str, says: str) -> None:
    """A parent that went before its children would leave their charges without an owner."""
    core, tree = small_tree()
    tree.add("/a/x")
    tree.add("/ab")
    with pytest.raises(ValueError, match=says):
        tree.remove(path)
    assert sorted(tree.paths) == ["/", "/a", "/a/x", "/ab"]
    tree.remove("/a/x")
    tree.remove("/a")
    core.close()


PATHS = ("/", "/a", "/a/b", "/a/b/c", "/a/bb", "/ab", "/ab/b", "/d")
limits = some.one_of(some.none(), some.just(0), some.integers(1, 1 << 40))
specs = some.builds(
    st.CgroupSpec,
    path=some.sampled_from(PATHS),
    memory_max=limits,
    zswap_max=limits,
    swap_max=limits,
    zswap_writeback=some.booleans(),
    tiers_max=some.dictionaries(some.sampled_from(TIERS), limits),
)


def ancestors(path: str) -> list[str]:
    """With itself, up to the root."""
    return [path] if path == ROOT else [path, *ancestors(parent_path(path))]


class TreeMachine(RuleBasedStateMachine):
    """The tree against a dict of limits, with what is in force worked out from the ancestors of each."""

    def __init__(self) -> None:
        super().__init__()
        self.core, self.tree = small_tree()
        self.specs = {ROOT: st.CgroupSpec(path=ROOT)}

    @rule(path=some.sampled_from(PATHS))
    def add(self, path: str) -> None:
        known = self.tree.paths.get(path)
        number = self.tree.add(path)
        assert known in (None, number)
        for each in ancestors(path):
            self.specs.setdefault(each, st.CgroupSpec(path=each))

    @rule(spec=specs)
    def limit(self, spec: st.CgroupSpec) -> None:
        self.add(spec.path)
        self.tree.limit(spec)
        self.specs[spec.path] = spec

    @rule(path=some.sampled_from(PATHS[1:]))
    def remove(self, path: str) -> None:
        if path in self.specs and not any(parent_path(other) == path for other in self.specs):
            self.tree.remove(path)
            del self.specs[path]

    @invariant()
    def limits_are_handed_to_the_core(self) -> None:
        assert self.tree.specs == self.specs
        for path, spec in self.specs.items():
            index = self.tree.paths[path]
            c = self.core.cgroups[index]
            own = [spec.memory_max, spec.zswap_max, spec.swap_max, *(spec.tiers_max.get(name) for name in TIERS)]
            cells = [int(self.core.cell(index, bit).limit_bytes) for bit in range(len(TIERS))]
            kept = [int(c.memory_max), int(c.zswap_max), int(c.swap_max), *cells]
            assert kept == [NO_LIMIT if limit is None else limit for limit in own]

    @invariant()
    def ancestors_are_in_force(self) -> None:
        for path in self.specs:
            above = [self.specs[each] for each in ancestors(path)]
            index = self.tree.paths[path]
            assert bool(self.core.cgroups[index].writeback) == all(spec.zswap_writeback for spec in above)
            free = [name for name in TIERS if all(spec.tiers_max.get(name) != 0 for spec in above)]
            assert allowed(self.core, self.tree, path) == free
            parent = self.tree.paths[parent_path(path)] if path != ROOT else -1
            assert int(self.core.cgroups[index].parent) == parent

    @invariant()
    def a_subtree_is_a_range_of_places(self) -> None:
        for path in self.specs:
            c = self.core.cgroups[self.tree.paths[path]]
            members = self.core.preorder[int(c.place) : int(c.place_end)].tolist()
            below = [self.tree.paths[each] for each in self.specs if path in ancestors(each)]
            assert sorted(members) == sorted(below)
            assert members[0] == self.tree.paths[path]

    def teardown(self) -> None:
        self.core.close()


TestTreeMachine = TreeMachine.TestCase
TestTreeMachine.settings = settings(max_examples=60, stateful_step_count=25)


def test_a_cgroup_of_a_system() -> None:
    """A handle changes what it is asked to change and nothing else, under the kernel's rules for the subtree."""
    tiers = [st.MemorySpec(name=name, capacity="1M") for name in TIERS]
    with st.SwapSystem(tiers, cgroups=[st.CgroupSpec(path="/a", swap_max="1M")], max_entries=1 << 10) as swap:
        group = swap.cgroup("/a", zswap_max=7)
        assert group.spec == st.CgroupSpec(path="/a", swap_max="1M", zswap_max=7)
        group.set(swap_max=None, tiers_max={"near": 0})
        assert group.spec == attrs.evolve(st.CgroupSpec(path="/a"), zswap_max=7, tiers_max={"near": 0})
        assert repr(group) == "Cgroup('/a')"
        assert swap.cgroup("/a").index == group.index
        with pytest.raises(ValueError, match="no cgroup '/nobody'"):
            swap.cgroup_spec("/nobody")
