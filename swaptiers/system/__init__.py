"""SwapSystem: the parts put together, with the API that Python programs use."""

from __future__ import annotations

from swaptiers.system.swap_system import Cgroup, SwapSystem

__all__ = ["Cgroup", "SwapSystem"]
