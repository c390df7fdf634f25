"""Kinds of tier that others write: the base of their terms, and how a config's `kind` finds them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import get_args, get_type_hints

import attrs

from swaptiers import plugins
from swaptiers.tiers.base import Tier, TierSpec
from swaptiers.units import Bytes, to_bytes


@attrs.frozen(kw_only=True)
class CustomTierSpec(TierSpec):
    """The terms of a kind of tier of somebody else's, which keeps whole pages in slots.

    A subclass is frozen too, has `kind: Literal["..."] = "..."`, whatever keys of its own, and `open`. An entry point of
    the group `swaptiers.tiers` with the kind's name lets configs name it. `capacity`: bytes, at least one cluster.
    """

    capacity: Bytes = attrs.field(converter=to_bytes)

    def open(self, slots: int, page_size: int, folder: Path) -> Tier:
        """The tier, empty, with slots from 0 to `slots` - 1 for whole pages. Relative paths are below `folder`.

        Raises ConfigError (or OSError) if it can't be made; then nothing of it may be left.
        """
        raise NotImplementedError

    @classmethod
    def installed_kinds(cls) -> Mapping[str, Callable[[], type[CustomTierSpec]]]:
        """Kinds that installed packages add: name -> what imports its terms, or raises ValueError."""
        return {name: functools.partial(_terms, point) for name, point in plugins.installed(plugins.TIERS).items()}


def _terms(point: EntryPoint) -> type[CustomTierSpec]:
    found = plugins.load(point)
    if not isinstance(found, type) or not issubclass(found, CustomTierSpec):
        raise ValueError(f"{point.name!r} can't be used: {point.value} is no subclass of CustomTierSpec")
    if get_args(get_type_hints(found).get("kind")) != (point.name,):
        raise ValueError(f"{point.name!r} can't be used: {point.value} is of another kind")
    return found
