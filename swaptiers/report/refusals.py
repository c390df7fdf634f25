"""Writes of a run that were refused: whoever wrote them into the config wants to know without opening a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swaptiers.experiment.results import VariantResult
from swaptiers.units import format_bytes, write_nanoseconds


def refused_writes(variants: Mapping[str, VariantResult]) -> Iterator[str]:
    """A sentence for each, with what it did all the same."""
    for name, variant in variants.items():
        for action in variant.actions:
            if action.get("error") is None:
                continue
            moved = format_bytes(action["freed_bytes"])
            evicted = f", {action['evicted_pages']} pages swapped out" if action["evicted_pages"] else ""
            yield (
                f"{name}: at {write_nanoseconds(action['at_ns'])}, {action['write']!r} into {action['to']} was refused: "
                f"{action['error']} ({moved} demoted{evicted})"
            )
