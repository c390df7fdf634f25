"""`layout: log`: what compressed writeback saves, what cleaning costs, and that no byte is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from configs import numbers, run_text

CONFIG = """
version: 1
ram: 64M
tiers:
  zswap: {kind: zswap, compressor: COMPRESSOR, max_pool: 1M, latency: {read: 8us, write: 9us}}
  ssd:
    {kind: file, layout: log, compressor: COMPRESSOR, capacity: 6M, segment: 64K, max_live: LIVE,
     latency: {read: 70us, write: 20us, call: 2us}, bandwidth: 2G/s}
  disk: {kind: file, capacity: 128M, latency: {read: 4ms, write: 4ms, call: 4ms}, bandwidth: 150M/s}
edges:
  - {from: zswap, to: ssd, keep_compressed: true, when: {pressure: true, watermark: {high: 90%, low: 85%}}}
  - {from: ssd, to: disk, when: {pressure: true, watermark: {high: 98%, low: 95%}}}
cgroups: {/web: {memory.max: 3M, memory.zswap.max: 1M}}
workloads: [{cgroup: /web, kind: zipf, pages: 3000, alpha: 0.7, drift: 2%, writes: 20%, refs: 30000}]
run: {payload: PAYLOAD, sample: 20ms}
variants:
  log: {}
  demoting: {tiers: {ssd: {cleaning: demote}}}
  again:
    edges:
      - {from: zswap, to: ssd, when: {pressure: true, watermark: {high: 90%, low: 85%}}}
      - {from: ssd, to: disk, policy: second-chance, when: {pressure: true}}
  spilling: {edges: [], on_full: spill}
  plain:
    tiers: {ssd: {layout: slots, compressor: null, segment: null, max_live: null}}
    edges:
      - {from: zswap, to: ssd, when: {pressure: true, watermark: {high: 90%, low: 85%}}}
      - {from: ssd, to: disk, when: {pressure: true, watermark: {high: 98%, low: 95%}}}
"""


def run(folder: Path, *, live: str = "60%", compressor: str = "lz4", payload: str = "real") -> dict[str, Any]:
    text = CONFIG.replace("LIVE", live).replace("COMPRESSOR", compressor).replace("PAYLOAD", payload)
    return dict(run_text(folder, text).variants)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(tmp_path_factory.mktemp("log"))


def test_compressed_writeback_writes_less(runs: dict[str, Any]) -> None:
    """At most 0.6 of plain writeback's bytes before cleaning, and with cleaning no more than plain at 60 % live."""
    log, plain = runs["log"], runs["plain"]
    per_move = log.edges["zswap->ssd"].written_bytes / log.edges["zswap->ssd"].entries
    assert per_move <= 0.6 * 4096 == 0.6 * plain.edges["zswap->ssd"].written_bytes / plain.edges["zswap->ssd"].entries
    ssd = log.tiers["ssd"]
    assert ssd.cleanings > 20
    assert ssd.written_bytes == log.edges["zswap->ssd"].written_bytes + ssd.cleaned_bytes
    assert ssd.written_bytes <= plain.tiers["ssd"].written_bytes
    assert ssd.peak_pool_bytes <= 6 << 20
    assert ssd.stored_bytes <= 0.6 * (6 << 20)


@pytest.mark.parametrize("name", ["log", "demoting", "again", "spilling", "plain"])
def test_every_byte_is_verified(runs: dict[str, Any], name: str) -> None:
    """Whatever was appended, copied, decompressed or demoted comes back as it went out."""
    integrity = runs[name].integrity
    assert (integrity.mismatched, integrity.lost) == (0, 0)
    assert integrity.verified == runs[name].faults > 5000
    assert integrity.held_verified > 1000


def test_demoting_instead_of_copying(runs: dict[str, Any]) -> None:
    """`cleaning: demote` copies nothing where the tier below takes what is alive."""
    demoting = runs["demoting"]
    assert demoting.tiers["ssd"].cleaned_bytes == 0
    assert demoting.edges["ssd->disk"].by_trigger["cleaning"] > 500
    assert demoting.tiers["ssd"].written_bytes < runs["log"].tiers["ssd"].written_bytes


def test_keeping_compressed_saves_nothing_but_work(runs: dict[str, Any]) -> None:
    """A payload that is decompressed and compressed again is as long as before: the log holds and writes the same."""
    kept, again = runs["log"].edges["zswap->ssd"], runs["again"].edges["zswap->ssd"]
    assert kept.written_bytes / kept.entries == pytest.approx(again.written_bytes / again.entries, rel=0.02)


def test_more_alive_means_more_copying(tmp_path: Path) -> None:
    """Write amplification grows with the live share, and explains itself: 1 + copied over appended."""
    copied = []
    for live in ("40%", "60%", "80%"):
        log = run(tmp_path, live=live, payload="sizes")["log"]
        ssd = log.tiers["ssd"]
        copied.append(ssd.cleaned_bytes / (ssd.written_bytes - ssd.cleaned_bytes))
    assert copied[0] < copied[1] < copied[2]


@pytest.mark.parametrize("compressor", ["lz4", "zstd"])
def test_real_bytes_and_sizes_agree(tmp_path: Path, compressor: str) -> None:
    """Old segments stay readable until the log of events has run; no decision may depend on that."""
    real = run(tmp_path, compressor=compressor)
    sizes = run(tmp_path, compressor=compressor, payload="sizes")
    for name in real:
        one, other = numbers(real[name]), numbers(sizes[name])
        one.pop("integrity")
        other.pop("integrity")
        assert one == other, name
