"""What an experiment is made of: a system, workloads, timed actions, controllers, how to run, and variants of it all."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from swaptiers.cgroups import check_path
from swaptiers.control.intent import Intent
from swaptiers.control.machine import Dialect
from swaptiers.controllers.kinds import AnyControllerSpec
from swaptiers.demotion.request import Referenced
from swaptiers.system_spec import SystemSpec
from swaptiers.units import Bytes, Fraction, Nanoseconds, to_bytes, to_fraction, to_nanoseconds
from swaptiers.workloads.specs import AnyWorkloadSpec

Payload = Literal["real", "sizes"]
InversionMode = Literal["sampled", "exact", "off"]


@attrs.frozen(kw_only=True)
class ActionSpec:
    """Something that happens at a virtual time, one of three: a write into a control file (`write`, `to`), a demotion
    (`demote`, `source`), which becomes such a write in the experiment's dialect, or an evacuation (`evacuate`).

    `at`: the virtual time. `write`: this text, as a person would with echo. `to`: the control file's path. `demote`: so many
    stored bytes. `source`: out of this tier. `cgroup`: of this cgroup and its descendants. `target`: along
    which edge (None = every edge out of the source, in order). `referenced`: rotate referenced entries once, as the kernel
    does, or `ignore` the second chance (None: as the file does, which is to rotate). `must`: the run fails if the write is
    refused. `evacuate`: everything leaves this tier, which takes nothing more from then on.
    refused. `every`: the same again after each such time, as a daemon does it; what was missed meanwhile is not made up for.
    Or let everything leave the tier `evacuate`, which takes nothing more from then on.
    """

    at: Nanoseconds = attrs.field(converter=to_nanoseconds)
    every: Nanoseconds | None = attrs.field(default=None, converter=attrs.converters.optional(to_nanoseconds))
    write: str | None = None
    to: str | None = None
    demote: Bytes | None = attrs.field(default=None, converter=attrs.converters.optional(to_bytes))
    source: str | None = None
    evacuate: str | None = None
    cgroup: str = attrs.field(default="/", converter=check_path)
    target: str | None = None
    referenced: Referenced | None = None
    must: bool = False

    def __attrs_post_init__(self) -> None:
        """Raise ValueError unless it is one of the three, with the keys of that one."""
        writes = (self.write is not None, self.to is not None)
        demotes = (self.demote is not None, self.source is not None)
        kinds = [(True, True, False, False, False), (False, False, True, True, False), (False,) * 4 + (True,)]
        if (*writes, *demotes, self.evacuate is not None) not in kinds:
            raise ValueError(
                "an action writes into a control file (write: 10M source=zswap, to: /web/memory.reclaim), demotes "
                "(demote: 10M, source: zswap) or evacuates a tier (evacuate: ssd)"
            )
        if self.demote is None and (self.target, self.referenced, self.cgroup) != (None, None, "/"):
            raise ValueError("cgroup, target and referenced go with `demote`; a write says all that in its text")
        if self.evacuate is not None and (self.must or self.every is not None):
            raise ValueError("must and every are about a write, not about evacuate")
        if self.every is not None and self.every <= 0:
            raise ValueError("every is a duration above 0")

    @property
    def intent(self) -> Intent | None:
        """What is to be demoted, in no dialect yet; None for the other kinds."""
        if self.demote is None or self.source is None:
            return None
        return Intent(
            cgroup=self.cgroup,
            nbytes=int(self.demote),
            source=self.source,
            target=self.target,
            referenced=self.referenced,
        )


def _until(value: Any) -> Literal["end"] | Nanoseconds:
    return "end" if value == "end" else to_nanoseconds(value)


@attrs.frozen(kw_only=True)
class RunSpec:
    """How to run.

    `until`: `end` = to the end of all workloads, or a virtual time. `warmup`: the share of the references before which
    samples do not count in averages. `sample`: virtual time between samples. `reclaim_batch`: pages evicted at a time
    (32 as the kernel; 1 = exact LRU). `payload`: `real` moves bytes, `sizes` looks their lengths up; both give the same
    counters. `interleave`: `references` = one order of references for all, fixed by seed and rates, equal in all variants;
    `time` = each workload goes on when its last reference is served, so that latency slows it down. `inversion`: `exact`,
    `sampled` (a fixed share of the pages), `off`. `repeat`: so many runs of each variant, the first with the seed, the
    others with seeds derived from it.
    """

    until: Literal["end"] | Nanoseconds = attrs.field(default="end", converter=_until)
    warmup: Fraction = attrs.field(default=Fraction(0.2), converter=to_fraction)
    sample: Nanoseconds = attrs.field(default=Nanoseconds(100_000_000), converter=to_nanoseconds)
    reclaim_batch: int = attrs.field(default=32, validator=[attrs.validators.ge(1), attrs.validators.le(256)])
    payload: Payload = "real"
    interleave: Literal["references", "time"] = "references"
    inversion: InversionMode = "sampled"
    repeat: int = attrs.field(default=1, validator=[attrs.validators.ge(1), attrs.validators.le(1000)])

    def __attrs_post_init__(self) -> None:
        if self.sample <= 0:
            raise ValueError("sample is a duration above 0")


@attrs.frozen(kw_only=True)
class ExperimentSpec(SystemSpec):
    """A whole experiment, or one variant of it with everything resolved.

    `version`: of the format of configs. `seed`: of references, contents and samples; the same seed gives the same
    numbers. `workloads`: at least one, in any order. `actions`: what happens at a virtual time. `controllers`: feedback
    controllers, each asking for a demotion once per interval. `run`: how to run. `dialect`: which forms of asking for a
    demotion the control files accept, and which one actions with `demote` use.
    """

    version: Literal[1] = 1
    seed: int = attrs.field(default=42, validator=[attrs.validators.ge(0), attrs.validators.lt(1 << 63)])
    workloads: tuple[AnyWorkloadSpec, ...] = attrs.field(default=(), converter=tuple)
    dialect: Dialect = "all"
    actions: tuple[ActionSpec, ...] = attrs.field(default=(), converter=tuple)
    controllers: tuple[AnyControllerSpec, ...] = attrs.field(default=(), converter=tuple)
    run: RunSpec = RunSpec()
