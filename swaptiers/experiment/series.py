"""What a variant looked like as time went on: one row per sample, bounded in number however long the run is.

When the rows are twice as many as wanted, every second one is dropped and from then on only every second sample is kept.
Counters are totals since the start, so that dropping rows loses resolution but no events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from swaptiers.core.state import ZSWAP

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

WANTED_ROWS = 1024

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
CGROUP_COLUMNS = ("refs", "faults", "fault_ns", "stall_ns", "resident_bytes", "zswap_bytes", "swap_bytes", "pairs")


Row = tuple[float | int | None, ...]


@attrs.frozen(kw_only=True)
class Series:
    """`columns`: names like ``tier.zswap.entries``; `rows`: a value per column, None where there was nothing to measure."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

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
        self._columns = tuple(self._names())

    def _names(self) -> Sequence[str]:
        graph = self._laboratory.graph
        names = ["time_ns", "refs", "faults", "fault_ns", "stall_ns", "ram_bytes"]
        names += [f"tier.{tier.name}.{column}" for tier in graph.tiers for column in TIER_COLUMNS]
        names += [f"edge.{edge.name}.entries" for edge in graph.edges]
        return names + [f"cgroup.{path}.{column}" for path, _ in self._paths for column in CGROUP_COLUMNS]

    def sample(self) -> None:
        """Keep a row of how things are now, if this sample is one of those that are kept."""
        self._rows.offer(self._row)

    def finish(self) -> Series:
        """With the end as the last row."""
        return Series(columns=self._columns, rows=(*self._rows.kept, self._row()))

    def _row(self) -> Row:
        lab, core = self._laboratory.words, self._laboratory.core
        page_size = core.words["page_size"]
        tiers = core.header["tiers"][0, : len(self._laboratory.graph.tiers)]
        edges = core.header["edges"][0, : len(self._laboratory.graph.edges)]
        row: list[Any] = [lab[name] for name in ("now", "refs", "faults", "fault_ns", "stall_ns")]
        pools = int(tiers["pool_bytes"][tiers["kind"] == ZSWAP].sum())
        row.append(int(core.cgroups["resident_pages"][0]) * page_size + pools)
        row += np.stack([tiers[column] for column in TIER_COLUMNS], axis=1).ravel().tolist()
        row += edges["entries"].tolist()
        recency = self._laboratory.recency
        for path, index in self._paths:
            c = core.cgroups[index : index + 1]
            row += [int(c[column][0]) for column in ("refs", "faults", "fault_ns", "stall_ns")]
            row += [
                int(c["resident_pages"][0]) * page_size,
                int(c["zswap_bytes"][0]),
                int(c["swap_pages"][0]) * page_size,
            ]
            row.append(recency.now(path) if recency is not None else None)
        return tuple(row)
