"""From checked values back to the plain mapping that a config would hold: the resolved config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import attrs

from swaptiers.config.structure import key_of
from swaptiers.units import (
    Amount,
    Bytes,
    BytesPerSecond,
    Fraction,
    Nanoseconds,
    format_fraction,
    parse_bytes,
    parse_fraction,
    parse_nanoseconds,
)

_DURATIONS = (("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000))
_SIZES = (("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10))


def unstructure(instance: Any) -> dict[str, Any]:
    """Every key with its value, sizes and durations as a person writes them; loading it gives the same instance."""
    fields = attrs.fields(attrs.resolve_types(type(instance)))
    return {key_of(field): _value(getattr(instance, field.name), field) for field in fields}


def _value(value: Any, field: Any) -> Any:
    return field.metadata.get("none") if value is None else _plain(value, field.type)


def _plain(value: Any, kind: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Amount):
        return _size(value.nbytes) if value.nbytes is not None else _fraction(value.fraction or 0.0)
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
        return _size(int(value))
    if Nanoseconds in kinds:
        return _duration(int(value))
    if BytesPerSecond in kinds:
        size = _size(int(value))
        return f"{size}/s"
    if Fraction in kinds:
        return _fraction(value)
    return value


def _sequence(value: tuple[Any, ...], kind: Any) -> Any:
    named = [field for field in attrs.fields(type(value[0])) if field.metadata.get("names")] if value else []
    if not named:
        inner = (get_args(kind) or (kind,))[0]
        return [unstructure(each) if attrs.has(type(each)) else _plain(each, inner) for each in value]
    name = named[0].name
    terms = {}
    for each in value:
        plain = unstructure(each)
        del plain[key_of(named[0])]
        terms[getattr(each, name)] = plain
    return terms


def _size(value: int) -> Any:
    for unit, factor in _SIZES:
        if value and value % factor == 0 and parse_bytes(f"{value // factor}{unit}") == value:
            return f"{value // factor}{unit}"
    return value


def _duration(value: int) -> str:
    for unit, factor in _DURATIONS:
        if value and value % factor == 0 and parse_nanoseconds(f"{value // factor}{unit}") == value:
            return f"{value // factor}{unit}"
    return f"{value}ns"


def _fraction(value: float) -> str:
    text = format_fraction(value)
    return text if parse_fraction(text) == value else f"{value * 100:.20f}%"
