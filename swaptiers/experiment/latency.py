"""How long faults took: percentiles out of the log-linear histograms that the replay fills, and what is in them."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.experiment.lab import bucket_latency


@attrs.frozen(kw_only=True)
class FaultLatency:
    """From the reference to the page: queueing, read, decompression, and the reclaim that it had to wait for."""

    mean: float | None
    p50: int | None
    p99: int | None
    p999: int | None


@attrs.frozen(kw_only=True)
class Histogram:
    """`faults[i]` faults took `from_ns[i]` or longer, and less than `to_ns[i]`. No class is empty; the last is open."""

    from_ns: tuple[int, ...]
    to_ns: tuple[int, ...]
    faults: tuple[int, ...]

    @classmethod
    def of(cls, buckets: npt.NDArray[np.int64]) -> Histogram:
        """The classes of a log-linear histogram that have something in them."""
        used = np.flatnonzero(buckets).tolist()
        return cls(
            from_ns=tuple(bucket_latency(bucket) for bucket in used),
            to_ns=tuple(bucket_latency(bucket + 1) for bucket in used),
            faults=tuple(buckets[used].tolist()),
        )


def fault_latency(buckets: npt.NDArray[np.int64], total_ns: int) -> FaultLatency:
    """From the log-linear histogram: percentiles are right within 1.6 %, the mean is exact."""
    count = int(buckets.sum())
    if count == 0:
        return FaultLatency(mean=None, p50=None, p99=None, p999=None)
    cumulative = np.cumsum(buckets)

    def percentile(share: float) -> int:
        return bucket_latency(int(np.searchsorted(cumulative, share * count)))

    return FaultLatency(mean=total_ns / count, p50=percentile(0.5), p99=percentile(0.99), p999=percentile(0.999))
