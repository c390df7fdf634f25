"""Counters as a flat dictionary, which is compared and read more easily."""

from __future__ import annotations

from typing import Any


def flattened(value: Any) -> dict[str, Any]:
    """What is not 0 or empty in nested dictionaries and lists, by its place: ``tiers.zswap.loads``."""
    found: dict[str, Any] = {}
    _flatten(value, "", found)
    return found


def _flatten(value: Any, name: str, found: dict[str, Any]) -> None:
    if isinstance(value, dict | list | tuple):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in parts:
            _flatten(each, f"{name}.{key}" if name else str(key), found)
    elif value:
        found[name] = round(value, 9) if isinstance(value, float) else value
