"""Timed requests, memory.max with zswap's bytes in it, and what happens when nothing can be freed."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import run_text

ACTION = """
version: 1
charge_zswap: false
tiers:
  zswap: {kind: zswap, max_pool: 8M}
  ssd:   {kind: file, capacity: 8M}
  disk:  {kind: file, capacity: 8M}
edges:
  - {from: zswap, to: ssd, policy: second-chance, when: {request: true}}
  - {from: ssd, to: disk, policy: lru, when: {request: true}}
cgroups:
  /web: {memory.max: 400K}
  /web/a: {}
  /db: {memory.max: 400K}
workloads:
  - {cgroup: /web/a, kind: scan, pages: 900, passes: 1, contents: random, think: 1ms}
  - {cgroup: /db, kind: scan, pages: 900, passes: 1, contents: random, think: 1ms}
"""


def test_an_action_demotes_what_it_says(tmp_path: Path) -> None:
    """1M out of zswap at 1 s, for one cgroup and its descendants, in stored bytes, whole batches; nothing else moves."""
    text = ACTION + "actions: [{at: 1s, demote: 1M, source: zswap, cgroup: /web, referenced: ignore}]\n"
    result = run_text(tmp_path, text).variants["base"]
    edge = result.edges["zswap->ssd"]
    assert 1 << 20 <= edge.freed_bytes < (1 << 20) + 64 * 4096
    assert edge.by_trigger == {"request": edge.entries}
    assert result.cgroups["/web/a"].zswpwb == edge.entries
    assert result.cgroups["/db"].zswpwb == 0
    (done,) = result.actions
    assert (done["met"], done["entries"], done["freed_bytes"]) == (True, edge.entries, edge.freed_bytes)
    assert (done["at_ns"], done["cgroup"], done["source"]) == (10**9, "/web", "zswap")
    assert result.integrity.mismatched == result.integrity.lost == 0


def test_actions_happen_in_order_of_time(tmp_path: Path) -> None:
    """The second one finds on the SSD what the first put there, whatever their order in the config."""
    text = ACTION + (
        "actions:\n  - {at: 1.5s, demote: 1M, source: ssd, cgroup: /web}\n"
        "  - {at: 1s, demote: 1M, source: zswap, cgroup: /web, target: ssd, referenced: ignore}\n"
    )
    result = run_text(tmp_path, text).variants["base"]
    assert [action["source"] for action in result.actions] == ["zswap", "ssd"]
    assert all(action["met"] for action in result.actions)
    assert result.edges["ssd->disk"].entries == result.edges["zswap->ssd"].entries


def test_a_second_chance_is_ignored_or_honoured(tmp_path: Path) -> None:
    """A fresh pool's entries are all referenced: honoured, a request may rotate for several tries and move late."""
    for referenced, rotated in (("ignore", False), ("rotate", True)):
        text = ACTION + f"actions: [{{at: 1s, demote: 400K, source: zswap, cgroup: /web, referenced: {referenced}}}]\n"
        result = run_text(tmp_path, text).variants["base"]
        assert bool(result.edges["zswap->ssd"].rotated) is rotated
        (done,) = result.actions
        assert done["rotated"] == result.edges["zswap->ssd"].rotated


def test_a_request_that_cannot_be_met(tmp_path: Path) -> None:
    """More than there is: everything moves, and the action says that it was not enough."""
    text = ACTION + "actions: [{at: 1s, demote: 64M, source: zswap, cgroup: /db, referenced: ignore}]\n"
    (done,) = run_text(tmp_path, text).variants["base"].actions
    assert not done["met"]
    assert done["entries"] > 300


CHARGE = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 8M}
  disk:  {kind: file, capacity: 16M}
edges:
  - {from: zswap, to: disk, policy: lru, when: {pressure: true}}
cgroups:
  /a: {memory.max: 1M}
workloads:
  - {cgroup: /a, kind: uniform, pages: 1500, refs: 6000, contents: text}
"""


def test_stored_bytes_in_zswap_count_towards_memory_max(tmp_path: Path) -> None:
    """At no sample are resident pages and stored bytes together above memory.max; without the charge they are."""
    for charge, over in (("true", False), ("false", True)):
        result = run_text(tmp_path, CHARGE, f"charge_zswap={charge}", "run.sample=100us").variants["base"]
        resident = result.series.column("cgroup./a.resident_bytes")
        stored = result.series.column("cgroup./a.zswap_bytes")
        most = max((a or 0) + (b or 0) for a, b in zip(resident, stored, strict=True))
        assert (most > 1 << 20) is over
        assert result.cgroups["/a"].over_limit == 0


def test_raw_pages_in_zswap_free_nothing(tmp_path: Path) -> None:
    """Incompressible pages are as large in zswap as they were: only moving them out of it makes room."""
    result = run_text(tmp_path, CHARGE.replace("contents: text", "contents: random")).variants["base"]
    assert result.edges["zswap->disk"].entries > 1000
    assert result.cgroups["/a"].over_limit == 0
    assert result.integrity.mismatched == 0


def test_nothing_to_free_is_over_the_limit_and_counted(tmp_path: Path) -> None:
    """Raw pages, and no way out of zswap: after 16 fruitless rounds the page is let in all the same, and counted."""
    text = CHARGE.replace("contents: text", "contents: random").replace("pressure: true", "request: true")
    result = run_text(tmp_path, text).variants["base"]
    assert result.cgroups["/a"].over_limit > 100
    assert result.edges["zswap->disk"].entries == 0
    assert result.hits + result.faults + result.first_touches == 6000


def test_a_limit_of_an_ancestor_holds_for_all_below(tmp_path: Path) -> None:
    """Two cgroups share their parent's memory.max; neither has one of its own."""
    text = """
version: 1
tiers:
  disk: {kind: file, capacity: 16M}
cgroups:
  /p: {memory.max: 1M}
workloads:
  - {cgroup: /p/a, kind: uniform, pages: 400, refs: 3000, contents: text}
  - {cgroup: /p/b, kind: uniform, pages: 400, refs: 3000, contents: text}
run: {sample: 100us}
"""
    result = run_text(tmp_path, text).variants["base"]
    a, b = (result.series.column(f"cgroup./p/{name}.resident_bytes") for name in "ab")
    most = max((x or 0) + (y or 0) for x, y in zip(a, b, strict=True))
    assert 0.9 * (1 << 20) < most <= 1 << 20
    assert result.cgroups["/p"].resident_bytes <= 1 << 20
    assert result.faults > 1000


def test_recompression(tmp_path: Path) -> None:
    """From lz4 to zstd: the entries get smaller on the way, and their pages come back the same."""
    text = """
version: 1
charge_zswap: false
tiers:
  quick: {kind: zswap, compressor: lz4, max_pool: 512K}
  dense: {kind: zswap, compressor: zstd, max_pool: 512K}
  disk:  {kind: file, capacity: 16M}
cgroups:
  /a: {memory.max: 1M}
workloads:
  - {cgroup: /a, kind: uniform, pages: 1500, refs: 8000, contents: text, writes: 10%}
"""
    real = run_text(tmp_path, text).variants["base"]
    edge = real.edges["quick->dense"]
    assert edge.entries > 500
    assert edge.written_bytes < 0.9 * edge.freed_bytes
    assert real.integrity.verified == real.swap_ins
    assert real.integrity.mismatched == 0
    assert real.tiers["dense"].loads > 100
    sizes = run_text(tmp_path, text, "run.payload=sizes").variants["base"]
    assert sizes.edges == real.edges
    assert sizes.tiers == real.tiers


@pytest.mark.parametrize("until", ["10ms", "1s"])
def test_until_ends_the_run(tmp_path: Path, until: str) -> None:
    """A run that ends early has consistent counters all the same."""
    result = run_text(tmp_path, ACTION, f"run.until={until}").variants["base"]
    assert result.refs < 1800
    assert result.time.virtual_s == pytest.approx({"10ms": 0.01, "1s": 1.0}[until], rel=0.2)
    assert result.hits + result.faults + result.first_touches == result.refs
