"""From a document to checked values of the models, and back.

cattrs builds the values; nothing is coerced ("no" is not false, "5" is not 5), and of all that is wrong the first in the
text is reported, with its place.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_mapping_structure_fn, override

from swaptiers.config.document import Node
from swaptiers.errors import ConfigError
from swaptiers.units import (
    Bytes,
    BytesPerSecond,
    Fraction,
    Nanoseconds,
    parse_bytes,
    parse_fraction,
    parse_nanoseconds,
    parse_rate,
    shown,
)

T = TypeVar("T")
Path = tuple[str | int, ...]


def key_of(field: Any) -> str:
    """The key that a field has in a config."""
    return str(field.metadata.get("key", field.name))


def keys_of(model: type[Any]) -> set[str]:
    """Every key that a model and the models in it know."""
    return {key_of(field) for field in _fields_in(model)}


def _fields_in(model: type[Any]) -> Iterator[Any]:
    """The fields of a model and of all models in it."""
    queue: list[Any] = [model]
    seen: set[Any] = set()
    while queue:
        at = queue.pop()
        if at in seen:
            continue
        seen.add(at)
        if isinstance(at, type) and attrs.has(at) and not parses_itself(at):
            fields = attrs.fields(attrs.resolve_types(at))
            yield from fields
            queue.extend(field.type for field in fields)
        queue.extend(get_args(at))


def structure(document: Node, model: type[T]) -> T:
    """The document as a `model`. Raises ConfigError at the first thing that is wrong."""
    converter = _converter()
    try:
        return converter.structure(document.plain(), model)
    except Exception as error:
        finder = _Finder(document, {field.name: key_of(field) for field in _fields_in(model)})
        problems = [finder.located(path, cause) for path, cause in _causes(error, ())]
        raise min(problems, key=lambda problem: (problem.line or 0, problem.column or 0)) from None


def _causes(error: BaseException, path: Path) -> Iterator[tuple[Path, BaseException]]:
    """The leaves of cattrs' groups, each with the path to it. Of several notes on one error the outermost came last."""
    for note in reversed(getattr(error, "__notes__", [])):
        if isinstance(note, AttributeValidationNote | IterableValidationNote):
            path = (*path, note.name if isinstance(note, AttributeValidationNote) else note.index)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner, path)
    else:
        yield path, error


class _Finder:
    """Where in the document, and in which words, an error of the models is. `keys`: field name -> key."""

    def __init__(self, document: Node, keys: dict[str, str]) -> None:
        self._document = document
        self._keys = keys

    def located(self, path: Path, cause: BaseException) -> ConfigError:
        path = self._in_yaml(path)
        name = path[-1] if path and isinstance(path[-1], str) else ""
        if isinstance(cause, ForbiddenExtraKeysError):
            extra = min(cause.extra_fields, key=lambda key: self._order((*path, key)))
            valid = _keys_in_terms(cause.cl)
            return self._document.place_of((*path, extra), key=True).error(_unknown(extra, valid))
        if isinstance(cause, KeyError):
            whose = path[-2] if len(path) > 1 and isinstance(path[-2], str) else "this"
            return self._document.place_of(path[:-1]).error(f"{whose}: the key {shown(cause.args[0])} is missing")
        match = re.match(r"'(\w+)' must be (.*): (.*)$", str(cause))
        if match:
            what = f"{self._keys.get(match[1], match[1])} must be {match[2]}, not {match[3]}"
            return self._document.place_of(self._in_yaml((*path, match[1]))).error(what)
        text = str(cause) or type(cause).__name__
        return self._document.place_of(path, key=self._is_mapping(path)).error(
            f"{name}: {text}" if name.isprintable() and name else text
        )

    def _is_mapping(self, path: Path) -> bool:
        """An error about a mapping as a whole stands at its key."""
        return bool(self._document.place_keys(path))

    def _order(self, path: Path) -> tuple[int, int]:
        place = self._document.place_of(path, key=True)
        return place.line or 0, place.column or 0

    def _in_yaml(self, path: Path) -> Path:
        """The path with the keys as the document spells them."""
        steps: list[str | int] = []
        node: Node | None = self._document
        for step in path:
            spelled: str | int = step
            if node is not None and isinstance(node.value, dict) and step not in node.value:
                spelled = self._keys.get(str(step), step)
            inner = None
            if node is not None and isinstance(node.value, dict):
                inner = node.value.get(spelled)
            elif node is not None and isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                inner = node.value[step]
            node = inner
            steps.append(spelled)
        return tuple(steps)


def _keys_in_terms(model: type[Any]) -> list[str]:
    """The keys that a mapping of a model's terms has: all but the one that stands before it, as its name."""
    return [key_of(field) for field in attrs.fields(model) if not field.metadata.get("names")]


def _unknown(key: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(str(key), valid, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(valid)}"
    return f"there is no key {shown(key)} here; {hint}"


# hooks


@functools.cache
def _converter() -> cattrs.Converter:
    """One for all documents: making its hooks costs more than most documents."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    strict: list[tuple[Any, Callable[[Any], Any]]] = [
        (int, _integer),
        (float, _number),
        (bool, _truth),
        (str, _text),
    ]
    for kind, parse in strict:
        converter.register_structure_hook(kind, _with(parse))
    units: list[tuple[Any, Callable[[Any], Any]]] = [
        (Bytes, parse_bytes),
        (Nanoseconds, parse_nanoseconds),
        (BytesPerSecond, parse_rate),
        (Fraction, parse_fraction),
    ]
    for kind, parse in units:
        converter.register_structure_hook_func(_is(kind), _with(parse))
        converter.register_structure_hook_func(_is_optional(kind), _with(_or_max(parse)))
    converter.register_structure_hook_func(_is_literal, _choice)
    converter.register_structure_hook_func(lambda t: _is_union(t) and _is_literal_or_time(t), _end_or_time)
    converter.register_structure_hook_func(_is_tagged, lambda value, t: _tagged(converter, value, t))
    converter.register_structure_hook_func(_is_contents, lambda value, _: _contents(value))
    converter.register_structure_hook_func(_is_sequence, lambda value, t: _sequence(converter, value, t))
    converter.register_structure_hook_func(
        lambda t: _is_union(t) and any(_is_sequence(a) for a in get_args(t)),
        lambda value, t: _sequence(converter, value, next(a for a in get_args(t) if _is_sequence(a))),
    )
    converter.register_structure_hook_factory(_is_mapping, lambda t: _mapping_hook(converter, t))
    converter.register_structure_hook_factory(attrs.has, lambda model: _class_hook(converter, model))
    converter.register_structure_hook_func(parses_itself, lambda value, t: t.parse(value))
    return converter


def _with(parse: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: parse(value)


def _is(kind: Any) -> Callable[[Any], bool]:
    return lambda t: bool(t is kind)


def _is_optional(kind: Any) -> Callable[[Any], bool]:
    return lambda t: _is_union(t) and set(get_args(t)) == {kind, type(None)}


def _or_max(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value in (None, "max") else parse(value)


def parses_itself(t: Any) -> bool:
    """True for a class whose `parse` reads what a config has for it."""
    return isinstance(t, type) and attrs.has(t) and hasattr(t, "parse")


def _class_hook(converter: cattrs.Converter, model: type[Any]) -> Callable[[Any, Any], Any]:
    fields = attrs.fields(attrs.resolve_types(model))
    renames = {field.name: override(rename=key_of(field)) for field in fields if key_of(field) != field.name}
    switches = {key_of(field) for field in fields if field.metadata.get("zero_one")}  # as the kernel's files have them
    build = make_dict_structure_fn(model, converter, _cattrs_forbid_extra_keys=True, **renames)  # type: ignore[arg-type]

    def hook(value: Any, kind: Any) -> Any:
        if isinstance(value, str) and hasattr(model, "from_text"):
            return model.from_text(value)
        if value is None and all(field.default is not attrs.NOTHING for field in fields):
            value = {}
        if not isinstance(value, dict):
            short = f"text like {model.EXAMPLE!r}, or " if hasattr(model, "from_text") else ""
            raise ValueError(f"{short}a mapping is wanted, with the keys {', '.join(_keys_in_terms(model))}")
        return build({key: bool(v) if key in switches and v in (0, 1) else v for key, v in value.items()}, kind)

    return hook


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"a whole number is wanted, not {shown(value)}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a number is wanted, not {shown(value)}")
    return float(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"true or false is wanted, not {shown(value)}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a text is wanted, not {shown(value)}; put it in quotes if that is meant")
    return value


def _is_literal(t: Any) -> bool:
    origin: Any = get_origin(t)
    return bool(origin is Literal)


def _is_union(t: Any) -> bool:
    return get_origin(t) in (Union, types.UnionType)


def _is_literal_or_time(t: Any) -> bool:
    return Nanoseconds in get_args(t) and any(get_origin(a) is Literal for a in get_args(t))


def _end_or_time(value: Any, _: Any) -> Any:
    return value if value == "end" else parse_nanoseconds(value)


def _choice(value: Any, t: Any) -> Any:
    choices = get_args(t)
    if any(value == choice and type(value) is type(choice) for choice in choices):
        return value
    near = difflib.get_close_matches(str(value), [str(choice) for choice in choices], 1)
    hint = f"; did you mean {near[0]!r}?" if near and isinstance(value, str) else ""
    raise ValueError(f"{' or '.join(repr(choice) for choice in choices)} is wanted, not {shown(value)}{hint}")


@functools.cache
def _kinds(t: Any) -> dict[str, type[Any]]:
    """Kind -> class, of a union of classes that each have a `kind: Literal[...]`."""
    return {
        get_args(typing.get_type_hints(model)["kind"])[0]: model
        for model in get_args(t)
        if attrs.has(model) and "kind" in attrs.fields_dict(model)
    }


def _is_tagged(t: Any) -> bool:
    return _is_union(t) and all(isinstance(a, type) and attrs.has(a) for a in get_args(t))


def _tagged(converter: cattrs.Converter, value: Any, t: Any) -> Any:
    kinds = _kinds(t)
    if not isinstance(value, dict):
        raise ValueError(f"a mapping with a `kind` is wanted: {', '.join(kinds)}")
    if "kind" not in value:
        raise ValueError(f"the key 'kind' is missing: {', '.join(kinds)}")
    try:
        model = _model(value["kind"], kinds, t)
    except ValueError as error:
        error.add_note(AttributeValidationNote("kind", "kind", str))
        raise
    return converter.structure(value, model)


def kinds_of(t: Any) -> dict[str, Callable[[], type[Any]]]:
    """Kind -> what loads its class: ours, and those that installed packages add."""
    ours: dict[str, type[Any]] = _kinds(t)
    found: dict[str, Callable[[], type[Any]]] = {kind: functools.partial(lambda m: m, m) for kind, m in ours.items()}
    for model in get_args(t):
        found |= getattr(model, "installed_kinds", dict)()
    return found


def _model(kind: Any, kinds: dict[str, type[Any]], t: Any) -> type[Any]:
    """The class of a kind: one of ours, or one that an installed package adds."""
    if isinstance(kind, str) and kind in kinds:
        return kinds[kind]
    known = kinds_of(t)
    return known[_choice(kind, Literal[tuple(known)])]()


def _is_contents(t: Any) -> bool:
    return _is_union(t) and str in get_args(t) and any(get_origin(a) is dict for a in get_args(t))


def _contents(value: Any) -> Any:
    if not isinstance(value, str | dict):
        raise ValueError("contents are a name like mixed, or a mapping like {mix: {text: 50%, random: 50%}}")
    return value


def _is_mapping(t: Any) -> bool:
    return get_origin(t) is dict


def _mapping_hook(converter: cattrs.Converter, t: Any) -> Callable[[Any, Any], Any]:
    build = make_mapping_structure_fn(t, converter, dict)  # the converter's own would take this hook's place

    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, dict | None):
            raise ValueError(f"a mapping of names to values is wanted, not {shown(value)}")
        return build(value or {}, kind)

    return hook


def _is_sequence(t: Any) -> bool:
    return get_origin(t) is tuple and len(get_args(t)) == 2 and get_args(t)[1] is Ellipsis


def _sequence(converter: cattrs.Converter, value: Any, t: Any) -> Any:
    """A list, or (for models that are named by a key) a mapping of name to terms."""
    item = get_args(t)[0]
    name = named_by(item)
    if name is not None and isinstance(value, dict):
        pairs: list[tuple[Any, Any]] = list(value.items())
    elif name is None and isinstance(value, list):
        pairs = list(enumerate(value))
    elif value is None and name is not None:
        pairs = []
    else:
        wanted = "a list" if name is None else f"a mapping of {name}s to their terms"
        raise ValueError(
            f"{wanted} is wanted" + ("; write [] for none" if value is None else f", not {shown(value)}"[:60])
        )
    made, errors = [], []
    for step, terms in pairs:
        try:
            made.append(converter.structure(terms if name is None else _with_name(terms, name, step), item))
        except Exception as error:
            error.add_note(IterableValidationNote("", step, item))
            errors.append(error)
    if errors:
        raise IterableValidationError("", errors, item)
    return tuple(made)


def _with_name(terms: Any, name: str, key: str) -> Any:
    if terms is None:
        return {name: key}
    if not isinstance(terms, dict):
        return terms
    if name in terms:
        error = ValueError(f"it is {shown(key)}, as the key above says; leave this one out")
        error.add_note(AttributeValidationNote("", name, str))
        raise error
    return {**terms, name: key}


def named_by(item: Any) -> str | None:
    """The field that the key of a mapping becomes: a tier's name, a cgroup's path."""
    models = get_args(item) if _is_union(item) else (item,)
    for model in models:
        for field in attrs.fields(model) if attrs.has(model) else ():
            if field.metadata.get("names"):
                return str(field.name)
    return None
