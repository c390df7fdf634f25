"""What installed packages add: kinds of tier and compressors, found by their entry points when a config names them."""

from __future__ import annotations

import importlib.metadata
from typing import Any

TIERS, CODECS = "swaptiers.tiers", "swaptiers.codecs"
"""Groups of entry points."""


def installed(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """Name -> entry point. Nothing is imported."""
    return {point.name: point for point in importlib.metadata.entry_points(group=group)}


def load(point: importlib.metadata.EntryPoint) -> Any:
    """What the entry point names. ValueError, with the reason in one line, if it can't be had."""
    try:
        return point.load()
    except Exception as error:
        why = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise ValueError(f"{point.name!r} is installed but can't be used: {point.value}: {why}") from error
