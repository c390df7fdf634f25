"""Policies of a user's own: what they are shown, what they answer, and how a config's name becomes one.

A policy suggests; the engine accepts or refuses, and says why. It is shown arrays, never one entry at a time.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.errors import ConfigError

GROUP = "swaptiers.policies"
MAX_CANDIDATES = 4096
"""How many entries a policy is shown unless its `max_candidates` says otherwise."""


@attrs.frozen(kw_only=True, eq=False)
class Candidates:
    """Entries of one cgroup in one tier that the edge may take, the longest unused first; arrays of shape (n,).

    `wanted`: how many suggestions the engine will look at, at most. `last_use_ns` and `now_ns` are on the system's clock;
    `stored_bytes` as kept in the source; `arrival` grows with the time at which an entry came into the tier.
    """

    source: str
    target: str
    cgroup: str
    now_ns: int
    wanted: int
    page_size: int
    ids: npt.NDArray[np.uint64]
    last_use_ns: npt.NDArray[np.int64]
    arrival: npt.NDArray[np.int64]
    stored_bytes: npt.NDArray[np.int64]
    is_raw: npt.NDArray[np.bool_]
    is_referenced: npt.NDArray[np.bool_]

    @property
    def age_ns(self) -> npt.NDArray[np.int64]:
        """How long each was not used."""
        return self.now_ns - self.last_use_ns

    def __len__(self) -> int:
        return len(self.ids)


@runtime_checkable
class Policy(Protocol):
    """What a policy has to have.

    It may also have `max_candidates` (how many it wants to be shown, the oldest ends of the lists) and
    `decided(candidates, accepted, refused)`, called after each batch: positions that move, and position -> reason.
    Both methods are called with the system's lock held: they must not call the system, nor block.
    """

    def suggest(self, candidates: Candidates) -> Sequence[int] | npt.NDArray[np.int64]:
        """Positions in `candidates` that should move, the best first; none is a good answer."""


def installed_policies() -> set[str]:
    """The names that installed packages give their policies."""
    return {point.name for point in importlib.metadata.entry_points(group=GROUP)}


def load_policy(name: str, options: Mapping[str, Any], folder: Path) -> Policy:
    """The policy of that name, made with its options. A module beside the config is found too.

    Raises ConfigError if it can't be imported or made, or has no `suggest`: then it is not even called, for the name and
    the options may come from a stranger's config. Raises it too for a `max_candidates` that is no number above 0.
    """
    try:
        found = _find(name, folder)
        if not isinstance(found, type) or not callable(getattr(found, "suggest", None)):
            raise ConfigError(f"policy {name}: it is no class with a method suggest(candidates)")
        made: Policy = found(**options)
        wants = getattr(made, "max_candidates", MAX_CANDIDATES)
        if not isinstance(wants, int) or wants < 1:
            raise ConfigError(f"policy {name}: max_candidates is a whole number from 1 on, not {wants!r}")
    except ConfigError:
        raise
    except Exception as cause:
        raise ConfigError(f"policy {name}: {type(cause).__name__}: {cause}") from cause
    return made


def _find(name: str, folder: Path) -> Any:
    if ":" not in name:
        point = next(point for point in importlib.metadata.entry_points(group=GROUP) if point.name == name)
        return point.load()
    module, _, attribute = name.partition(":")
    home = str(folder)
    sys.path.append(home)
    try:
        return getattr(importlib.import_module(module), attribute)
    finally:
        sys.path.remove(home)
