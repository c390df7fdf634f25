"""The package, broken on purpose: each of these a torture session has to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from swaptiers.cgroups import CgroupTree
from swaptiers.core import api
from swaptiers.demotion import engine
from swaptiers.system import incoming, swap_system

Break = Callable[[pytest.MonkeyPatch], None]


def skip_the_checksum(patch: pytest.MonkeyPatch) -> None:
    """What a device returns is believed."""

    def payloads(self: Any, ids: Any, takes: Any, tier: Any, here: Any) -> Any:
        return incoming._read(tier, takes["slot"][here], takes["length"][here], len(ids))

    patch.setattr(incoming.Incoming, "_payloads", payloads)


def skip_the_stamp(patch: pytest.MonkeyPatch) -> None:
    """A move is committed, whatever became of its entries meanwhile."""
    commit = api.commit_plan

    def blindly(state: Any, edge: int, trigger: int, entries: Any, n: int) -> Any:
        core = swap_system_of_state(state)
        entries["stamp"] = core.records["stamp"][entries["row"]]
        entries["generation"] = core.records["generation"][entries["row"]]
        return commit(state, edge, trigger, entries, n)

    patch.setattr(api, "commit_plan", blindly)
    made = swap_system.Core.__init__

    def remember(self: Any, **terms: Any) -> None:
        made(self, **terms)
        CORES.append(self)
        del CORES[:-4]

    patch.setattr(swap_system.Core, "__init__", remember)


CORES: list[Any] = []


def swap_system_of_state(state: Any) -> Any:
    """The core whose state this is."""
    return next(core for core in CORES if core.state is state or np.shares_memory(core.state, state))


def do_not_free(patch: pytest.MonkeyPatch) -> None:
    """Tiers are never told to forget."""
    patch.setattr(engine.Engine, "free", lambda self, tier, slots: None)


def ignore_tiers_max(patch: pytest.MonkeyPatch) -> None:
    """memory.swap.tiers.max is taken, and not handed on."""
    visit = CgroupTree._visit

    def blind(self: CgroupTree, path: str, *rest: Any) -> int:
        spec = self.specs[path]
        self.specs[path] = attrs.evolve(spec, tiers_max={})
        try:
            return visit(self, path, *rest)
        finally:
            self.specs[path] = spec

    patch.setattr(CgroupTree, "_visit", blind)


def keep_what_failed(patch: pytest.MonkeyPatch) -> None:
    """A store that fails half way leaves its first pages in."""
    discard = incoming.Incoming.discard

    def seldom(self: Any, ids: Any) -> None:
        import sys  # noqa: PLC0415

        if sys._getframe(1).f_code.co_name != "swap_out":
            discard(self, ids)

    patch.setattr(incoming.Incoming, "discard", seldom)


MUTANTS: dict[str, tuple[Break, set[str]]] = {
    "checksum": (skip_the_checksum, {"wrong bytes", "unexpected ValueError", "unexpected DecodeError"}),
    "stamp": (skip_the_stamp, {"accounts", "lost", "left in", "wrong bytes", "stale id"}),
    "free": (do_not_free, {"slot not freed"}),
    "tiers.max": (ignore_tiers_max, {"limit: tiers.max"}),
    "failed store": (keep_what_failed, {"left in"}),
}
"""Name -> how to break the package, and as what that may be found."""
