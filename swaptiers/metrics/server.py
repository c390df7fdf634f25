"""Metrics over HTTP, for as long as a block of code runs. Needs the extra `metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server

from swaptiers.errors import ConfigError
from swaptiers.metrics.collector import Metrics


@contextmanager
def served(metrics: Metrics[Any], host: str, port: int) -> Iterator[str]:
    """Serve `metrics` to whoever reaches host:port (0: a free port); the address, ``http://127.0.0.1:9101/metrics``.

    Raises ConfigError if that can't be listened on. At the end nobody listens any more.
    """
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"metrics can't be served at {host}, port {port}: {reason}; choose another") from error
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
