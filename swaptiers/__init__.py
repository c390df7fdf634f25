"""A generalized swap-tier demotion framework: swap tiers as a graph, on real bytes, with numbers.

Names are imported when they are first used, so that ``import swaptiers`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swaptiers import control
    from swaptiers.cgroups import CgroupSpec
    from swaptiers.control.tree import ControlTree
    from swaptiers.controllers.base import Observation
    from swaptiers.controllers.kinds import make_controller
    from swaptiers.controllers.promotion_rate import PromotionRateSpec
    from swaptiers.controllers.psi import PsiSpec
    from swaptiers.controllers.zswap_shrinker import ZswapShrinkerSpec
    from swaptiers.counters import SystemCounters
    from swaptiers.demotion.custom import Candidates, Policy
    from swaptiers.demotion.evacuation import Evacuated
    from swaptiers.demotion.only import Only
    from swaptiers.demotion.preview import DemotionPlan, PlannedMove
    from swaptiers.demotion.quota import Quota
    from swaptiers.demotion.request import Demoted
    from swaptiers.demotion.terms import AgeTrigger, EdgeSpec, Triggers, Watermark
    from swaptiers.errors import (
        BusyEntryError,
        ClosedError,
        ConfigError,
        ControlFileError,
        CoreFullError,
        CorruptEntryError,
        ExperimentError,
        ForkedError,
        GraphError,
        IntegrityError,
        MountError,
        PolicyError,
        ResultError,
        StaleEntryError,
        StoreRefusedError,
        SwapTiersError,
        TierBusyError,
        TierIOError,
    )
    from swaptiers.experiment.results import ControllerReport, ExperimentResult, VariantResult
    from swaptiers.experiment.run import run
    from swaptiers.graph import TierGraph
    from swaptiers.inversion import GlobalInversion, Inversion, InversionReport
    from swaptiers.system import Cgroup, SwapSystem
    from swaptiers.tiers.base import Latency
    from swaptiers.tiers.custom import CustomTierSpec
    from swaptiers.tiers.specs import FileSpec, MemorySpec, ZswapSpec

__version__ = "0.1.0"

_HOMES = {
    "cgroups": ("CgroupSpec",),
    "control.tree": ("ControlTree",),
    "controllers.base": ("Observation",),
    "controllers.kinds": ("make_controller",),
    "controllers.promotion_rate": ("PromotionRateSpec",),
    "controllers.psi": ("PsiSpec",),
    "controllers.zswap_shrinker": ("ZswapShrinkerSpec",),
    "counters": ("SystemCounters",),
    "demotion.custom": ("Candidates", "Policy"),
    "demotion.evacuation": ("Evacuated",),
    "demotion.only": ("Only",),
    "demotion.preview": ("DemotionPlan", "PlannedMove"),
    "demotion.quota": ("Quota",),
    "demotion.request": ("Demoted",),
    "demotion.terms": ("AgeTrigger", "EdgeSpec", "Triggers", "Watermark"),
    "errors": (
        "BusyEntryError",
        "ClosedError",
        "ConfigError",
        "ControlFileError",
        "CoreFullError",
        "CorruptEntryError",
        "ExperimentError",
        "ForkedError",
        "GraphError",
        "IntegrityError",
        "MountError",
        "PolicyError",
        "ResultError",
        "StaleEntryError",
        "StoreRefusedError",
        "SwapTiersError",
        "TierBusyError",
        "TierIOError",
    ),
    "experiment.results": ("ControllerReport", "ExperimentResult", "VariantResult"),
    "experiment.run": ("run",),
    "graph": ("TierGraph",),
    "inversion": ("GlobalInversion", "Inversion", "InversionReport"),
    "system": ("Cgroup", "SwapSystem"),
    "tiers.base": ("Latency",),
    "tiers.custom": ("CustomTierSpec",),
    "tiers.specs": ("FileSpec", "MemorySpec", "ZswapSpec"),
}
_ROOMS = ("control",)
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AgeTrigger",
    "BusyEntryError",
    "Candidates",
    "Cgroup",
    "CgroupSpec",
    "ClosedError",
    "ConfigError",
    "ControlFileError",
    "ControlTree",
    "ControllerReport",
    "CoreFullError",
    "CorruptEntryError",
    "CustomTierSpec",
    "Demoted",
    "DemotionPlan",
    "EdgeSpec",
    "Evacuated",
    "ExperimentError",
    "ExperimentResult",
    "FileSpec",
    "ForkedError",
    "GlobalInversion",
    "GraphError",
    "IntegrityError",
    "Inversion",
    "InversionReport",
    "Latency",
    "MemorySpec",
    "MountError",
    "Observation",
    "Only",
    "PlannedMove",
    "Policy",
    "PolicyError",
    "PromotionRateSpec",
    "PsiSpec",
    "Quota",
    "ResultError",
    "StaleEntryError",
    "StoreRefusedError",
    "SwapSystem",
    "SwapTiersError",
    "SystemCounters",
    "TierBusyError",
    "TierGraph",
    "TierIOError",
    "Triggers",
    "VariantResult",
    "Watermark",
    "ZswapShrinkerSpec",
    "ZswapSpec",
    "__version__",
    "control",
    "make_controller",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
