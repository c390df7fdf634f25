"""Every key of a config, from the models: what it takes, its default, what it means, and where it stands."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from swaptiers.config.meanings import meanings, subject
from swaptiers.config.schema import bounds, default_of
from swaptiers.config.structure import key_of, kinds_of, named_by, parses_itself
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.units import Bytes, BytesPerSecond, Fraction, Nanoseconds

WORDS: dict[Any, str] = {
    Bytes: "size",
    Nanoseconds: "duration",
    BytesPerSecond: "rate",
    Fraction: "percentage",
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
    Any: "anything",
    type(None): "null",
}
PARSED = {
    "Amount": "size or percentage",
    "Start": "percentage or duration",
    "Burst": "size or duration",
    "PerMinute": "rate like 0.2%/min or 1200/min",
    "Only": "condition",
}


def text() -> str:
    """A section for each mapping that a config may have, from the top down."""
    return "\n".join(_section("", ExperimentSpec, "The top"))


def _section(where: str, model: type[Any], title: str) -> list[str]:
    """A model's table, and after it those of the models in it. `where`: what stands before its keys, like `edges[].`."""
    fields = [field for field in attrs.fields(attrs.resolve_types(model)) if not _is_above(field)]
    about = meanings(model)
    lines = [f"## {title}", "", *([subject(model).replace("\n\n", " "), ""] if subject(model) else [])]
    lines += ["| key | takes | default | |", "|---|---|---|---|"]
    for field in fields:
        lines.append(f"| `{key_of(field)}` | {_takes(field)} | {_default(field)} | {_cell(about[field.name])} |")
    lines.append("")
    for field in fields:
        lines += _below(f"{where}{key_of(field)}", field.type)
    return lines


def _is_above(field: Any) -> bool:
    """The key above the mapping, or the kind, which the title names."""
    return bool(field.metadata.get("names")) or field.name == "kind"


def _below(path: str, t: Any) -> list[str]:
    """The sections of what a key takes, if that has keys of its own."""
    if parses_itself(t):
        return []
    if isinstance(t, type) and attrs.has(t):
        return _section(f"{path}.", t, f"`{path}`")
    arguments = get_args(t)
    if get_origin(t) is tuple:
        return _below(f"{path}.NAME" if named_by(arguments[0]) else f"{path}[]", arguments[0])
    if _is_tagged(t):
        lines = []
        for kind, load in kinds_of(t).items():
            lines += _section(f"{path}.", load(), f"`{path}`, `kind: {kind}`")
        return lines
    if get_origin(t) in (Union, types.UnionType):
        return [line for a in arguments for line in _below(path, a)]
    return []


def _is_tagged(t: Any) -> bool:
    return get_origin(t) in (Union, types.UnionType) and all(isinstance(a, type) and attrs.has(a) for a in get_args(t))


def _takes(field: Any) -> str:
    words = _words(field.type)
    limits = bounds(field)
    signs = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    said = ", ".join(f"{signs[key]} {limit:,}" for key, limit in sorted(limits.items(), reverse=True) if key in signs)
    return _cell(f"{words}, {said}" if said else words)


def _words(t: Any) -> str:
    if t in WORDS:
        return WORDS[t]
    if parses_itself(t):
        return PARSED.get(t.__name__, "text")
    arguments, origin = get_args(t), get_origin(t)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        return "mapping of names to terms" if named_by(arguments[0]) else "list"
    if origin is dict or _is_tagged(t) or attrs.has(t):
        return "mapping" if not hasattr(t, "from_text") else f"mapping, or text like `{t.EXAMPLE}`"
    words = [_words(a) for a in arguments]
    if set(arguments) & {Bytes, Nanoseconds, Fraction, BytesPerSecond} and type(None) in arguments:
        words = [word if word != "null" else "`max`" for word in words]
    return " or ".join(word for word in words if word != "null")


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return "*required*"
    default = default_of(field)
    if default is None:
        return "none"
    if isinstance(default, dict | list):
        return "see below" if default else f"`{default}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")
