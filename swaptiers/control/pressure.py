"""memory.pressure's averages from stall times, with the arithmetic of kernel/sched/psi.c.

The kernel knows of every task whether it is stalled at each moment. Here only the sum of stall times over a cgroup's
workloads is known, so `some` is the sum as far as time has passed, and `full` what of it must have been at the same time.
For one workload, and where one order of references holds for everybody (nobody goes on while one waits), both are exact.
"""

from __future__ import annotations

import attrs

PERIOD_NS = 2_000_000_000
"""Between two updates of the averages (PSI_FREQ)."""
FIXED_1 = 1 << 11
DECAYS = {"avg10": 1677, "avg60": 1981, "avg300": 2034}
"""1/exp(2 s / window) in fixed point (EXP_10s and its kin)."""


def decayed(average: int, decay: int, active: int) -> int:
    """calc_load(): an average one period later, rounded towards where it goes."""
    sum_ = average * decay + active * (FIXED_1 - decay)
    return (sum_ + (FIXED_1 - 1 if active >= average else 0)) // FIXED_1


@attrs.define
class Averages:
    """`some` or `full` of one cgroup. Times in ns; averages in percent, fixed point."""

    total_ns: int = 0
    counted_ns: int = 0
    averages: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(DECAYS, 0))

    def update(self, elapsed_ns: int, missed_periods: int) -> None:
        """A period is over, of `elapsed_ns`, after some in which nothing was counted."""
        sample = min(self.total_ns - self.counted_ns, elapsed_ns)
        self.counted_ns += sample
        percent = sample * 100 // max(elapsed_ns, 1) * FIXED_1
        for name, decay in DECAYS.items():
            average = self.averages[name]
            for _ in range(missed_periods):
                if average == 0:
                    break
                average = decayed(average, decay, 0)
            self.averages[name] = decayed(average, decay, percent)

    def line(self, name: str) -> str:
        """As psi_show() prints it: percent with two digits, microseconds in all."""
        shown = (f"{key}={_percent(value)}" for key, value in self.averages.items())
        return f"{name} {' '.join(shown)} total={self.total_ns // 1000}\n"


def _percent(average: int) -> str:
    return f"{average // FIXED_1}.{average % FIXED_1 * 100 // FIXED_1:02d}"


@attrs.define
class Stalls:
    """Both lines of one cgroup's memory.pressure.

    `workloads`: how many may be stalled at the same time; 1 where nobody goes on while one waits.
    """

    workloads: int
    some: Averages = attrs.field(factory=Averages)
    full: Averages = attrs.field(factory=Averages)
    seen_ns: int = 0
    stalled_ns: int = 0
    updated_ns: int = 0
    due_ns: int = PERIOD_NS

    def look(self, now_ns: int, stalled_ns: int) -> None:
        """The time now, and the sum of all stall times up to now; averages are updated if they are due."""
        passed = now_ns - self.seen_ns
        grown = stalled_ns - self.stalled_ns
        self.seen_ns, self.stalled_ns = now_ns, stalled_ns
        self.some.total_ns += min(grown, passed)
        self.full.total_ns += min(max(0, grown - (self.workloads - 1) * passed), passed)
        if now_ns >= self.due_ns:
            missed = (now_ns - self.due_ns) // PERIOD_NS
            elapsed = now_ns - (self.updated_ns + missed * PERIOD_NS)
            self.due_ns += (1 + missed) * PERIOD_NS
            self.updated_ns = now_ns
            for averages in (self.some, self.full):
                averages.update(elapsed, missed)

    def read(self) -> str:
        """The file's text."""
        return self.some.line("some") + self.full.line("full")
