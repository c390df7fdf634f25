"""What needs the extra `report`, and what to say where that is missing: before a run, not after it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from swaptiers.errors import ConfigError
from swaptiers.report.files import has_parquet

INSTALL = "pip install 'swaptiers[report]'"
MODULES = ("altair", "jinja2", "pyarrow", "vl_convert")


def has_report() -> bool:
    """True if all of the extra is there."""
    return all(importlib.util.find_spec(module) is not None for module in MODULES)


def check_report(what: str) -> None:
    """Raises ConfigError if `what` can't be made for want of the extra."""
    if not has_report():
        missing = ", ".join(name for name in MODULES if importlib.util.find_spec(name) is None)
        raise ConfigError(f"{what} needs the extra `report` (missing: {missing}): {INSTALL}")


def check_wishes(out: Path | None, *, events: bool, report: bool | None) -> bool:
    """What is asked of a run beside its numbers: is it possible? True if a report will be written.

    `report`: True demands one, None takes one where the extra is there. Raises ConfigError.
    """
    for option, wanted in (("--events", events), ("--report", bool(report))):
        if wanted and out is None:
            raise ConfigError(f"{option} is written into a folder; add --out FOLDER")
    if events and not has_parquet():
        raise ConfigError(f"--events needs pyarrow, of the extra `report`: {INSTALL}")
    if report:
        check_report("--report")
    return out is not None and report is not False and has_report()
