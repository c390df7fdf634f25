"""What needs the extra `metrics`, and what to say where that is missing."""

from __future__ import annotations

import importlib.util

from swaptiers.errors import ConfigError

INSTALL = "pip install 'swaptiers[metrics]'"


def check_metrics(what: str) -> None:
    """Raises ConfigError if `what` can't be made for want of the extra."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise ConfigError(f"{what} needs the extra `metrics` (missing: prometheus_client): {INSTALL}")
