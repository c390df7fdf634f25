"""From checked values back to the plain mapping that a config would hold: the resolved config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import attrs

from swaptiers.config.structure import key_of, named_by
from swaptiers.units import (
    Bytes,
    BytesPerSecond,
    Fraction,
    Nanoseconds,
    write_bytes,
    write_fraction,
    write_nanoseconds,
)


def unstructure(instance: Any) -> dict[str, Any]:
    """Every key with its value, sizes and durations as a person writes them; loading it gives the same instance."""
    fields = attrs.fields(attrs.resolve_types(type(instance)))
    return {key_of(field): written(getattr(instance, field.name), field) for field in fields}


def written(value: Any, field: Any) -> Any:
    """A value of a field as a config would have it."""
    return field.metadata.get("none") if value is None else _plain(value, field.type)


def _plain(value: Any, kind: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if hasattr(value, "written"):
        return value.written()
    kinds = {kind, *get_args(kind)}
    if isinstance(value, int | float):
        return _number(value, kinds)
    if attrs.has(type(value)):
        return unstructure(value)
    if isinstance(value, tuple):
        return _sequence(value, get_args(kind)[0] if kind is not None and get_args(kind) else None)
    if isinstance(value, Mapping):
        inner = get_args(kind)[1] if len(get_args(kind)) == 2 else None
        return {key: _plain(each, inner) for key, each in value.items()}
    return value


def _number(value: float, kinds: set[Any]) -> Any:
    if Bytes in kinds:
        return write_bytes(int(value))
    if Nanoseconds in kinds:
        return write_nanoseconds(int(value))
    if BytesPerSecond in kinds:
        return f"{write_bytes(int(value))}/s"
    if Fraction in kinds:
        return write_fraction(value)
    return value


def _sequence(value: tuple[Any, ...], kind: Any) -> Any:
    name = named_by(kind)
    if name is None:
        inner = (get_args(kind) or (kind,))[0]
        return [unstructure(each) if attrs.has(type(each)) else _plain(each, inner) for each in value]
    terms = {}
    for each in value:
        plain = unstructure(each)
        del plain[name]
        terms[getattr(each, name)] = plain
    return terms
