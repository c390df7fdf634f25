"""`psi`: let a cgroup stall on memory for a set share of time, and let it hold no more than that takes.

Sources: senpai (facebookincubator/senpai, senpai.py), which moves a limit once per interval, down a little while the
interval's stall is below its target and up while it is above; and TMO (Weiner and others, ASPLOS 2022), whose step is in
proportion to 1 - stall / target. Here the limit is senpai's and the error TMO's:

    limit += gain * (stall / target - 1) * held

Senpai's own steps are squares of the ratio, small below the target and large above it, so that it rests below its target
by an amount that depends on the noise. TMO keeps no limit: it reclaims a share of what there is each time, and rests
where that equals what comes back, below its target too. A limit that adds up one error for both sides has no other place
to rest than the target.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs

from swaptiers.controllers.base import ControllerSpec, Observation, Step
from swaptiers.units import Fraction, to_fraction


@attrs.frozen(kw_only=True, slots=False)
class PsiSpec(ControllerSpec):
    """A `psi` controller. `target`: the share of time that may be spent waiting for memory.

    `gain`: of what is held, how far the limit comes down in a step without any stall; it goes up as much for a stall of
    twice the target (1 % is the most that senpai takes). `back_off`: how far it goes up at most (senpai: all of it).
    `most`: of what is held, what is asked for in a step at most.
    """

    kind: Literal["psi"] = "psi"
    target: Fraction = attrs.field(default=Fraction(0.001), converter=to_fraction)
    gain: Fraction = attrs.field(default=Fraction(0.01), converter=to_fraction)
    back_off: Fraction = attrs.field(default=Fraction(1.0), converter=to_fraction)
    most: Fraction = attrs.field(default=Fraction(0.5), converter=to_fraction)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for shares that leave nothing to control."""
        super().__attrs_post_init__()
        for name in ("target", "gain", "back_off", "most"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is a share above 0%")


class Psi:
    """Keeps the limit. `measured`, `target`: shares of time; `setting`: the limit in bytes."""

    def __init__(self, spec: PsiSpec) -> None:
        self._spec = spec
        self._limit = math.inf

    def step(self, seen: Observation) -> Step:
        """Ask for whatever is above the limit to be moved, after moving the limit."""
        spec = self._spec
        measured = min(1.0, seen.stall_ns / seen.interval_ns)
        change = min(spec.gain * (measured / spec.target - 1), spec.back_off)
        limit = min(self._limit, seen.held_bytes) + change * seen.held_bytes
        self._limit = max(limit, (1 - spec.most) * seen.held_bytes)
        nbytes = max(0, seen.held_bytes - math.ceil(self._limit))
        return Step(nbytes=nbytes, measured=measured, target=spec.target, setting=self._limit)
