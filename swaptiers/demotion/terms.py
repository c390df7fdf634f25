"""The terms of a demotion edge: which entries (policy, only), whose (share), when (triggers), how many (batch, quota)."""

from __future__ import annotations

import difflib
import re
from typing import Any, Literal, get_args

import attrs

from swaptiers.demotion.custom import installed_policies
from swaptiers.demotion.only import Only
from swaptiers.demotion.quota import Quota
from swaptiers.units import Fraction, Nanoseconds, shown, to_fraction, to_nanoseconds

Share = Literal["round-robin", "proportional", "borrow"]
POLICIES = ("lru", "fifo", "second-chance", "age", "largest", "random", "oracle")
USERS_POLICY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def _is_policy(instance: object, attribute: object, value: object) -> None:
    """One of ours, or the name of somebody else's: `module:Class`, or an entry point."""
    if isinstance(value, str) and (value in POLICIES or USERS_POLICY.fullmatch(value) or value in installed_policies()):
        return
    near = difflib.get_close_matches(str(value), POLICIES, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"'policy' must be {', '.join(POLICIES)} or module:Class: {str(value)[:60]!r}{hint}")


def _policy_schema() -> dict[str, Any]:
    """What `_is_policy` takes, as a JSON schema."""
    named = [*POLICIES, *installed_policies()]
    return {"type": "string", "anyOf": [{"enum": named}, {"pattern": f"^{USERS_POLICY.pattern}$"}]}


def _only(value: object) -> Only | None:
    return value if isinstance(value, Only | None) else Only.parse(value)


def _quota(value: object) -> Quota | None:
    if isinstance(value, str):
        return Quota.from_text(value)
    if not isinstance(value, Quota | None):
        raise ValueError(f"a quota is a rate like '50M/s' or a Quota, not {shown(value)}")
    return value


@attrs.frozen
class Watermark:
    """Demote in the background. `high`: from when the source is so full, of its capacity. `low`: until it is so full."""

    high: Fraction = attrs.field(converter=to_fraction)
    low: Fraction = attrs.field(converter=to_fraction)

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:.0%}) is above high ({self.high:.0%}): low is where demotion stops")


@attrs.frozen
class AgeTrigger:
    """Demote what has been cold for long. `older_than`: last used longer ago. `every`: from one look to the next."""

    older_than: Nanoseconds = attrs.field(converter=to_nanoseconds)
    every: Nanoseconds = attrs.field(converter=to_nanoseconds)

    def __attrs_post_init__(self) -> None:
        if self.every <= 0:
            raise ValueError("every is a duration above 0")


@attrs.frozen
class Triggers:
    """When an edge moves entries. Several may be given.

    `request`: nothing but an action or a call moves entries (both may always: this only says that nothing else does).
    `pressure`: a store would be refused: room is made at once, within that store. `limit`: the store is refused and a
    worker demotes behind it, down to the source's accept threshold (zswap's shrink_worker). `watermark`, `age`: in the
    background; null for neither.
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
    """A demotion edge and its terms.

    `source`: the tier that entries leave. `target`: the tier that they go to. `when`: what makes it move entries.
    `policy`: `lru` (coldest by last use), `fifo` (by arrival), `second-chance` (fifo; referenced entries rotate once,
    as shrink_memcg_cb() does), `age` (lru, but only what is older than `older_than`), `largest` (most stored bytes
    freed per page written), `random`, `oracle` (used again last; only an experiment knows the future), or a user's own:
    the name of an entry point of the group `swaptiers.policies`, or `module:Class`. `options`: keyword arguments of
    that class. `older_than`: what `age` takes. `only`: which entries; an edge without it takes those that no other edge
    out of its source is for. `keep_compressed`: payloads move as they are, between tiers with one compressor. `batch`:
    entries scanned per step. `quota`: how much may be written into the target per interval, or how long that may take.
    `share`: how cgroups take turns to give: `round-robin` as in the kernel, `proportional` to the stored bytes that
    each holds in the source, or `borrow`: whoever is furthest above an equal share gives first (docs/fairness.md).
    """

    source: str = attrs.field(metadata={"key": "from"})
    target: str = attrs.field(metadata={"key": "to"})
    policy: str = attrs.field(default="lru", validator=_is_policy, metadata={"schema": _policy_schema})
    options: dict[str, Any] = attrs.field(factory=dict)
    only: Only | None = attrs.field(default=None, converter=_only)
    older_than: Nanoseconds | None = attrs.field(default=None, converter=attrs.converters.optional(to_nanoseconds))
    when: Triggers = Triggers(pressure=True)
    keep_compressed: bool = False
    batch: int = attrs.field(default=64, validator=[attrs.validators.ge(1), attrs.validators.le(1024)])
    quota: Quota | None = attrs.field(default=None, converter=_quota)
    share: Share = attrs.field(default="round-robin", validator=attrs.validators.in_(get_args(Share)))

    def __attrs_post_init__(self) -> None:
        if self.policy == "age" and self.older_than is None:
            raise ValueError("policy age needs older_than, like older_than: 10s")
        if self.policy != "age" and self.older_than is not None:
            raise ValueError("older_than belongs to policy: age (or under when: {age: ...})")
        if self.options and self.policy in POLICIES:
            raise ValueError(f"options are for a policy of your own; {self.policy} has none")

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}"
