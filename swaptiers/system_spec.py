"""What a SwapSystem is made of: tiers, edges, cgroups and the switches between two ways of the kernel."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from swaptiers.cgroups import CgroupSpec
from swaptiers.demotion.terms import EdgeSpec
from swaptiers.tiers.base import OnFull
from swaptiers.tiers.specs import AnyTierSpec
from swaptiers.units import Bytes, to_bytes

MIN_PAGE, MAX_PAGE = 4096, 65536


def _page_size(instance: object, attribute: object, value: int) -> None:
    if not MIN_PAGE <= value <= MAX_PAGE or value & (value - 1):
        raise ValueError(f"page_size is a power of two from 4K to 64K, not {value}")


def _tiers(tiers: Iterable[AnyTierSpec]) -> tuple[AnyTierSpec, ...]:
    return tuple(tiers)


def _edges(edges: Iterable[EdgeSpec] | None) -> tuple[EdgeSpec, ...] | None:
    return None if edges is None else tuple(edges)


def _cgroups(cgroups: Iterable[CgroupSpec]) -> tuple[CgroupSpec, ...]:
    return tuple(cgroups)


@attrs.frozen(kw_only=True)
class SystemSpec:
    """A swap subsystem, described.

    `page_size`: bytes, a power of two from 4K to 64K. `ram`: what a percentage in `max_pool` is of. `charge_zswap`:
    stored bytes in zswap count towards `memory.max`, as in cgroup v2. `legacy_swap_charge`: zswap and zero entries
    count towards `memory.swap.max` too, as in today's kernel. `on_full`: a store into a full tier makes
    room along the tier's edges and is refused if there is none (`demote`), goes to the next tier (`spill`), or is refused.
    `tiers`:
    fastest first. `edges`: None = a chain by descending priority, empty = no demotion. `cgroups`: path -> limits.
    """

    page_size: Bytes = attrs.field(default=Bytes(4096), converter=to_bytes, validator=_page_size)
    ram: Bytes = attrs.field(default=Bytes(256 << 20), converter=to_bytes)
    charge_zswap: bool = True
    legacy_swap_charge: bool = False
    on_full: OnFull = "demote"
    tiers: tuple[AnyTierSpec, ...] = attrs.field(converter=_tiers)
    edges: tuple[EdgeSpec, ...] | None = attrs.field(default=None, converter=_edges)
    cgroups: tuple[CgroupSpec, ...] = attrs.field(default=(), converter=_cgroups)
