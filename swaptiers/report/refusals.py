"""Writes of a run that were refused: whoever wrote them into the config wants to know without opening a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swaptiers.experiment.results import VariantResult
from swaptiers.units import format_bytes, write_nanoseconds


def refused_writes(variants: Mapping[str, VariantResult]) -> Iterator[str]:
    """A sentence for each, with what it did all the same."""
    for name, variant in variants.items():
        for action in variant.actions:
            if not action.get("error"):
                continue
            moved = format_bytes(action["freed_bytes"])
            evicted = f", {action['evicted_pages']} pages swapped out" if action["evicted_pages"] else ""
            yield (
                f"{name}: at {write_nanoseconds(action['at_ns'])}, {action['write']!r} into {action['to']} was refused: "
                f"{_errors(action)} ({moved} demoted{evicted})"
            )


def _errors(action: Mapping[str, Any]) -> str:
    """The errno; of an action with `every`, each with its count."""
    error = action["error"]
    if isinstance(error, str):
        return error
    counts = ", ".join(f"{name} {times:,} times" for name, times in error.items())
    return f"{counts} of {action['times']:,}"
