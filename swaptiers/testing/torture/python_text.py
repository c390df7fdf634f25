"""Values as Python writes them, without what is so by default."""

from __future__ import annotations

from typing import Any

import attrs

from swaptiers.demotion.only import Only
from swaptiers.units import Amount


def as_python(value: Any, known: set[type[Any]] | None = None) -> str:
    """An expression that gives the value again. Classes that it names are added to `known`."""
    known = set() if known is None else known
    if isinstance(value, Amount | Only):
        return repr(value.written())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_python(k, known)}: {as_python(v, known)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        inside = ", ".join(as_python(each, known) for each in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, float):
        return repr(float(value))
    if not attrs.has(type(value)):
        return repr(value)
    known.add(type(value))
    return f"{type(value).__name__}({', '.join(_arguments(value, known))})"


def _arguments(value: Any, known: set[type[Any]]) -> list[str]:
    """What its class is to be called with."""
    made = []
    for field in attrs.fields(type(value)):
        held = getattr(value, field.name)
        if field.name == "kind" and held == field.default and _is_kind(value):
            continue
        if _is_default(field, held):
            continue
        text = as_python(held, known)
        is_first = field.default is attrs.NOTHING and not field.kw_only
        made.append(text if is_first else f"{field.name}={text}")
    return made


def _is_kind(value: Any) -> bool:
    """True for terms of tiers, whose `kind` says which class they are."""
    return hasattr(value, "is_compressed")


def _is_default(field: Any, held: Any) -> bool:
    default = field.default
    if default is attrs.NOTHING:
        return False
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    if field.converter is not None and default is not None and not attrs.has(type(default)):
        return bool(held == default)
    return bool(held == default)
