"""The package, broken on purpose: each of these a torture session has to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from swaptiers.cgroups import CgroupTree
from swaptiers.core.constants import PLANNED
from swaptiers.demotion import engine
from swaptiers.system import incoming

Break = Callable[[pytest.MonkeyPatch], None]


def skip_the_checksum(patch: pytest.MonkeyPatch) -> None:
    """What a device returns is believed."""
    patch.setattr(incoming.Incoming, "_check", lambda *_: None)


def skip_the_stamp(patch: pytest.MonkeyPatch) -> None:
    """A move is committed, whatever became of its entries meanwhile."""
    commit = engine.Engine._commit

    def blindly(self: Any, plan: Any, *rest: Any) -> Any:
        self._core.records["marks"][plan.entries["row"]] |= PLANNED
        now = self._core.records[plan.entries["row"]]
        plan.entries["stamp"], plan.entries["generation"] = now["stamp"], now["generation"]
        return commit(self, plan, *rest)

    patch.setattr(engine.Engine, "_commit", blindly)


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

        if sys._getframe(1).f_code.co_name != "_take_back":
            discard(self, ids)

    patch.setattr(incoming.Incoming, "discard", seldom)


MUTANTS: dict[str, tuple[Break, set[str]]] = {
    "checksum": (skip_the_checksum, {"wrong bytes", "unexpected ValueError", "unexpected DecodeError"}),
    "stamp": (skip_the_stamp, {"accounts", "lost", "left in", "wrong bytes", "stale id", "wrong plan"}),
    "free": (do_not_free, {"slot not freed"}),
    "tiers.max": (ignore_tiers_max, {"limit: tiers.max"}),
    "failed store": (keep_what_failed, {"left in"}),
}
"""Name -> how to break the package, and as what that may be found."""
