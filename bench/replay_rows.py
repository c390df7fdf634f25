"""The laboratory's replay: against libCacheSim's LRU per reference, and against the bare moves of its bytes."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from bench.moves import Recording
from bench.rounds import Timing, interleaved, now, timed
from bench.rows import Row, Size, UnavailableError
from bench.three_tiers import config
from swaptiers.experiment.laboratory import Laboratory
from swaptiers.experiment.load import load_experiment
from swaptiers.experiment.results import VariantResult
from swaptiers.workloads.source import PAGE_MASK
from swaptiers.workloads.specs import ZipfSpec
from swaptiers.workloads.streams import References

REFERENCE = Path(__file__).parent.parent / "tiers.yaml"
PAGES_SHARE, RESIDENT_SHARE = 0.1, 0.025
"""Of the references: at 10 million, a million pages of which 250,000 are resident."""

ORACLE_GENERAL = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])
"""A reference as libCacheSim reads it: 24 bytes, packed."""


def against_libcachesim(inversion: str) -> Callable[[Size], tuple[Timing, int]]:
    """One trace, one LRU of the same size: the laboratory has the tiers below it as well. The hits must be the same."""

    def run(size: Size) -> tuple[Timing, int]:
        if importlib.util.find_spec("libcachesim") is None:
            raise UnavailableError("libcachesim is not installed: pip install 'swaptiers[bench]'")
        peer: Any = importlib.import_module("libcachesim")
        pages = max(20_000, int(size.references * PAGES_SHARE))
        resident = max(5_000, int(size.references * RESIDENT_SHARE))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_traces(folder, pages, size.references)
            sizes = {"zswap": resident * 2, "ssd": resident * 4, "memory": resident * 4}
            text = config(**sizes, disk="64G", inversion=inversion, batch=1)
            (folder / "a.yaml").write_text(text)
            spec = load_experiment(folder / "a.yaml").variants["base"]
            misses: dict[str, int] = {}

            def ours() -> float:
                with Laboratory(spec, folder) as laboratory:
                    found: list[VariantResult] = []
                    seconds = timed(lambda: found.append(laboratory.run()))
                misses["ours"] = size.references - found[0].hits
                return seconds

            def theirs() -> float:
                reader = peer.TraceReader(str(folder / "a.oracleGeneral"), peer.TraceType.ORACLE_GENERAL_TRACE)
                cache = peer.LRU(cache_size=resident)
                found: list[tuple[float, float]] = []
                seconds = timed(lambda: found.append(cache.process_trace(reader)))
                misses["theirs"] = round(found[0][0] * size.references)
                if misses["ours"] != misses["theirs"]:
                    raise RuntimeError(f"the two LRUs are not the same: {misses} misses of {size.references}")
                return seconds

            return interleaved(ours, theirs, size.replays), size.references

    return run


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
            found: list[VariantResult] = []
            marks = _watch_end(laboratory)

            def run(laboratory: Laboratory = laboratory, marks: list[float] = marks) -> None:
                marks.append(now())
                found.append(laboratory.run())

            timed(run)
        integrity = found[0].integrity
        if integrity.mismatched or integrity.lost or integrity.verified != found[0].swap_ins:
            raise RuntimeError(f"pages came back changed, or not at all: {integrity}")
        return marks[1] - marks[0]

    with Laboratory(spec, folder) as laboratory:
        recording = Recording(laboratory)
        compared = laboratory.run().swap_ins
    if compared - recording.counts["compared"]:
        raise RuntimeError(f"{compared} pages came back, and {recording.counts} is what was written down")
    try:
        return interleaved(ours, recording.repeat, size.replays), recording.moves
    finally:
        recording.close()


def _watch_end(laboratory: Any) -> list[float]:
    """To this list the time is added at which the last reference was over: what is still out is read back after that."""
    over: list[float] = []
    verify = laboratory.executor.verify_held

    def watched(*arguments: Any) -> Any:
        over.append(now())
        return verify(*arguments)

    laboratory.executor.verify_held = watched
    return over


ROWS = [
    Row(
        key="replay_vs_libcachesim",
        what="replay of a trace through three tiers, inversion off, over libCacheSim's LRU alone",
        unit="reference",
        target=0.6,
        run=against_libcachesim("off"),
    ),
    Row(
        key="replay_exact_vs_libcachesim",
        what="the same with inversion exact",
        unit="reference",
        target=1.0,
        run=against_libcachesim("exact"),
    ),
    Row(
        key="replay_real_vs_moves",
        what="the reference experiment on real bytes, over the bare codec calls, comparisons and I/O",
        unit="move",
        target=1.5,
        run=against_moves,
    ),
]
