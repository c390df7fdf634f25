"""The terms of each kind of workload: who touches which page, how often, and what the pages contain."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from swaptiers.cgroups import check_path
from swaptiers.units import Fraction, Nanoseconds, to_fraction, to_nanoseconds

Contents = str | dict[str, Any]
"""`mixed`, `text`, `json`, `integers`, `pointers`, `random`, `zero`, or `{"mix": {NAME: "50%", ...}}`."""

MAX_PAGES = 1 << 30


@attrs.frozen(kw_only=True)
class WorkloadSpec:
    """What every workload has.

    `cgroup`: whose pages they are. `rate`: its share of the references, relative to the other workloads' rates;
    default: the number of its references, so that all workloads end together. `think`: virtual time between
    two references. `contents`: what the pages contain.
    """

    cgroup: str = attrs.field(converter=check_path)
    rate: float | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.gt(0)))
    think: Nanoseconds = attrs.field(default=Nanoseconds(1000), converter=to_nanoseconds)
    contents: Contents = "mixed"


@attrs.frozen(kw_only=True)
class ZipfSpec(WorkloadSpec):
    """`refs` references to `pages` pages, the k-th most popular with weight k^-alpha.

    `drift`: the share of the popularity ranking that is reshuffled per `pages` references: the working set wanders.
    `writes`: the share of references that change the page.
    """

    kind: Literal["zipf"] = "zipf"
    pages: int = attrs.field(validator=[attrs.validators.ge(1), attrs.validators.le(MAX_PAGES)])
    refs: int = attrs.field(validator=attrs.validators.ge(0))
    alpha: float = attrs.field(default=0.9, validator=[attrs.validators.ge(0), attrs.validators.le(5)])
    drift: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)
    writes: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)


@attrs.frozen(kw_only=True)
class ScanSpec(WorkloadSpec):
    """Every page once in order, `passes` times: 1 = a batch job that reads its input, more = a cyclic scan."""

    kind: Literal["scan"] = "scan"
    pages: int = attrs.field(validator=[attrs.validators.ge(1), attrs.validators.le(MAX_PAGES)])
    passes: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    writes: Fraction = attrs.field(default=Fraction(0.0), converter=to_fraction)


@attrs.frozen(kw_only=True)
class TraceSpec(WorkloadSpec):
    """The references of a recorded program.

    `format: u32`: little-endian uint32 per reference, low 31 bits the page number, bit 31 set for a write;
    zstd-compressed if the path ends in .zst. `pages`: how many page numbers there may be (None = as many as the trace
    has); a larger number in the trace is an error. `passes`: how often it is replayed.
    """

    kind: Literal["trace"] = "trace"
    path: str
    format: Literal["u32"] = "u32"
    pages: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    passes: int = attrs.field(default=1, validator=attrs.validators.ge(1))


AnyWorkloadSpec = ZipfSpec | ScanSpec | TraceSpec
