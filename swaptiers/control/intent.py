"""One intent in three dialects: what to write where, so that stored bytes move out of a tier."""

from __future__ import annotations

import attrs

from swaptiers.control.machine import Dialect
from swaptiers.control.statistics import zswap_tiers
from swaptiers.demotion.request import Referenced
from swaptiers.graph import TierGraph
from swaptiers.units import write_bytes

KEYWORDS = ("anon", "file")
"""What ``source=`` means otherwise than as a tier's name."""


@attrs.frozen(kw_only=True)
class Intent:
    """Demote `nbytes` as stored out of `source`. `referenced` None: as the file does it, which is to rotate."""

    cgroup: str
    nbytes: int
    source: str
    target: str | None = None
    referenced: Referenced | None = None


def in_dialect(intent: Intent, dialect: Dialect, graph: TierGraph) -> tuple[str, str]:
    """The file to write into, and the text. Raises ValueError for what the dialect has no words for.

    `all` speaks tiers-demote, which has words for everything.
    """
    size, folder = write_bytes(intent.nbytes), intent.cgroup.rstrip("/")
    if dialect in ("all", "tiers-demote"):
        to = f" to={intent.target}" if intent.target else ""
        referenced = " referenced=ignore" if intent.referenced == "ignore" else ""
        return f"{folder}/memory.swap.tiers.demote", f"{size} {intent.source}{to}{referenced}"
    if intent.target is not None:
        raise ValueError(f"dialect {dialect} can't say where to; leave `target` out, or use tiers-demote")
    if intent.referenced == "ignore":
        raise ValueError(f"dialect {dialect} always honours the second chance; only tiers-demote can ignore it")
    if dialect == "source":
        if intent.source in KEYWORDS:
            raise ValueError(f"in dialect source, {intent.source!r} is no tier; give the tier another name")
        return f"{folder}/memory.reclaim", f"{size} source={intent.source}"
    if intent.source != "zswap" and zswap_tiers(graph) != [intent.source]:
        raise ValueError(f"dialect zswap_writeback_only knows no tier but zswap, not {intent.source!r}")
    return f"{folder}/memory.reclaim", f"{size} zswap_writeback_only"
