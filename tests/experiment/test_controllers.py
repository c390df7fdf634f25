"""Controllers in the laboratory: what they see, what they move, and that bytes, processes and kernels change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configs import SMALL, numbers, run_text

import swaptiers as st
from swaptiers.core.resident import RESIDENT
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.outcome import check_integrity

ROOMY = (
    SMALL[: SMALL.index("variants:")]
    .replace("refs: 20000", "refs: 12000, think: 20us")
    .replace("max_pool: 1M", "max_pool: 4M")
    .replace("capacity: 2M,", "capacity: 8M, keep_clean: true,")
    .replace("when: {pressure: true, watermark: {high: 90%, low: 80%}}", "when: {pressure: true}")
)
STEERED = (
    ROOMY
    + """
variants:
  psi: {controllers: [{kind: psi, cgroup: /web, source: zswap, target: 20%, gain: 10%, every: 20ms}]}
  promotion-rate:
    controllers:
      - {kind: promotion-rate, cgroup: /, source: ssd, target: 5%/min, every: 50ms, min_age: 100ms, history: 5, off_for: 0}
  zswap-shrinker: {controllers: [{kind: zswap-shrinker, cgroup: /, source: zswap, every: 5ms}]}
  resident:
    cgroups: {/web: {memory.max: max}, /batch: {memory.max: max}}
    controllers:
      - {kind: psi, cgroup: /web, source: resident, target: 10%, every: 10ms}
      - {kind: promotion-rate, cgroup: /batch, source: resident, target: 100/min, every: 10ms, min_age: 50ms, off_for: 0}
"""
)


def all_numbers(folder: Path, *sets: str, **options: Any) -> dict[str, dict[str, Any]]:
    return {name: numbers(result) for name, result in run_text(folder, STEERED, *sets, **options).variants.items()}


@pytest.mark.parametrize("interleave", ["references", "time"])
def test_bytes_and_processes_change_nothing(tmp_path: Path, interleave: str) -> None:
    """A controller that saw the wall clock, the log or a payload would do other things with real bytes."""
    real = all_numbers(tmp_path, f"run.interleave={interleave}")
    sizes = all_numbers(tmp_path, f"run.interleave={interleave}", "run.payload=sizes")
    for name, result in real.items():
        assert all(controller["moved_entries"] > 50 for controller in result["controllers"]), name
        assert result.pop("integrity")["verified"] > 500
        sizes[name].pop("integrity")
        assert result == sizes[name], name
    if interleave == "time":
        together = all_numbers(tmp_path, "run.interleave=time", "run.payload=sizes", jobs=2)
        for name, result in together.items():
            result.pop("integrity")
            assert result == sizes[name], name


def test_what_was_moved_is_what_edges_and_tiers_counted(tmp_path: Path) -> None:
    """Moves by request, out of the source, of the cgroup that was named; proactive reclaim without a limit."""
    quiet = STEERED.replace("when: {pressure: true}", "when: {request: true}")
    variants = run_text(tmp_path, quiet, "run.payload=sizes", "tiers.zswap.max_pool=16M").variants
    psi = variants["psi"]
    (report,) = psi.controllers
    edge = psi.edges["zswap->ssd"]
    assert edge.by_trigger == {"request": report.moved_entries}
    assert edge.freed_bytes == report.moved_bytes <= report.asked_bytes + report.steps * 64 * 4096
    assert psi.cgroups["/web"].zswpwb == report.moved_entries > 0
    assert psi.cgroups["/batch"].zswpwb == 0
    assert len(report.series.rows) == report.steps > 10
    assert report.series.column("target")[-1] == report.target == 0.2
    resident = variants["resident"]
    assert resident.swap_outs == sum(each.moved_entries for each in resident.controllers)
    assert [each.source for each in resident.controllers] == ["resident", "resident"]


def test_the_shrinker_is_driven_by_reclaim(tmp_path: Path) -> None:
    """Without a limit there is none, and nothing moves; what it moves, it moves after a second chance."""
    text = STEERED.replace("when: {pressure: true}", "when: {request: true}")
    sets = ("run.payload=sizes", "tiers.zswap.max_pool=16M", "cgroups./web.memory.zswap.max=max")
    shrunk = run_text(tmp_path, text, *sets, variants=["zswap-shrinker"]).variants["zswap-shrinker"]
    edge = shrunk.edges["zswap->ssd"]
    assert edge.entries > 0
    assert edge.rotated >= edge.entries
    free = ("cgroups./web.memory.max=max", "cgroups./batch.memory.max=max")
    idle = run_text(tmp_path, text, *sets, *free, variants=["zswap-shrinker"]).variants["zswap-shrinker"]
    assert idle.controllers[0].steps > 10
    assert idle.controllers[0].asked_bytes == 0


@pytest.fixture
def laboratory(tmp_path: Path) -> Any:
    """At its end, with pages of /web resident and some of /batch swapped out."""
    (tmp_path / "it.yaml").write_text(STEERED)
    experiment = load_experiment(tmp_path / "it.yaml", variants=["resident"], sets=["controllers=[]"])
    with Laboratory(experiment.variants["resident"], tmp_path) as made:
        made.run()
        yield made


def test_the_coldest_resident_pages_go_first(laboratory: Laboratory) -> None:
    """So many as asked for, of that cgroup, each colder than whatever stays; then by age; every account balances."""
    web = laboratory.tree.paths["/web"]
    uses = np.sort(laboratory.pages["last_use"][:2500])
    before = int(laboratory.core.cgroups[web].resident_pages)
    assert laboratory.evict(web, 1000) == 1000
    stay = laboratory.pages[:2500]
    left = np.sort(stay["last_use"][stay["state"] == RESIDENT])
    assert len(left) == before - 1000
    assert list(left) == list(uses[-len(left) :])
    assert laboratory.core.cgroups[laboratory.tree.paths["/batch"]].zswpout == 0
    middle = int(left[len(left) // 2])
    assert laboratory.evict(web, 10_000, middle) == int((left < middle).sum())
    assert laboratory.evict(web, 10_000, middle) == 0
    laboratory.core.check()
    integrity = check_integrity(laboratory)
    assert integrity.lost == integrity.mismatched == 0
    assert integrity.held_verified > 1000


def test_a_subtree_gives_pages_in_turn(laboratory: Laboratory) -> None:
    """The root's pages are those of both cgroups; none left is not an endless search."""
    both = [laboratory.tree.paths[path] for path in ("/web", "/batch")]
    before = [int(laboratory.core.cgroups[index].resident_pages) for index in both]
    assert laboratory.evict(0, 640) == 640
    after = [int(laboratory.core.cgroups[index].resident_pages) for index in both]
    assert [b - a for a, b in zip(after, before, strict=True)] == [320, 320]
    assert laboratory.evict(0, 1 << 30) == sum(after)
    assert laboratory.evict(0, 10) == 0
    laboratory.core.check()


def test_where_nobody_takes_them_pages_stay(tmp_path: Path) -> None:
    """Each is tried once: reclaim that goes on with the same refused page never ends."""
    (tmp_path / "it.yaml").write_text(STEERED)
    sets = ["controllers=[]", "on_full=refuse", "tiers.zswap.max_pool=64K", "run.payload=sizes"]
    spec = load_experiment(tmp_path / "it.yaml", variants=["resident"], sets=sets).variants["resident"]
    with Laboratory(spec, tmp_path) as made:
        made.run()
        resident = int(made.core.cgroups[0].resident_pages)
        gone = made.evict(0, 3000)
        assert 0 < gone < 1000
        assert int(made.core.cgroups[0].resident_pages) == resident - gone
        made.core.check()


def test_without_controllers_no_ages_are_kept(tmp_path: Path) -> None:
    """What nobody asks for costs nothing."""
    (tmp_path / "it.yaml").write_text(STEERED)
    specs = load_experiment(tmp_path / "it.yaml").variants
    kept = {}
    for name, spec in specs.items():
        with Laboratory(spec, tmp_path) as made:
            kept[name] = int(made.lab.ages_at) != 0
    assert kept == {"psi": False, "promotion-rate": True, "zswap-shrinker": False, "resident": True}


def test_a_request_by_age_and_a_request_by_entries_looked_at() -> None:
    """Nothing younger moves, whatever the budget; a walk ends within a batch of what it may look at."""
    tiers = [st.ZswapSpec(name="zswap", max_pool="16M"), st.FileSpec(name="ssd", capacity="16M")]
    with st.SwapSystem(tiers) as swap:
        pages = np.random.default_rng(1).integers(0, 16, (1000, 4096), dtype=np.uint8)
        swap.swap_out(pages, last_used_ns=np.arange(1000))
        done = swap.demote("16M", source="zswap", used_before_ns=300)
        assert (done.entries, done.met) == (300, False)
        assert swap.demote("16M", source="zswap", used_before_ns=300).entries == 0
        looked = swap.demote("16M", source="zswap", referenced="rotate", scan=100)
        assert (looked.scanned, looked.entries) == (128, 0)
        assert swap.demote("16M", source="zswap", scan=1).entries == 64
