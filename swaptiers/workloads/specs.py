"""The terms of each kind of workload: who touches which page, how often, and what the pages contain.

A pattern says which pages are referenced; a workload is a pattern in a cgroup, with its pace and its contents (two bases:
hence no slots).
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from swaptiers.cgroups import check_path
from swaptiers.units import (
    Fraction,
    Nanoseconds,
    format_fraction,
    parse_fraction,
    parse_nanoseconds,
    to_fraction,
    to_nanoseconds,
    write_fraction,
    write_nanoseconds,
)

Contents = str | dict[str, Any]
"""`mixed`, `text`, `json`, `integers`, `pointers`, `random`, `zero`; `{"mix": {NAME: "50%", ...}}`; `{"files": PATTERN}`."""
TraceFormat = Literal["u32", "oracleGeneral", "csv", "lackey"]

MAX_PAGES = 1 << 30

_some_pages = [attrs.validators.ge(1), attrs.validators.le(MAX_PAGES)]


@attrs.frozen
class Start:
    """When a workload begins: after a `share` of the run's references, or at a virtual `time`."""

    share: Fraction = attrs.field(default=Fraction(0.0))
    time: Nanoseconds = attrs.field(default=Nanoseconds(0))

    @classmethod
    def parse(cls, value: object) -> Start:
        """From ``"20%"``, ``"2s"`` or 0; a Start passes through. Raises ValueError otherwise."""
        if isinstance(value, Start):
            return value
        if isinstance(value, str) and value.strip().endswith("%"):
            return cls(share=parse_fraction(value))
        return cls(time=parse_nanoseconds(value))

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a start at the very end."""
        if self.share > 0.99:
            raise ValueError(f"start is at most 99%, not {format_fraction(self.share)}")

    def written(self) -> str:
        """As a config has it."""
        return write_nanoseconds(self.time) if self.time else write_fraction(self.share)


def to_start(value: object) -> Start:
    """`Start.parse`, as a converter of fields."""
    return Start.parse(value)


@attrs.frozen(kw_only=True, slots=False)
class ZipfPattern:
    """References to popular and less popular pages: the k-th most popular has weight k^-alpha.

    `pages`: how many there are. `refs`: how many references. `alpha`: the exponent; 0 = all alike.
    `drift`: the share of the popularity ranking that is reshuffled per `pages` references: the working set wanders.
    `writes`: the share of references that change the page.
    """

    kind: Literal["zipf"] = "zipf"
    pages: int = attrs.field(validator=_some_pages)
    refs: int = attrs.field(validator=attrs.validators.ge(0))
    alpha: float = attrs.field(default=0.9, validator=[attrs.validators.ge(0), attrs.validators.le(5)])
    drift: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)
    writes: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)


@attrs.frozen(kw_only=True, slots=False)
class UniformPattern:
    """References to pages of which each is as likely as any other: no policy can do better than another.

    `pages`: how many there are. `refs`: how many references. `drift`: the share of them that changes places per `pages`
    references, which changes no odds.
    `writes`: the share of references that change the page.
    """

    kind: Literal["uniform"] = "uniform"
    pages: int = attrs.field(validator=_some_pages)
    refs: int = attrs.field(validator=attrs.validators.ge(0))
    drift: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)
    writes: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)


@attrs.frozen(kw_only=True, slots=False)
class ScanPattern:
    """Every page once in order, and again.

    `pages`: how many there are. `passes`: how often; 1 = a batch job that reads its input, more = a cyclic scan.
    `drift`: the share of the order that is reshuffled per `pages` references. `writes`: the share of references that change
    the page.
    """

    kind: Literal["scan"] = "scan"
    pages: int = attrs.field(validator=_some_pages)
    passes: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    drift: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)
    writes: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)


@attrs.frozen(kw_only=True, slots=False)
class PhasesPattern:
    """References to a working set, each page of it as likely as any other, parts of which give way to other pages.

    `pages`: how many there are. `refs`: how many references. `working_set`: pages in it. `phase`: references until a part of
    it is replaced. `replace`: the share of it that is. `drift`: the share of the pages that is reshuffled per `pages`
    references. `writes`: the share of references that change the page.
    """

    kind: Literal["phases"] = "phases"
    pages: int = attrs.field(validator=_some_pages)
    refs: int = attrs.field(validator=attrs.validators.ge(0))
    working_set: int = attrs.field(validator=_some_pages)
    phase: int = attrs.field(validator=attrs.validators.ge(1))
    replace: Fraction = attrs.field(default=Fraction(0.5), converter=to_fraction)
    drift: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)
    writes: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a working set that is larger than the memory."""
        if self.working_set > self.pages:
            raise ValueError(f"working_set ({self.working_set}) is at most pages ({self.pages})")


@attrs.frozen(kw_only=True, slots=False)
class TracePattern:
    """The references of a recorded program.

    `path`: of the trace, below the config's folder or absolute. `format`: `u32`: little-endian uint32 per reference,
    low 31 bits the page number, bit 31 set for a write; the others are described in docs/traces.md. Decompressed if the
    path ends in .zst. `drift`: the share of the page numbers that is reshuffled per `pages` references. `pages`: how
    many page numbers there may be (None = as many as the trace has); a larger number in the trace is an error.
    `passes`: how often it is replayed.
    """

    kind: Literal["trace"] = "trace"
    path: str
    format: TraceFormat = "u32"
    pages: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    passes: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    drift: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)


StepPattern = ZipfPattern | UniformPattern | ScanPattern | PhasesPattern | TracePattern


def _steps(steps: Any) -> tuple[StepPattern, ...]:
    return tuple(steps)


@attrs.frozen(kw_only=True, slots=False)
class SequencePattern:
    """Patterns one after the other, over the same pages. `steps`: the patterns, without cgroup, pace and contents."""

    kind: Literal["sequence"] = "sequence"
    steps: tuple[StepPattern, ...] = attrs.field(converter=_steps)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError if there is no step."""
        if not self.steps:
            raise ValueError("steps needs at least one pattern")


AnyPattern = StepPattern | SequencePattern


@attrs.frozen(kw_only=True, slots=False)
class WorkloadSpec:
    """What every workload has.

    `cgroup`: whose pages they are. `rate`: its share of the references, relative to the other workloads' rates;
    default: the number of its references, so that all workloads end together. `start`: when it begins. `think`: virtual
    time between two references. `contents`: what the pages contain.
    """

    cgroup: str = attrs.field(converter=check_path)
    rate: float | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.gt(0)))
    start: Start = attrs.field(default=Start(), converter=to_start)
    think: Nanoseconds = attrs.field(default=Nanoseconds(1000), converter=to_nanoseconds)
    contents: Contents = "mixed"


@attrs.frozen(kw_only=True, slots=False)
class ZipfSpec(ZipfPattern, WorkloadSpec):
    """A `zipf` workload."""


@attrs.frozen(kw_only=True, slots=False)
class UniformSpec(UniformPattern, WorkloadSpec):
    """A `uniform` workload."""


@attrs.frozen(kw_only=True, slots=False)
class ScanSpec(ScanPattern, WorkloadSpec):
    """A `scan` workload."""


@attrs.frozen(kw_only=True, slots=False)
class PhasesSpec(PhasesPattern, WorkloadSpec):
    """A `phases` workload."""


@attrs.frozen(kw_only=True, slots=False)
class TraceSpec(TracePattern, WorkloadSpec):
    """A `trace` workload."""


@attrs.frozen(kw_only=True, slots=False)
class SequenceSpec(SequencePattern, WorkloadSpec):
    """A `sequence` workload."""


AnyWorkloadSpec = ZipfSpec | UniformSpec | ScanSpec | PhasesSpec | TraceSpec | SequenceSpec
