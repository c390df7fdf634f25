"""For the tests of whoever writes a tier, or a program over a SwapSystem: the contract that every tier passes, tiers that
fail, hang or tell what was asked of them, checkers, and hypothesis strategies.

`contract` needs pytest, `strategies` needs hypothesis (`pip install 'swaptiers[test]'`); the rest needs nothing more.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swaptiers.testing.checkers import check_pages, nothing_left
    from swaptiers.testing.contract import TierContract
    from swaptiers.testing.faults import Fault, SeededFaults
    from swaptiers.testing.faulty import FaultyTier
    from swaptiers.testing.slow import Hang, SlowTier
    from swaptiers.testing.tracing import Call, TracingTier
    from swaptiers.testing.wrapped import WrappedTier

_HOME_OF = {
    "Call": "tracing",
    "Fault": "faults",
    "FaultyTier": "faulty",
    "Hang": "slow",
    "SeededFaults": "faults",
    "SlowTier": "slow",
    "TierContract": "contract",
    "TracingTier": "tracing",
    "WrappedTier": "wrapped",
    "check_pages": "checkers",
    "nothing_left": "checkers",
}

__all__ = [
    "Call",
    "Fault",
    "FaultyTier",
    "Hang",
    "SeededFaults",
    "SlowTier",
    "TierContract",
    "TracingTier",
    "WrappedTier",
    "check_pages",
    "nothing_left",
]

if "pytest" in sys.modules:  # the contract's assertions explain themselves like those of a test's own file
    sys.modules["pytest"].register_assert_rewrite(f"{__name__}.contract", f"{__name__}.checkers")


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
