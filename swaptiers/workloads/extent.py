"""How many pages and references a workload has, before anything is made of it."""

from __future__ import annotations

from pathlib import Path

import attrs

from swaptiers.workloads.specs import AnyPattern, ScanPattern, SequencePattern, TracePattern
from swaptiers.workloads.trace import Survey, TraceSource


@attrs.frozen
class Extent:
    """Plain integers of any size: what is too much is the caller's to say."""

    pages: int
    refs: int


def extent(spec: AnyPattern, folder: Path, surveys: dict[Path, Survey]) -> Extent:
    """What `spec` asks for. Traces are looked up in `surveys`, or read once: ConfigError for one that can't be used."""
    if isinstance(spec, SequencePattern):
        steps = [extent(step, folder, surveys) for step in spec.steps]
        return Extent(max(step.pages for step in steps), sum(step.refs for step in steps))
    if isinstance(spec, TracePattern):
        source = TraceSource.make(spec, folder, surveys)
        return Extent(source.pages, source.total)
    if isinstance(spec, ScanPattern):
        return Extent(spec.pages, spec.pages * spec.passes)
    return Extent(spec.pages, spec.refs)
