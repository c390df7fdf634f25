"""The laboratory's replay: against libCacheSim's LRU per reference, and against the bare moves of its bytes."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from bench.moves import Recording
from bench.rounds import Timing, interleaved, timed
from bench.rows import Row, Size, UnavailableError
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.workloads.source import PAGE_MASK
from swaptiers.workloads.specs import ZipfSpec
from swaptiers.workloads.streams import References

REFERENCE = Path(__file__).parent.parent / "tiers.yaml"
PAGES_SHARE, RESIDENT_SHARE = 0.1, 0.025
"""Of the references: at 10 million, a million pages of which 250,000 are resident."""

ORACLE_GENERAL = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])
"""A reference as libCacheSim reads it: 24 bytes, packed."""

CONFIG = """
version: 1
ram: 64M
charge_zswap: false
tiers:
  zswap: {{kind: zswap, max_pool: {zswap}K}}
  ssd: {{kind: file, capacity: {ssd}K}}
  disk: {{kind: file, capacity: 64G}}
edges:
  - {{from: zswap, to: ssd, when: {{pressure: true}}}}
  - {{from: ssd, to: disk, when: {{pressure: true}}}}
cgroups:
  /a: {{memory.max: {memory}K}}
workloads:
  - {{cgroup: /a, kind: trace, path: a.u32, contents: random}}
run: {{payload: sizes, inversion: off, reclaim_batch: 1, sample: 1h}}
"""


def against_libcachesim(size: Size) -> tuple[Timing, int]:
    """One trace, one LRU of the same size: the laboratory has the tiers below it as well. The hits must be the same."""
    if importlib.util.find_spec("libcachesim") is None:
        raise UnavailableError("libcachesim is not installed: pip install 'swaptiers[bench]'")
    peer: Any = importlib.import_module("libcachesim")
    pages = max(20_000, int(size.references * PAGES_SHARE))
    resident = max(5_000, int(size.references * RESIDENT_SHARE))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_traces(folder, pages, size.references)
        text = CONFIG.format(zswap=resident * 2, ssd=resident * 4, memory=resident * 4)
        (folder / "a.yaml").write_text(text)
        experiment = load_experiment(folder / "a.yaml")
        hits: dict[str, float] = {}

        def ours() -> float:
            with Laboratory(experiment.variants["base"], folder) as laboratory:
                found: list[Any] = []
                seconds = timed(lambda: found.append(laboratory.run()))
            hits["ours"] = found[0].hits
            return seconds

        def theirs() -> float:
            reader = peer.TraceReader(str(folder / "a.oracleGeneral"), peer.TraceType.ORACLE_GENERAL_TRACE)
            cache = peer.LRU(cache_size=resident)
            found: list[Any] = []
            seconds = timed(lambda: found.append(cache.process_trace(reader)))
            hits["theirs"] = round((1 - found[0][0]) * size.references)
            return seconds

        timing = interleaved(ours, theirs, size.rounds)
    if hits["ours"] != hits["theirs"]:
        raise RuntimeError(f"the two LRUs are not the same: {hits}")
    return timing, size.references


def _write_traces(folder: Path, pages: int, references: int) -> None:
    """The same references in both formats."""
    spec = ZipfSpec(cgroup="/a", pages=pages, refs=references, alpha=0.9)
    packed = np.concatenate(list(References([spec], 1, folder).chunks()))
    numbers = (packed & PAGE_MASK).astype("<u4")
    numbers.tofile(folder / "a.u32")
    records = np.zeros(references, ORACLE_GENERAL)
    records["id"] = numbers + np.uint32(1)
    records["size"] = 1
    records["next"] = -1
    records.tofile(folder / "a.oracleGeneral")


def against_moves(size: Size) -> tuple[Timing, int]:
    """From the first to the last reference of the reference experiment, over the same codec calls, comparisons and I/O."""
    spec = load_experiment(REFERENCE).variants["demotion"]
    if size.references < 1_000_000:
        web: Any = spec.workloads[0]
        some = (attrs.evolve(web, refs=max(10_000, size.references // 10)), *spec.workloads[1:2])
        spec = attrs.evolve(spec, workloads=some)
    folder = REFERENCE.parent

    def ours() -> float:
        with Laboratory(spec, folder) as laboratory:
            return timed(laboratory.run)

    with Laboratory(spec, folder) as laboratory:
        recording = Recording(laboratory)
        laboratory.run()
    return interleaved(ours, recording.repeat, size.rounds), recording.pages


ROWS = [
    Row(
        key="replay_vs_libcachesim",
        what="replay of a trace through three tiers, over libCacheSim's LRU alone",
        unit="reference",
        target=0.6,
        run=against_libcachesim,
    ),
    Row(
        key="replay_real_vs_moves",
        what="the reference experiment on real bytes, over the bare codec calls, comparisons and I/O",
        unit="page moved",
        target=1.5,
        run=against_moves,
    ),
]
