"""Policies beside the lists: `largest`, `random`, and users' own, which suggest and are told what became of it."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores import PAGE, Clock, check_whole, pages_of, tier_of, where

import swaptiers as st
from swaptiers.core.chooser import CHOOSERS

ON_REQUEST = st.Triggers(request=True)
HERE = __name__


def two_tiers(policy: str, *, capacity: str = "2M", **terms: Any) -> st.SwapSystem:
    tiers = [st.ZswapSpec(name="zswap", max_pool="8M"), st.MemorySpec(name="disk", capacity=capacity)]
    edge = st.EdgeSpec(source="zswap", target="disk", policy=policy, **{"when": ON_REQUEST, **terms})
    return st.SwapSystem(tiers, [edge], on_full="spill", clock=Clock(), max_entries=1 << 16)


def test_largest_frees_most_per_write() -> None:
    """The entries with the most stored bytes go first, and of equal ones the older."""
    with two_tiers("largest", batch=4) as swap:
        sizes = [300, 2000, 900, 3000, 2000, 600, 2500, 100]
        pages = np.concatenate([pages_of(size, 1, i) for i, size in enumerate(sizes)])
        ids = swap.swap_out(pages)
        done = swap.demote(7000, source="zswap")
        assert [sizes[i] for i, tier in enumerate(where(swap, ids)) if tier == "disk"] == [2000, 3000, 2500]
        assert (where(swap, ids)[1], where(swap, ids)[4]) == ("disk", "zswap")
        assert done.entries == 3
        check_whole(swap, ids, pages)


def test_random_takes_from_everywhere() -> None:
    """Each entry is as likely as any other: over many stores each of 20 places goes about equally often."""
    gone: Counter[int] = Counter()
    with two_tiers("random", batch=5) as swap:
        for seed in range(400):
            ids = swap.swap_out(pages_of(1000, 20, seed))
            swap.demote(5000, source="zswap")
            taken = [i for i, tier in enumerate(where(swap, ids)) if tier == "disk"]
            assert len(taken) == 5
            gone.update(taken)
            swap.discard(ids)
    assert min(gone[i] for i in range(20)) > 65, gone  # 100 are expected, with a deviation of 9
    assert max(gone[i] for i in range(20)) < 135, gone


class Evens:
    """Suggests what stands at even positions."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self.shown: list[Any] = []
        self.told: list[Any] = []

    def suggest(self, candidates: Any) -> Any:
        self.shown.append(candidates)
        return np.arange(0, len(candidates), 2)[: self.most]

    def decided(self, candidates: Any, accepted: Any, refused: dict[int, str]) -> None:
        self.told.append((accepted.tolist(), refused))


def policy_of(swap: st.SwapSystem) -> Any:
    assert swap._chooser is not None
    return swap._chooser._policies[0]


def test_a_users_policy_is_shown_the_candidates() -> None:
    """What it sees is true: ids, last uses in order, stored bytes, marks, cgroup, and the time."""
    with two_tiers(f"{HERE}:Evens", batch=64) as swap:
        swap.cgroup("/web")
        pages = np.concatenate([pages_of(PAGE, 3), pages_of(900, 3)])
        ids = swap.swap_out(pages, "/web", last_used_ns=np.array([5, 3, 1, 2, 4, 6]))
        swap._parts.clock.now = 10  # type: ignore[attr-defined]
        swap.demote("1M", source="zswap")
        seen = policy_of(swap).shown[0]
        assert (seen.source, seen.target, seen.cgroup, seen.now_ns, seen.wanted) == ("zswap", "disk", "/web", 10, 6)
        assert seen.ids.tolist() == ids[[2, 3, 1, 4, 0, 5]].tolist()
        assert seen.age_ns.tolist() == [9, 8, 7, 6, 5, 4]
        assert seen.is_raw.tolist() == [True, False, True, False, True, False]
        assert seen.is_referenced.all()
        assert (seen.stored_bytes[seen.is_raw] == PAGE).all()
        assert len(set(seen.arrival.tolist())) == 6


def test_a_users_policy_decides() -> None:
    """What it suggests moves, what it does not suggest stays, and it is asked again until it has nothing."""
    with two_tiers(f"{HERE}:Evens", batch=8) as swap:
        pages = pages_of(1000, 10)
        ids = swap.swap_out(pages, last_used_ns=np.arange(10))
        done = swap.demote(4 * 1000, source="zswap")
        assert where(swap, ids) == ["disk", "zswap"] * 4 + ["zswap"] * 2
        assert (done.entries, done.met) == (4, True)
        assert policy_of(swap).told == [([0, 2, 4, 6], {8: "not_reached"})]
        check_whole(swap, ids, pages)


def test_a_refused_suggestion_has_its_reason() -> None:
    """The engine has the last word: a full target refuses, and the policy is told why."""
    with two_tiers(f"{HERE}:Evens", capacity="1M") as swap:
        swap.cgroup("/web", tiers_max={"disk": 2 * PAGE})
        ids = swap.swap_out(pages_of(1000, 10), "/web", last_used_ns=np.arange(10))
        done = swap.demote("1M", source="zswap", cgroup="/web")
        assert where(swap, ids).count("disk") == 2
        assert policy_of(swap).told[0] == ([0, 2], {4: "tiers_max", 6: "not_reached", 8: "not_reached"})
        assert "tiers_max" in done.refused


class Failing:
    def suggest(self, candidates: Any) -> Any:
        raise KeyError("no idea")


class Outside:
    def suggest(self, candidates: Any) -> Any:
        return [len(candidates)]


class Twice:
    def suggest(self, candidates: Any) -> Any:
        return [0, 0]


class Words:
    def suggest(self, candidates: Any) -> Any:
        return ["first"]


@pytest.mark.parametrize(
    ("policy", "says"), [("Failing", "no idea"), ("Outside", "outside"), ("Twice", "twice"), ("Words", "positions")]
)
def test_a_policy_that_fails_loses_nothing(policy: str, says: str) -> None:
    """Its error names the policy and the edge, comes out of the call that asked, and every page is still there."""
    pressed = {"when": st.Triggers(pressure=True)}
    tiers = [st.ZswapSpec(name="zswap", max_pool="64K"), st.MemorySpec(name="disk", capacity="2M")]
    edge = st.EdgeSpec(source="zswap", target="disk", policy=f"{HERE}:{policy}", **pressed)
    with st.SwapSystem(tiers, [edge], max_entries=1 << 16) as swap:
        pages = pages_of(PAGE, 16)
        ids = swap.swap_out(pages)
        for call in (
            lambda: swap.demote("8K", source="zswap"),
            lambda: swap.swap_out(pages_of(PAGE, 8, 2)),
            lambda: swap.swap_out_page(pages_of(PAGE, 1, 3)[0].tobytes()),
        ):
            with pytest.raises(st.PolicyError, match=says) as raised:
                call()
            assert (raised.value.edge, raised.value.policy) == ("zswap->disk", f"{HERE}:{policy}")
            assert len(swap) == 16
        check_whole(swap, ids, pages)


def test_policies_under_pressure_from_many_threads() -> None:
    """A policy in Python is asked from inside the core, under the lock, by whoever stores: nothing is lost."""
    pressed = {"when": st.Triggers(pressure=True), "batch": 4}
    tiers = [st.ZswapSpec(name="zswap", max_pool="128K"), st.MemorySpec(name="disk", capacity="8M")]
    edge = st.EdgeSpec(source="zswap", target="disk", policy=f"{HERE}:Evens", **pressed)
    with st.SwapSystem(tiers, [edge], max_entries=1 << 16) as swap:
        kept: dict[int, Any] = {}

        def store(seed: int) -> None:
            pages = pages_of(3000, 200, seed)
            kept[seed] = (np.concatenate([swap.swap_out(part) for part in np.array_split(pages, 20)]), pages)

        threads = [threading.Thread(target=store, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(kept) == 4
        for ids, pages in kept.values():
            check_whole(swap, ids, pages)
        assert swap.stats().edges["zswap->disk"].entries > 300


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ("no_such_module:Thing", "No module"),
        (f"{HERE}:Nothing", "Nothing"),
        (f"{HERE}:PAGE", "no class with a method suggest"),
    ],
)
def test_a_policy_that_can_not_be_made(policy: str, says: str) -> None:
    """Said when the system is made, not when the policy is first asked."""
    with pytest.raises(st.ConfigError, match=says):
        two_tiers(policy)


def test_a_class_without_suggest() -> None:
    """Something that is no policy is refused in words."""
    with pytest.raises(st.ConfigError, match="suggest"):
        two_tiers("threading:Event")


def test_what_is_no_policy_is_never_called(tmp_path: Path) -> None:
    """A stranger's config must not have a function of its choice called with options of its choice."""
    victim = tmp_path / "precious"
    victim.touch()
    with pytest.raises(st.ConfigError, match="os:remove: it is no class with a method suggest"):
        two_tiers("os:remove", options={"path": str(victim)})
    assert victim.exists()


def test_options_reach_the_policy() -> None:
    """`options` are the keyword arguments of the class."""
    with two_tiers(f"{HERE}:Evens", options={"most": 1}) as swap:
        ids = swap.swap_out(pages_of(1000, 4), last_used_ns=np.arange(4))
        swap.demote(1500, source="zswap")
        assert where(swap, ids) == ["disk", "disk", "zswap", "zswap"]


CONFIG = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 1M}
  disk: {kind: file, capacity: 64M}
edges: [{from: zswap, to: disk, policy: 'my_policy:Coldest', options: {share: 0.5}}]
cgroups: {/web: {memory.max: 1M, memory.zswap.max: 600K}}
workloads: [{cgroup: /web, kind: zipf, pages: 1500, refs: 8000, writes: 20%}]
"""
MODULE = """
class Coldest:
    def __init__(self, share): self.share = share
    def suggest(self, candidates):
        return range(max(1, int(candidates.wanted * self.share)))
"""


def test_a_policy_beside_the_config(tmp_path: Path) -> None:
    """A module in the config's folder is found, by `run` in this process and in others, with real bytes and with sizes."""
    (tmp_path / "my_policy.py").write_text(MODULE)
    config = tmp_path / "x.yaml"
    config.write_text(CONFIG + "variants: {one: {}, two: {}}\n")
    real = st.run(config, jobs=2).variants["one"]
    sizes = st.run(config, sets=["run.payload=sizes"]).variants["two"]
    assert real.edges["zswap->disk"].entries == sizes.edges["zswap->disk"].entries > 500
    assert (real.integrity.mismatched, real.integrity.lost) == (0, 0)
    assert real.fault_latency_ns == sizes.fault_latency_ns


def test_a_policy_that_fails_in_a_run(tmp_path: Path) -> None:
    """The run ends with one sentence that names the policy, not with wrong numbers."""
    (tmp_path / "bad_policy.py").write_text("class Bad:\n    def suggest(self, candidates): return [-1]\n")
    config = tmp_path / "x.yaml"
    config.write_text(CONFIG.replace("my_policy:Coldest", "bad_policy:Bad").replace(", options: {share: 0.5}", ""))
    with pytest.raises(st.PolicyError, match="bad_policy:Bad of edge zswap->disk: ValueError"):
        st.run(config)


def test_the_coldest_go_by_default_order(tmp_path: Path) -> None:
    """A policy that suggests the first positions gives what `lru` gives."""
    for policy in ("lru", f"{HERE}:Evens"):
        with two_tiers(policy, batch=1) as swap:
            ids = swap.swap_out(pages_of(1000, 5), last_used_ns=np.array([3, 1, 2, 5, 4]))
            swap.demote(100, source="zswap")
            assert [tier_of(swap, entry) for entry in ids] == ["zswap", "disk", "zswap", "zswap", "zswap"]


class Roaming:
    """Remembers how often it was asked, and suggests something else each time."""

    def __init__(self) -> None:
        self.asked = 0

    def suggest(self, candidates: Any) -> list[int]:
        self.asked += 1
        return [self.asked * 3 % len(candidates)]


def test_a_plan_asks_a_copy() -> None:
    """Otherwise what a policy remembers would make its plans lie: they start where it is, and leave it there."""
    with two_tiers(f"{HERE}:Roaming") as swap:
        swap.swap_out(pages_of(1000, 50))
        for _ in range(4):
            planned = [swap.plan(5000, source="zswap") for _ in range(2)]
            ids = [[entry for move in plan.moves for entry in move.ids.tolist()] for plan in planned]
            assert ids[0] == ids[1]
            assert len(ids[0]) == 5
            assert swap.demote(5000, source="zswap") == planned[0].outcome
            assert where(swap, np.array(ids[0])) == ["disk"] * 5


class Uncopied(Roaming):
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("one of a kind")


def test_a_trial_leaves_nothing_behind() -> None:
    """Each trial has a function that compiled code calls: a thousand trials must not keep a thousand copies."""
    with two_tiers(f"{HERE}:Evens") as swap:
        swap.swap_out(pages_of(900, 4))
        before = len(CHOOSERS)
        swap.plan("1K", source="zswap")
        assert len(CHOOSERS) == before


def test_a_policy_that_can_not_be_copied() -> None:
    """It demotes; a plan, which would have to change it, says so."""
    with two_tiers(f"{HERE}:Uncopied") as swap:
        swap.swap_out(pages_of(1000, 10))
        with pytest.raises(st.PolicyError, match="one of a kind"):
            swap.plan(1000, source="zswap")
        assert swap.demote(1000, source="zswap").entries == 1


class Meddler:
    """Calls the system that asks it, which its contract forbids."""

    system: Any = None
    calls: Any = None

    def suggest(self, candidates: Any) -> list[int]:
        Meddler.calls(Meddler.system, candidates.ids[:1])
        return [0]


@pytest.mark.parametrize(
    "calls",
    [
        lambda swap, ids: swap.stats(),
        lambda swap, ids: swap.swap_in(ids),
        lambda swap, ids: swap.swap_in_page(int(ids[0])),
        lambda swap, ids: swap.swap_out_page(bytes(PAGE - 1) + b"x"),
        lambda swap, ids: swap.demote(1, source="zswap"),
        lambda swap, ids: swap.close(),
    ],
    ids=["stats", "swap_in", "swap_in_page", "swap_out_page", "demote", "close"],
)
def test_a_policy_that_calls_its_system(calls: Any) -> None:
    """It would wait for the lock that is held for it, forever; and everybody else with it."""
    with two_tiers(f"{HERE}:Meddler") as swap:
        pages = pages_of(1000, 5)
        ids = swap.swap_out(pages)
        Meddler.system, Meddler.calls = swap, calls
        with pytest.raises(st.PolicyError, match="must not call the system that asks it"):
            swap.demote(1000, source="zswap")
        check_whole(swap, ids, pages)


class Impatient:
    def suggest(self, candidates: Any) -> list[int]:
        raise KeyboardInterrupt


def test_ctrl_c_while_a_policy_thinks() -> None:
    """It is the caller's, not a failure of the policy; nothing is lost."""
    with two_tiers(f"{HERE}:Impatient") as swap:
        pages = pages_of(1000, 5)
        ids = swap.swap_out(pages)
        with pytest.raises(KeyboardInterrupt):
            swap.demote(1000, source="zswap")
        check_whole(swap, ids, pages)


@pytest.mark.parametrize("most", [0, -1, 2.5, "all"])
def test_how_many_it_wants_to_be_shown(most: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all would be a policy that never moves anything, and says nothing."""
    monkeypatch.setattr(Evens, "max_candidates", most, raising=False)
    with pytest.raises(st.ConfigError, match="max_candidates is a whole number from 1 on"):
        two_tiers(f"{HERE}:Evens")


class Content:
    """Lets nothing go."""

    asked = 0

    def suggest(self, candidates: Any) -> list[int]:
        Content.asked += 1
        return []


def test_none_is_a_good_answer(tmp_path: Path) -> None:
    """A cgroup over its limit asks for each of its pages in turn: the policy is asked once a moment, else a run took hours."""
    config = tmp_path / "x.yaml"
    text = CONFIG.replace("my_policy:Coldest", f"{HERE}:Content").replace(", options: {share: 0.5}", "")
    config.write_text(text)
    Content.asked = 0
    run = st.run(config, sets=["run.payload=sizes", "workloads.0.refs=3000"]).variants["base"]
    edge = run.edges["zswap->disk"]
    assert (edge.entries, sum(each.over_limit for each in run.cgroups.values()) > 100) == (0, True)
    assert 0 < Content.asked < edge.asked / 20


def test_largest_finds_what_comes_late() -> None:
    """Of more than a batch: what is larger than the smallest chosen so far takes its place, wherever that stood."""
    with two_tiers("largest", batch=3) as swap:
        sizes = [3000, 2500, 500, 1000, 400]
        ids = swap.swap_out(np.concatenate([pages_of(size, 1, i) for i, size in enumerate(sizes)]))
        assert swap.demote(6300, source="zswap").entries == 3
        assert where(swap, ids) == ["disk", "disk", "zswap", "disk", "zswap"]


def test_every_candidate_is_shown() -> None:
    """As many as it wants to be shown: of each class in turn, and however many chunks they stand in."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="8M"), st.MemorySpec(name="disk", capacity="8M")]
    edges = [
        st.EdgeSpec(source="zswap", target="disk", when=ON_REQUEST, policy=f"{HERE}:Evens", only="cgroup in [/a]"),
        st.EdgeSpec(source="zswap", target="more", when=ON_REQUEST, only="ratio < 0.2 and cgroup not in [/a]"),
        st.EdgeSpec(source="zswap", target="last", when=ON_REQUEST, only="ratio > 0.6 and cgroup not in [/a]"),
    ]
    tiers += [st.MemorySpec(name=name, capacity="1M") for name in ("more", "last")]
    with st.SwapSystem(tiers, edges, clock=Clock(), max_entries=1 << 12) as swap:
        policy = policy_of(swap)
        policy.max_candidates = 400
        swap.cgroup("/a")
        for size, count in ((100, 30), (1500, 30), (3000, 130)):
            swap.swap_out(pages_of(size, count), "/a")
        swap.demote("1", source="zswap", target="disk")
        shown = policy.shown[-1].ids.tolist()
        assert (len(shown), len(set(shown))) == (190, 190)
