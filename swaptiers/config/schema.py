"""A JSON schema of a model, for editors: what keys there are, what they take, what they mean.

It is draft 7, which every editor knows. It says what can be said about one key at a time; what is wrong with a config as a
whole (a cycle of edges, an unknown tier) only loading it says.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from swaptiers.config.meanings import meanings, subject
from swaptiers.config.structure import key_of, kinds_of, named_by, parses_itself
from swaptiers.config.unstructure import written
from swaptiers.units import Bytes, BytesPerSecond, Fraction, Nanoseconds

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"

_SIZE = r"\d+(\.\d+)?\s*[KMGTPkmgtp]?(i?B)?"
_UNITS: dict[Any, Schema] = {
    Bytes: {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": rf"^\s*{_SIZE}\s*$"}]},
    Nanoseconds: {
        "anyOf": [{"const": 0}, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ns|us|µs|ms|s|min|h)\s*$"}]
    },
    BytesPerSecond: {"type": "string", "pattern": rf"^\s*{_SIZE}\s*/s\s*$"},
    Fraction: {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"},
}
_SCALARS: dict[Any, Schema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    type(None): {"type": "null"},
    Any: {},
}
_BOUNDS = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}


def json_schema(model: type[Any]) -> Schema:
    """The schema of documents that `structure` makes a `model` of, with every model in it under `definitions`."""
    writer = SchemaWriter()
    whole = writer.of(model)
    return {"$schema": DRAFT, **whole, "definitions": writer.definitions}


class SchemaWriter:
    """Writes schemas of types; those of models become `definitions`, which it gathers.

    A model is written twice where it is asked for both ways: complete, and as changes over a complete one (`changes`), in
    which no key is required.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def of(self, t: Any, *, changes: bool = False) -> Schema:
        """The schema of a type, as `structure` reads it."""
        if t in _UNITS or t in _SCALARS:
            return dict(_UNITS.get(t) or _SCALARS[t])
        if parses_itself(t):
            return dict(getattr(t, "SCHEMA", {"type": ["string", "number"]}))
        if isinstance(t, type) and attrs.has(t):
            return self._defined(t.__name__, changes, lambda: self._model(t, changes))
        arguments = get_args(t)
        origin: Any = get_origin(t)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is dict:
            return {"type": ["object", "null"], "additionalProperties": self.of(arguments[1], changes=changes)}
        if origin is tuple:
            return self._several(arguments[0], changes)
        if origin in (Union, types.UnionType):
            return self._union(t, arguments, changes)
        raise TypeError(f"{t} has no schema")

    def _defined(self, name: str, changes: bool, write: Callable[[], Schema]) -> Schema:
        """A reference to a definition, which is written if it is not there yet."""
        name = f"{name}-changed" if changes else name
        if name not in self.definitions:
            self.definitions[name] = {}  # it may be in itself
            self.definitions[name] = write()
        return {"$ref": f"#/definitions/{name}"}

    def _several(self, item: Any, changes: bool) -> Schema:
        """A list (which a change replaces whole), or a mapping of names to terms."""
        if named_by(item) is None:
            return {"type": "array", "items": self.of(item)}
        terms = self.of(item, changes=changes)
        return {"type": ["object", "null"], "additionalProperties": terms}

    def _union(self, t: Any, arguments: tuple[Any, ...], changes: bool) -> Schema:
        if all(isinstance(a, type) and attrs.has(a) for a in arguments):
            kinds = kinds_of(t)
            return self._defined("-or-".join(kinds), changes, lambda: self._of_kinds(kinds, changes))
        rest = [a for a in arguments if a is not type(None)]
        if len(rest) < len(arguments) and rest[0] in _UNITS:
            return {"anyOf": [self.of(rest[0]), {"enum": ["max", None]}]}
        if any(get_origin(a) is tuple for a in rest):
            return self.of(rest[0], changes=changes)
        return {"anyOf": [self.of(a, changes=changes) for a in arguments]}

    def _of_kinds(self, kinds: dict[str, Callable[[], type[Any]]], changes: bool) -> Schema:
        """By `kind`; a change that does not name it may have the keys of any."""
        models = {kind: load() for kind, load in kinds.items()}
        schema: Schema = {
            "type": "object",
            "properties": {
                "kind": {"enum": list(models), "description": "Which kind it is: it decides about the other keys."}
            },
            "allOf": [
                {
                    "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                    "then": self.of(model, changes=changes),
                }
                for kind, model in models.items()
            ],
        }
        if not changes:
            return {**schema, "required": ["kind"]}
        keys = {key_of(field): True for model in models.values() for field in _written_fields(model)}
        return {
            "if": {"required": ["kind"]},
            "then": schema,
            "else": {"type": "object", "properties": keys, "additionalProperties": False},
        }

    def _model(self, model: type[Any], changes: bool) -> Schema:
        fields, about = _written_fields(model), meanings(model)
        types_ = ["object"]
        if hasattr(model, "from_text"):
            types_.append("string")
        required = [key_of(field) for field in fields if field.default is attrs.NOTHING]
        if not required or changes:
            types_.append("null")
        schema: Schema = {
            "type": types_,
            "properties": {key_of(field): self._key(field, about[field.name], changes) for field in fields},
            "additionalProperties": False,
        }
        if words := subject(model):
            schema["description"] = words
        return schema if changes or not required else {**schema, "required": required}

    def _key(self, field: Any, meaning: str, changes: bool) -> Schema:
        schema = self.of(field.type, changes=changes)
        if "schema" in field.metadata:
            schema = field.metadata["schema"]()
        if field.metadata.get("zero_one"):
            schema = {"enum": [True, False, 0, 1]}
        if "$ref" in schema:  # beside which draft 7 passes everything over
            schema = {"allOf": [schema]}
        schema = {**schema, **bounds(field)}
        default = default_of(field)
        if default is not None:
            schema["default"] = default
        if meaning:
            schema["description"] = meaning
        return schema


def _written_fields(model: type[Any]) -> list[Any]:
    """The fields that a mapping of a model's terms has: not the one that is the key above it."""
    return [field for field in attrs.fields(attrs.resolve_types(model)) if not field.metadata.get("names")]


def default_of(field: Any) -> Any:
    """The default of a key as a config would have it; None where there is none, or it is to have none."""
    default: Any = field.default
    if default is attrs.NOTHING:
        return None
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    return written(default, field)


def bounds(field: Any) -> Schema:
    """The least and the most that a number may be, by its validators."""
    found: Schema = {}
    pending: list[Any] = [field.validator]
    while pending:
        validator: Any = pending.pop()
        if hasattr(validator, "compare_op"):
            found[_BOUNDS[validator.compare_op]] = validator.bound
        if hasattr(validator, "options"):
            found["enum"] = list(validator.options)
        pending += [getattr(validator, "validator", None)] if hasattr(validator, "validator") else []
        pending += list(getattr(validator, "_validators", ()))
    return found


__all__ = ["DRAFT", "Schema", "SchemaWriter", "bounds", "default_of", "json_schema"]
