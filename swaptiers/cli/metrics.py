"""`--metrics-port`: what a run shows to Prometheus while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from swaptiers.errors import ConfigError
from swaptiers.experiment.watching import Viewer
from swaptiers.metrics.extra import check_metrics


def check_wanted(port: int | None, jobs: int) -> None:
    """Raises ConfigError if metrics are wanted and not possible: before anything runs."""
    if port is None:
        return
    check_metrics("--metrics-port")
    if jobs > 1:
        raise ConfigError(f"--metrics-port shows runs of this process, and --jobs {jobs} gives them their own; use one")


@contextmanager
def metrics_served(host: str, port: int | None, says: Console | None) -> Iterator[list[Viewer]]:
    """Who has to be shown the runs; nobody without a port. `says`: where the address is told."""
    if port is None:
        yield []
        return
    from swaptiers.experiment.metrics import RunMetrics  # noqa: PLC0415  needs the extra
    from swaptiers.metrics.server import served  # noqa: PLC0415

    board = RunMetrics()
    with served(board.collector(), host, port) as address:
        if says is not None:
            says.print(f"metrics: {address}", highlight=False, soft_wrap=True)
        yield [board.post]
