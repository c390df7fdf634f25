"""What a variant looked like as time went on: one row per sample, bounded in number however long the run is.

When the rows are twice as many as wanted, every second one is dropped and from then on only every second sample is kept.
Counters are totals since the start, so that dropping rows loses resolution but no events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from swaptiers.core.constants import MAX_TIERS, STORED, ZSWAP

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

WANTED_ROWS = 1024
AGES_LOOKED_AT = 4096
"""Records that a sample of ages looks at, about; twice as many at most."""
AGE_SHARES = (10, 50, 90)
"""Per cent of a tier's entries that are no older than AGE_COLUMNS say."""

TIER_COLUMNS = (
    "entries",
    "stored_bytes",
    "pool_bytes",
    "stores",
    "loads",
    "demoted_out",
    "written_bytes",
    "read_bytes",
)
AGE_COLUMNS = ("age_p10_ns", "age_p50_ns", "age_p90_ns")
EDGE_COLUMNS = ("entries", "freed_bytes", "written_bytes")
CGROUP_COLUMNS = ("refs", "faults", "fault_ns", "stall_ns", "resident_bytes", "zswap_bytes", "swap_bytes", "pairs")


Row = tuple[float | int | None, ...]


@attrs.frozen(kw_only=True)
class Measure:
    """What a column is of: a metric of a tier, of a cgroup, of an edge, of a cgroup in a tier, or of the whole."""

    metric: str
    tier: str | None = None
    cgroup: str | None = None
    edge: str | None = None

    @property
    def name(self) -> str:
        """``tier.zswap.entries``, ``cgroup./web.tier.ssd.stored_bytes``, ``edge.zswap->ssd.entries``, ``refs``."""
        words = []
        for kind in ("cgroup", "tier", "edge"):
            if (whose := getattr(self, kind)) is not None:
                words += [kind, whose]
        return ".".join([*words, self.metric])


@attrs.frozen(kw_only=True)
class Series:
    """`measures`: what the columns are; `rows`: a value per column, None where there was nothing to measure."""

    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names like ``tier.zswap.entries``."""
        return tuple(measure.name for measure in self.measures)

    def column(self, name: str) -> list[float | int | None]:
        """One column's values. Raises KeyError for a name that there is not."""
        if name not in self.columns:
            raise KeyError(f"there is no column {name!r}; there are: {', '.join(self.columns)}")
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


class Rows:
    """Rows that come in one by one, thinned out so that there are never twice as many as `wanted`."""

    def __init__(self, wanted: int = WANTED_ROWS) -> None:
        self._wanted = wanted
        self._stride = 1
        self._offered = 0
        self.kept: list[Row] = []

    def offer(self, make: Callable[[], Row]) -> None:
        """Keep a row, made now, if it is one of those that are kept."""
        if self._offered % self._stride == 0:
            self.kept.append(make())
            if len(self.kept) >= 2 * self._wanted:
                del self.kept[1::2]
                self._stride *= 2
        self._offered += 1


class Recorder:
    """Takes the samples of one run."""

    def __init__(self, laboratory: Laboratory, wanted: int = WANTED_ROWS) -> None:
        self._laboratory = laboratory
        self._rows = Rows(wanted)
        lab = laboratory.lab
        used = {int(lab.workloads[index].cgroup) for index in range(int(lab.workloads_n))}
        self._paths = [(path, index) for path, index in sorted(laboratory.tree.paths.items()) if index in used]
        ranks = np.arange(len(laboratory.graph.tiers))
        self._cells = np.array([index for _, index in self._paths])[:, None] * MAX_TIERS + ranks
        self._measures = tuple(self._list_measures())

    def _list_measures(self) -> Iterator[Measure]:
        graph = self._laboratory.graph
        tiers = [tier.name for tier in graph.tiers]
        for metric in ("time_ns", "refs", "faults", "fault_ns", "stall_ns", "ram_bytes"):
            yield Measure(metric=metric)
        for columns in (TIER_COLUMNS, AGE_COLUMNS):
            yield from (Measure(metric=metric, tier=tier) for tier in tiers for metric in columns)
        yield from (Measure(metric=metric, edge=edge.name) for edge in graph.edges for metric in EDGE_COLUMNS)
        for path, _ in self._paths:
            yield from (Measure(metric=metric, cgroup=path) for metric in CGROUP_COLUMNS)
            yield from (Measure(metric="stored_bytes", cgroup=path, tier=tier) for tier in tiers)

    def sample(self) -> None:
        """Keep a row of how things are now, if this sample is one of those that are kept."""
        self._rows.offer(self._row)

    def finish(self) -> Series:
        """With the end as the last row."""
        return Series(measures=self._measures, rows=(*self._rows.kept, self._row()))

    def _row(self) -> Row:
        lab, core = self._laboratory.words, self._laboratory.core
        page_size = core.words["page_size"]
        tiers = core.header["tiers"][0, : len(self._laboratory.graph.tiers)]
        edges = core.header["edges"][0, : len(self._laboratory.graph.edges)]
        row: list[Any] = [lab[name] for name in ("now", "refs", "faults", "fault_ns", "stall_ns")]
        pools = int(tiers["pool_bytes"][tiers["kind"] == ZSWAP].sum())
        row.append(int(core.cgroups["resident_pages"][0]) * page_size + pools)
        row += np.stack([tiers[column] for column in TIER_COLUMNS], axis=1).ravel().tolist()
        row += ages_of(core.records[: core.words["row_top"]], lab["now"], len(tiers))
        row += np.stack([edges[column] for column in EDGE_COLUMNS], axis=1).ravel().tolist()
        recency = self._laboratory.recency
        held = core.cells["stored_bytes"][self._cells].tolist()
        for (path, index), stored in zip(self._paths, held, strict=True):
            c = core.cgroups[index : index + 1]
            row += [int(c[column][0]) for column in ("refs", "faults", "fault_ns", "stall_ns")]
            row += [
                int(c["resident_pages"][0]) * page_size,
                int(c["zswap_bytes"][0]),
                int(c["swap_pages"][0]) * page_size,
            ]
            row.append(recency.now(path) if recency is not None else None)
            row += stored
        return tuple(row)


def ages_of(records: Any, now: int, tiers: int) -> list[int | None]:
    """AGE_COLUMNS of each tier: how long ago its entries were last used, over every n-th record of a large table."""
    some = records[:: max(1, len(records) // AGES_LOOKED_AT)]
    stored = some["backing"] == STORED
    tier, uses = some["tier"][stored], some["last_use"][stored]
    ages: list[int | None] = []
    for rank in range(tiers):
        found = np.sort(uses[tier == rank])
        last = len(found) - 1  # the coldest stands first
        ages += [now - int(found[last - last * share // 100]) if last >= 0 else None for share in AGE_SHARES]
    return ages
