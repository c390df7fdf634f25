"""What needs the extra `sweep`, and what to say where that is missing."""

from __future__ import annotations

import importlib.util

from swaptiers.errors import ConfigError

INSTALL = "pip install 'swaptiers[sweep]'"
MODULES = ("dask", "distributed", "cryptography", "pyarrow")


def check_sweep() -> None:
    """Raises ConfigError if the extra is not there."""
    missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"swaptiers sweep needs the extra `sweep` (missing: {', '.join(missing)}): {INSTALL}")
