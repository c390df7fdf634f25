"""The end of tiers: all are closed, whatever becomes of some."""

from __future__ import annotations

from collections.abc import Iterable

from swaptiers.errors import TierIOError
from swaptiers.tiers.base import Tier

Failed = tuple[Tier, Exception]


def close_all(tiers: Iterable[Tier]) -> Failed | None:
    """Close every tier, whatever becomes of the others; the first that failed, and with what."""
    failed = None
    for tier in tiers:
        try:
            tier.close()
        except Exception as error:
            failed = failed or (tier, error)
    return failed


def raise_failed(failed: Failed | None) -> None:
    """Raise what a tier could not be closed for, if one could not."""
    if failed is None:
        return
    tier, cause = failed
    if isinstance(cause, OSError):
        where = "nothing uses it any more, but something of it may be left behind"
        raise TierIOError(tier.name, "closing", cause, where) from cause
    raise cause
