"""zswap's module parameters, which may be changed while a system or an experiment runs.

As /sys/module/zswap/parameters has them: `enabled`, `compressor`, `max_pool_percent`, `accept_threshold_percent`. Nothing
that is stored is moved by a change: it counts from the next store on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from swaptiers.codecs import Codec, make_codec
from swaptiers.core.constants import MAX_CODECS, ZSWAP
from swaptiers.core.core import Core
from swaptiers.errors import CoreFullError, GraphError
from swaptiers.graph import TierGraph
from swaptiers.system_spec import SystemSpec
from swaptiers.terms import capacity_bytes
from swaptiers.tiers.specs import ZswapSpec
from swaptiers.tiers.zswap import ZswapTier

MOST_BYTES = 1 << 62
MOST_PERCENT = (1 << 32) - 1
"""The kernel takes any unsigned int, also beyond 100."""


def _percent(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_PERCENT:
        raise ValueError(f"{attribute.name} is a whole number from 0 on, not {value!r}")


def _switch(_: object, attribute: attrs.Attribute[bool], value: bool) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} is True or False, not {value!r}")


@attrs.frozen(kw_only=True)
class ZswapParameters:
    """What is in force for one zswap tier.

    `enabled`: False lets nothing new in, so that pages go on to the next tier; what is stored stays. `compressor`: of new
    stores, at its default level once it was changed. `max_pool_percent`: of the system's `ram`, rounded where a config gave
    bytes. `accept_threshold_percent`: of the pool's limit.
    """

    enabled: bool = attrs.field(default=True, validator=_switch)
    compressor: str
    max_pool_percent: int = attrs.field(validator=_percent)
    accept_threshold_percent: int = attrs.field(validator=_percent)


class ZswapTuning:
    """Reads and changes the parameters of one core's zswap tiers. Its owner holds the lock over the core.

    `columns`: per tier the column of lengths, changed in place. `tiers`: the opened tiers by rank, without what is
    wrapped around them; empty where there are no bytes. `changed(column, codec)`: called after a tier's column changed to
    one of its own; `codec` is None where the column has been in use before.
    """

    def __init__(
        self,
        core: Core,
        graph: TierGraph,
        spec: SystemSpec,
        columns: list[int],
        tiers: Sequence[Any],
        changed: Callable[[int, Codec | None], None],
    ) -> None:
        self._core = core
        self._graph = graph
        self._spec = spec
        self._columns = columns
        self._tiers = tiers
        self._changed = changed
        self._now: dict[int, ZswapParameters] = {}
        self._accept: dict[int, float] = {}
        self._own: dict[tuple[int, str], tuple[int, Codec]] = {}
        """(rank, compressor) -> the column of a tier's own, and its codec."""
        self._next_column = max(columns, default=-1) + 1
        for rank, tier in enumerate(graph.tiers):
            if isinstance(tier, ZswapSpec):
                self._accept[rank] = float(tier.accept_threshold)
                self._now[rank] = ZswapParameters(
                    compressor=tier.compressor,
                    max_pool_percent=round(100 * capacity_bytes(tier, spec) / int(spec.ram)),
                    accept_threshold_percent=round(100 * float(tier.accept_threshold)),
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The zswap tiers, fastest first."""
        return tuple(self._graph.tiers[rank].name for rank in self._now)

    def read(self, tier: str) -> ZswapParameters:
        """What is in force. Raises GraphError for a tier that is unknown, or no zswap."""
        return self._now[self._rank(tier)]

    def keeps_to_logs(self, tier: str) -> bool:
        """True if payloads of the tier move into a log as they are: then its compressor is changed only while nothing is
        under way."""
        return bool(self._kept_edges(self._rank(tier)))

    def codec(self, tier: str, compressor: str) -> Codec:
        """The codec of a compressor for this tier, made if it was not in use yet; no lock is wanted. Raises
        UnknownCompressorError."""
        known = self._own.get((self._rank(tier), compressor))
        return make_codec(compressor, None, int(self._spec.page_size)) if known is None else known[1]

    def set(self, tier: str, wanted: ZswapParameters, codec: Codec | None) -> None:
        """Put `wanted` in force. `codec`: of its compressor, where that changes.

        Raises CoreFullError if the core has no column left for one more compressor; nothing is changed then.
        """
        rank = self._rank(tier)
        before = self._now[rank]
        if wanted.compressor != before.compressor:
            assert codec is not None
            self._switch(rank, codec)
        self._set_pool(rank, before, wanted)
        self._core.st.tiers[rank].disabled = not wanted.enabled
        self._now[rank] = wanted

    def _rank(self, tier: str) -> int:
        rank = self._graph.rank(tier)
        if rank not in self._now:
            raise GraphError(f"{tier!r} is no zswap tier; those are {', '.join(self.names) or 'none'}")
        return rank

    def _kept_edges(self, rank: int) -> list[Any]:
        """The edges along which the tier's payloads go into a log as they are."""
        st = self._core.st
        edges = [st.edges[index] for index in range(int(st.edges_n))]
        return [e for e in edges if e.source == rank and e.keeps_compressed and st.tiers[int(e.target)].kind != ZSWAP]

    def _switch(self, rank: int, codec: Codec) -> None:
        """New stores into the tier are made by `codec`, and have a column of lengths to themselves: so nothing that another
        tier keeps is ever made by it."""
        known = self._own.get((rank, codec.compressor))
        if known is None:
            if self._next_column >= MAX_CODECS:
                raise CoreFullError(f"{MAX_CODECS} compressors are in use, which is as many as there can be")
            known = self._own[rank, codec.compressor] = self._next_column, codec
            fresh: Codec | None = codec
            self._next_column += 1
        else:
            fresh = None
        column, codec = known
        for tier in self._tiers:
            if isinstance(tier, ZswapTier):
                tier.expect_others()
        if self._tiers:
            self._tiers[rank].switch(codec)
        for edge in self._kept_edges(rank):
            edge.keeps_compressed = 0
        self._core.st.tiers[rank].codec = self._columns[rank] = column
        self._changed(column, fresh)

    def _set_pool(self, rank: int, before: ZswapParameters, wanted: ZswapParameters) -> None:
        """The pool's limit, where it opens again after it was full, and the edges' watermarks, which are shares of it."""
        st = self._core.st
        t = st.tiers[rank]
        if wanted.max_pool_percent != before.max_pool_percent:
            t.capacity_bytes = min(int(self._spec.ram) * wanted.max_pool_percent // 100, MOST_BYTES)
        if wanted.accept_threshold_percent != before.accept_threshold_percent:
            self._accept[rank] = wanted.accept_threshold_percent / 100
        t.accept_bytes = min(int(int(t.capacity_bytes) * self._accept[rank]), MOST_BYTES)
        for index, edge in enumerate(self._graph.edges):
            mark = edge.when.watermark
            if mark is not None and st.edges[index].source == rank:
                st.edges[index].high_bytes = max(1, int(int(t.capacity_bytes) * mark.high))
                st.edges[index].low_bytes = int(int(t.capacity_bytes) * mark.low)
        t.watch_bytes = self._core.watched(rank)
        st.kick = 1
