"""The terms of a demotion edge: which entries (policy), when (triggers), how many at a time (batch)."""

from __future__ import annotations

from typing import Literal

import attrs

from swaptiers.units import Fraction, Nanoseconds, to_fraction, to_nanoseconds

Policy = Literal["lru", "fifo", "second-chance", "age", "oracle"]


@attrs.frozen
class Watermark:
    """Demote in the background from when the source is `high` full until it is `low` full (of its capacity)."""

    high: Fraction = attrs.field(converter=to_fraction)
    low: Fraction = attrs.field(converter=to_fraction)

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:.0%}) is above high ({self.high:.0%}): low is where demotion stops")


@attrs.frozen
class AgeTrigger:
    """Every `every`, demote what was last used longer than `older_than` ago."""

    older_than: Nanoseconds = attrs.field(converter=to_nanoseconds)
    every: Nanoseconds = attrs.field(converter=to_nanoseconds)

    def __attrs_post_init__(self) -> None:
        if self.every <= 0:
            raise ValueError("every is a duration above 0")


@attrs.frozen
class Triggers:
    """When an edge moves entries. Several may be given; `request` is always open: it only says that nothing else is.

    `pressure`: a store would be refused: room is made at once, within that store. `limit`: the store is refused and a
    worker demotes behind it, down to the source's accept threshold (zswap's shrink_worker). `watermark`, `age`: in the
    background.
    """

    pressure: bool = False
    limit: bool = False
    watermark: Watermark | None = None
    age: AgeTrigger | None = None
    request: bool = False

    def __attrs_post_init__(self) -> None:
        if not (self.pressure or self.limit or self.watermark or self.age or self.request):
            raise ValueError("an edge with no trigger never moves anything; write request: true if that is meant")


@attrs.frozen(kw_only=True)
class EdgeSpec:
    """A demotion edge `source` -> `target` and its terms.

    `policy`: `lru` (coldest by last use), `fifo` (by arrival), `second-chance` (fifo; referenced entries rotate once, as
    shrink_memcg_cb() does), `age` (lru, but only what is older than `older_than`), `oracle` (used again last; only an
    experiment knows the future). `batch`: entries scanned per step.
    """

    source: str = attrs.field(metadata={"key": "from"})
    target: str = attrs.field(metadata={"key": "to"})
    policy: Policy = "lru"
    older_than: Nanoseconds | None = attrs.field(default=None, converter=attrs.converters.optional(to_nanoseconds))
    when: Triggers = Triggers(pressure=True)
    batch: int = attrs.field(default=64, validator=[attrs.validators.ge(1), attrs.validators.le(1024)])

    def __attrs_post_init__(self) -> None:
        if self.policy == "age" and self.older_than is None:
            raise ValueError("policy age needs older_than, like older_than: 10s")
        if self.policy != "age" and self.older_than is not None:
            raise ValueError("older_than belongs to policy: age (or under when: {age: ...})")

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}"
