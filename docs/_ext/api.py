"""The public names, each with its docstring: what `swaptiers.__all__` has, in groups."""

from __future__ import annotations

import inspect

import swaptiers as st

GROUPS: dict[str, tuple[str, ...]] = {
    "A system": ("SwapSystem", "Cgroup", "control", "ControlTree"),
    "Its terms": (
        "ZswapSpec", "FileSpec", "MemorySpec", "CustomTierSpec", "Latency", "EdgeSpec", "Triggers", "Watermark",
        "AgeTrigger", "Only", "Quota", "CgroupSpec", "TierGraph",
    ),
    "Experiments": ("run", "ExperimentResult", "VariantResult", "ControllerReport"),
}  # fmt: skip
ERRORS, REST = "Errors", "What comes back, and more"


def groups() -> dict[str, list[str]]:
    """Every public name, in one group."""
    found = {title: [name for name in names if name in st.__all__] for title, names in GROUPS.items()}
    placed = {name for names in found.values() for name in names}
    rest = [name for name in st.__all__ if name not in placed and not name.startswith("__")]
    errors = [name for name in rest if _is_error(name)]
    return {**found, REST: [name for name in rest if name not in errors], ERRORS: errors}


def _is_error(name: str) -> bool:
    value = getattr(st, name)
    return isinstance(value, type) and issubclass(value, BaseException)


def text() -> str:
    """Directives of autodoc, by group."""
    parts = []
    for title, names in groups().items():
        parts.append(f"## {title}\n")
        parts += [_directive(name) for name in names]
    return "\n".join(parts)


def _directive(name: str) -> str:
    value = getattr(st, name)
    if inspect.ismodule(value):
        return ""
    if isinstance(value, type):
        return f"```{{eval-rst}}\n.. autoclass:: swaptiers.{name}\n   :members:\n```\n"
    return f"```{{eval-rst}}\n.. autofunction:: swaptiers.{name}\n```\n"
