"""What a variant looked like as time went on: one row per sample, bounded in number however long the run is.

When the rows are twice as many as wanted, every second one is dropped and from then on only every second sample is kept.
Counters are totals since the start, so that dropping rows loses resolution but no events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from swaptiers.core.constants import MAX_TIERS, ZSWAP
from swaptiers.core.layout import CELL, CGROUP, HEADER
from swaptiers.core.words import Words
from swaptiers.experiment.sampling import uses_by_tier

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

WANTED_ROWS = 1024
AGES_LOOKED_AT = 4096
"""Records that a sample of ages looks at, at most; more than half as many of a larger table."""
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
CGROUP_FIELDS = ("refs", "faults", "fault_ns", "stall_ns", "resident_pages", "zswap_bytes", "swap_pages")
"""What CGROUP_COLUMNS are made of, but for the last."""

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
        core, tiers, edges = laboratory.core, len(laboratory.graph.tiers), len(laboratory.graph.edges)
        self._header = np.asarray(core.words.words)
        of_tiers = [core.words.within(HEADER, "tiers", rank) for rank in range(tiers)]
        self._tiers_at = np.array([tier.at(column) for tier in of_tiers for column in TIER_COLUMNS])
        self._pools_at = np.array([tier.at("pool_bytes") for tier in of_tiers if tier["kind"] == ZSWAP], np.int64)
        self._edges_at = np.array([core.edges[i].at(name) for i in range(edges) for name in EDGE_COLUMNS], np.int64)
        self._cgroups, self._cells = core.cgroups.view(np.int64), core.cells.view(np.int64)
        self._cgroups_at = np.array([_places(self._cgroups, CGROUP, i, CGROUP_FIELDS) for _, i in self._paths])
        self._cells_at = np.array([self._cells_of(index, tiers) for _, index in self._paths])
        self._units = np.array([core.words["page_size"] if name.endswith("pages") else 1 for name in CGROUP_FIELDS])
        self._uses = np.empty((tiers, AGES_LOOKED_AT), np.int64)
        self._counts = np.empty(tiers, np.int64)
        self._measures = tuple(self._list_measures())

    def _cells_of(self, cgroup: int, tiers: int) -> list[int]:
        first = cgroup * MAX_TIERS
        return [_places(self._cells, CELL, first + rank, ("stored_bytes",))[0] for rank in range(tiers)]

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
        lab, core, recency = self._laboratory.words, self._laboratory.core, self._laboratory.recency
        header = self._header
        row: list[Any] = [lab[name] for name in ("now", "refs", "faults", "fault_ns", "stall_ns")]
        pools = sum(header[self._pools_at].tolist())
        row.append(int(core.cgroups["resident_pages"][0]) * core.words["page_size"] + pools)
        row += header[self._tiers_at].tolist()
        row += self._ages()
        row += header[self._edges_at].tolist()
        own = (self._cgroups[self._cgroups_at] * self._units).tolist()
        held = self._cells[self._cells_at].tolist()
        pairs = recency.now() if recency is not None else {}
        for (path, _), numbers, stored in zip(self._paths, own, held, strict=True):
            row += [*numbers, pairs.get(path), *stored]
        return tuple(row)

    def _ages(self) -> list[int | None]:
        """AGE_COLUMNS of each tier: how long ago its entries were last used, over every n-th record of a large table."""
        core, now = self._laboratory.core, self._laboratory.words["now"]
        uses_by_tier(core.state, max(1, -(-core.words["row_top"] // AGES_LOOKED_AT)), self._uses, self._counts)
        ages: list[int | None] = []
        for uses, count in zip(self._uses, self._counts.tolist(), strict=True):
            if not count:
                ages += [None] * len(AGE_SHARES)
                continue
            found = uses[:count]
            found.sort()
            last = count - 1  # the coldest stands first
            ages += [now - int(found[last - last * share // 100]) for share in AGE_SHARES]
        return ages


def _places(table: Any, dtype: Any, index: int, names: tuple[str, ...]) -> list[int]:
    """Where the fields of a table's record are among its 64-bit words."""
    record = Words(memoryview(table), dtype, index * dtype.itemsize // 8)
    return [record.at(name) for name in names]
