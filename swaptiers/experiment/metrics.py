"""The families of a run: those of its system, and what only a run has: references, virtual time, latencies, inversion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from swaptiers.experiment.glimpse import Glimpse, Moment
from swaptiers.experiment.lab import SUB_BUCKETS, bucket_latency
from swaptiers.metrics.collector import Metrics
from swaptiers.metrics.family import NS_PER_S, PREFIX, Buckets, Family, Sample, Snapshot
from swaptiers.metrics.system import system_families

LABELS = ("variant", "repetition")
OCTAVES = range(4, 28)
"""Powers of two of a latency, less the 6 of the first class: from 1 us to 9 s."""


class RunMetrics:
    """The latest glimpse of every run of an experiment, those that are over too. Scraped by another thread."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, ...], Glimpse] = {}

    def post(self, moment: Moment, glimpse: Glimpse) -> None:
        """This is how the run looks now."""
        self._latest = {**self._latest, (moment.variant, str(moment.repetition)): glimpse}

    def collector(self) -> Metrics[Glimpse]:
        """To be registered, or served."""
        return Metrics(run_families(), self._looks, LABELS)

    def _looks(self) -> Iterable[tuple[tuple[str, ...], Glimpse]]:
        return self._latest.items()


def run_families() -> tuple[Family[Glimpse], ...]:
    """All of them, in the order in which they are shown."""
    return (*_of_the_run(), *(_of_its_system(family) for family in system_families()))


def _of_its_system(family: Family[Snapshot]) -> Family[Glimpse]:
    return Family(
        **{**attrs.asdict(family, recurse=False), "read": lambda glimpse: family.read(glimpse.system)},
    )


def _of_the_run() -> Iterator[Family[Glimpse]]:
    yield Family(
        name=f"{PREFIX}run_references_total",
        kind="counter",
        help="References that are done.",
        read=lambda g: (((), g.refs),),
    )
    yield Family(
        name=f"{PREFIX}run_planned_references",
        kind="gauge",
        help="References that the run has in all.",
        read=lambda g: (((), g.total),),
    )
    yield Family(
        name=f"{PREFIX}run_virtual_seconds_total",
        kind="counter",
        help="Time on the run's own clock, that of the modelled devices.",
        read=lambda g: (((), g.now_ns / NS_PER_S),),
    )
    yield Family(
        name=f"{PREFIX}run_stall_seconds_total",
        kind="counter",
        help="Virtual time that references waited for memory.",
        read=lambda g: (((), g.stall_ns / NS_PER_S),),
    )
    yield Family(
        name=f"{PREFIX}run_ram_bytes",
        kind="gauge",
        help="Resident pages and zswap's pools.",
        read=lambda g: (((), g.ram_bytes),),
    )
    yield Family(
        name=f"{PREFIX}run_inverted_pairs_ratio",
        kind="gauge",
        help="Of pairs of entries in a faster and a slower tier, the share where the slower has the later last use.",
        labels=("cgroup",),
        read=lambda g: (((path,), share) for path, share in g.pairs.items() if share is not None),
    )
    yield Family(
        name=f"{PREFIX}run_fault_latency_seconds",
        kind="histogram",
        help="How long faults took in virtual time, with the reclaim that they waited for.",
        labels=("cgroup",),
        read=_latencies,
    )


def _latencies(g: Glimpse) -> Iterator[Sample]:
    """In classes of a power of two each. Latencies are whole ns, and a bound is the last that is still in the class."""
    for path, faults in g.latencies.items():
        counts = [
            (
                (bucket_latency(SUB_BUCKETS * (1 + octave)) - 1) / NS_PER_S,
                int(faults[: SUB_BUCKETS * (1 + octave)].sum()),
            )
            for octave in OCTAVES
        ]
        counts.append((float("inf"), int(faults.sum())))
        yield (path,), Buckets(counts=counts, total=g.fault_ns[path] / NS_PER_S)
