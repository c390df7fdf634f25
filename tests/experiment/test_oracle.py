"""policy: oracle, against the best of all possible choices; and Belady's bound, against the plainest MIN."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest
from configs import run_text, write_trace
from stacks import PATTERNS

import swaptiers as st
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.spec import ExperimentSpec, RunSpec
from swaptiers.workloads.specs import TraceSpec

MEMORY, NEAR = 2, 3


def fewest_disk_loads(trace: tuple[int, ...]) -> int:
    """Over every choice of what to demote: memory is an LRU of MEMORY pages, what falls out goes to the near tier of NEAR
    pages, and when that is full any of its pages may go to the disk."""

    @functools.cache
    def best(at: int, resident: tuple[int, ...], near: frozenset[int], disk: frozenset[int]) -> int:
        if at == len(trace):
            return 0
        page = trace[at]
        if page in resident:
            return best(at + 1, (*(each for each in resident if each != page), page), near, disk)
        cost = 1 if page in disk else 0
        near, disk = near - {page}, disk - {page}
        if len(resident) < MEMORY:
            return cost + best(at + 1, (*resident, page), near, disk)
        evicted, kept = resident[0], (*resident[1:], page)
        if len(near) < NEAR:
            return cost + best(at + 1, kept, near | {evicted}, disk)
        return cost + min(best(at + 1, kept, near - {gone} | {evicted}, disk | {gone}) for gone in near)

    return best(0, (), frozenset(), frozenset())


def disk_loads(folder: Path, trace: list[int], policy: str) -> int:
    write_trace(folder / "a.u32", [(page, False) for page in trace])
    spec = ExperimentSpec(
        charge_zswap=False,
        tiers=(st.MemorySpec(name="near", capacity=NEAR * 4096), st.FileSpec(name="disk", capacity="1M")),
        edges=(st.EdgeSpec(source="near", target="disk", policy=policy, batch=1),),  # type: ignore[arg-type]
        cgroups=(st.CgroupSpec(path="/a", memory_max=MEMORY * 4096),),
        workloads=(TraceSpec(cgroup="/a", path="a.u32", contents="random"),),
        run=RunSpec(reclaim_batch=1, payload="sizes"),
    )
    with Laboratory(spec, folder) as laboratory:
        result = laboratory.run()
    if policy == "oracle":
        assert result.inversion.late_faults in (0, None)
    return result.tiers["disk"].loads


@pytest.mark.parametrize("seed", range(25))
def test_the_oracle_is_the_best_of_all_choices(tmp_path: Path, seed: int) -> None:
    """A next use that is off by one, or kept from an earlier stay in the tier, costs a load somewhere."""
    draw = random.Random(seed)
    pages = draw.choice([7, 8, 9])
    trace = [min(int(draw.expovariate(0.35)), pages - 1) if seed % 2 else draw.randrange(pages) for _ in range(40)]
    best = fewest_disk_loads(tuple(trace))
    assert disk_loads(tmp_path, trace, "oracle") == best
    assert disk_loads(tmp_path, trace, "lru") >= best


def test_lru_is_not_the_best_of_all_choices(tmp_path: Path) -> None:
    """So that the test above can fail: on a loop LRU is far from it."""
    trace = list(range(8)) * 5
    assert disk_loads(tmp_path, trace, "oracle") == fewest_disk_loads(tuple(trace))
    assert disk_loads(tmp_path, trace, "lru") > 1.5 * fewest_disk_loads(tuple(trace))


def plain_min(trace: list[int], capacity: int) -> int:
    """Misses of a memory that lets go of what is used again last."""
    held: set[int] = set()
    misses = 0
    for at, page in enumerate(trace):
        if page in held:
            continue
        misses += 1
        if len(held) == capacity:
            rest = trace[at + 1 :]
            held.remove(max(held, key=lambda each: rest.index(each) if each in rest else len(trace)))
        held.add(page)
    return misses


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_beladys_bound(tmp_path: Path, pattern: str) -> None:
    """Per cgroup, each with the smaller of its own and its parent's memory.max; no run has fewer faults."""
    draw = random.Random(4)
    traces = {name: PATTERNS[pattern](draw, 60, 600) for name in "ab"}
    for name, pages in traces.items():
        write_trace(tmp_path / f"{name}.u32", [(page, False) for page in pages])
    text = """
version: 1
tiers: {disk: {kind: file, capacity: 8M}, far: {kind: file, capacity: 8M}}
cgroups: {/a: {memory.max: 40K}, /p: {memory.max: 100K}, /p/b: {memory.max: 200K}}
workloads:
  - {cgroup: /a, kind: trace, path: a.u32}
  - {cgroup: /p/b, kind: trace, path: b.u32}
run: {payload: sizes, reclaim_batch: 1}
"""
    result = run_text(tmp_path, text, bounds=True)
    assert result.fewest_faults == {
        "/a": plain_min(traces["a"], 10) - len(set(traces["a"])),
        "/p/b": plain_min(traces["b"], 25) - len(set(traces["b"])),
    }
    for run in result.variants.values():
        assert all(run.cgroups[path].faults >= least for path, least in result.fewest_faults.items())


def test_only_an_experiment_knows_the_future(tmp_path: Path) -> None:
    """A store, and a run whose order is open, must refuse the policy rather than guess."""
    tiers = [st.ZswapSpec(name="zswap"), st.FileSpec(name="disk", capacity="1M")]
    with pytest.raises(st.ConfigError, match="knows the future"):
        st.SwapSystem(tiers, [st.EdgeSpec(source="zswap", target="disk", policy="oracle")])
    text = """
version: 1
tiers: {zswap: {kind: zswap}, disk: {kind: file, capacity: 1M}}
edges: [{from: zswap, to: disk, policy: oracle}]
workloads: [{cgroup: /a, kind: scan, pages: 5}]
run: {interleave: time}
"""
    with pytest.raises(st.ConfigError, match="interleave: time leaves open"):
        run_text(tmp_path, text)
