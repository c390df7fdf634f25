"""YAML text to plain values that know where they stand: file, line and column of every key and value.

The text may come from a stranger: nesting, size, aliases and duplicate keys are checked before anything is built.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from swaptiers.errors import ConfigError
from swaptiers.units import shown

MAX_TEXT = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 20_000
"""Values in a config: one with this many is read in about two seconds."""
PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
Path_ = tuple[str | int, ...]


@attrs.frozen
class Place:
    """Where something stands. `line` and `column` are 1-based, None where there is no text (a --set option)."""

    file: str
    line: int | None = None
    column: int | None = None

    def error(self, what: str) -> ConfigError:
        return ConfigError(what, file=self.file, line=self.line, column=self.column)


@attrs.define
class Node:
    """A value and its place. `value`: a scalar, a list of Nodes, or a dict of Nodes; `keys`: where each key stands."""

    value: Any
    place: Place
    keys: dict[str, Place] = attrs.field(factory=dict)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def count(self) -> int:
        """How many values there are in it, itself among them."""
        inner: list[Node] = []
        if isinstance(self.value, dict | list):
            inner = list(self.value.values()) if isinstance(self.value, dict) else self.value
        return 1 + sum(node.count() for node in inner)

    def place_of(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Where the value at `path` stands (its key with `key`), or the deepest part of the path that there is."""
        node, place = self, self.place
        for index, step in enumerate(path):
            inner = _step(node, step)
            if inner is None:
                return place
            name, node = inner
            place = node.place
            if key and index == len(path) - 1 and name in self.place_keys(path[:-1]):
                place = self.place_keys(path[:-1])[name]
        return place

    def place_keys(self, path: Sequence[str | int]) -> dict[Any, Place]:
        node = self
        for step in path:
            inner = _step(node, step)
            if inner is None:
                return {}
            node = inner[1]
        return node.keys


def _step(node: Node, step: str | int) -> tuple[str | int, Node] | None:
    if isinstance(node.value, dict) and step in node.value:
        return step, node.value[str(step)]
    if isinstance(node.value, list) and isinstance(step, int) and 0 <= step < len(node.value):
        return step, node.value[step]
    return None


def load_document(path: str | os.PathLike[str]) -> Node:
    """The config in a file, a mapping at its top. Raises ConfigError."""
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_TEXT + 1)  # whatever size it says it has: it may be a device
        if len(data) > MAX_TEXT:
            raise ConfigError(f"a config of at most {MAX_TEXT >> 20} MiB is wanted", file=name)
        text = data.decode("utf-8")
    except ConfigError:
        raise
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} is not UTF-8; save the file as UTF-8", file=name) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"can't be read: {reason}", file=name) from error
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Node:
    """The config in a text; `name` stands for its file in errors."""
    node = parse_node(text, Place(name, 1, 1))
    if not isinstance(node.value, dict):
        raise node.place.error("the config is a mapping of keys, like `tiers:`; see `swaptiers init` for one")
    return node


def parse_node(text: str, start: Place, *, located: bool = True) -> Node:
    """One YAML value. `located` False: the text is an option, without lines."""
    try:
        _check_events(text, start)
        tree = YAML(typ="safe", pure=True).compose(text)
    except ConfigError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(start.file, mark.line + 1, mark.column + 1) if mark and located else start
        raise place.error(f"this is not YAML: {error.problem or error.context}") from error
    except (YAMLError, ValueError, RecursionError, AssertionError, IndexError) as error:
        raise start.error(
            f"this is not YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
    if tree is None:
        raise start.error("the text is empty; see `swaptiers init` for a config to start from")
    return _Builder(start.file, located).build(tree, 0)


def _check_events(text: str, start: Place) -> None:
    """Depth, size, anchors and number of documents, found without recursion before anything recursive looks at the text."""
    depth = documents = values = 0
    anchors: set[str] = set()
    events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
    for event in events:
        mark = event.start_mark
        place = Place(start.file, mark.line + 1, mark.column + 1) if start.line else start
        values += isinstance(event, NodeEvent)
        if values > MAX_NODES:
            raise place.error(f"there are more than {MAX_NODES} values; a config needs some hundreds")
        if isinstance(event, AliasEvent):
            if event.anchor not in anchors:
                raise place.error(f"the alias {shown(event.anchor)} has no anchor above it")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            if event.anchor in anchors:
                raise place.error(f"the anchor {shown(event.anchor)} is here a second time; give it another name")
            anchors.add(event.anchor)
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise place.error(f"nested deeper than {MAX_DEPTH} levels; a config needs about six")
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        elif isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Place(start.file, mark.line + 1, 1).error(
                    "a second document starts here; a config is one document"
                )


class _Builder:
    """From ruamel's nodes to ours, with a bound on what aliases may expand to."""

    def __init__(self, file: str, located: bool) -> None:
        self._file = file
        self._located = located
        self._nodes = 0

    def _place(self, node: Any) -> Place:
        if not self._located:
            return Place(self._file)
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def build(self, node: Any, depth: int) -> Node:
        self._nodes += 1
        place = self._place(node)
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise place.error(f"its aliases expand to more than {MAX_NODES} values; write the values out")
        if not isinstance(node, ScalarNode) and str(node.tag) not in PLAIN_TAGS:
            raise _no_tag(node, place)
        if isinstance(node, MappingNode):
            return self._mapping(node, place, depth)
        if isinstance(node, SequenceNode):
            return Node([self.build(each, depth + 1) for each in node.value], place)
        assert isinstance(node, ScalarNode)
        return Node(self._scalar(node, place), place)

    def _mapping(self, node: Any, place: Place, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for key_node, value_node in node.value:
            where = self._place(key_node)
            if not isinstance(key_node, ScalarNode):
                raise where.error("a key is a plain word")
            key = _characters(key_node.value, where)
            if key == "<<":
                raise where.error("merge keys are not taken; use variants, or write the keys out")
            if key in values:
                raise where.error(
                    f"the key {shown(key)} is here a second time (first in line {keys[key].line}); keep one"
                )
            keys[key] = where
            values[key] = self.build(value_node, depth + 1)
        return Node(values, place, keys)

    def _scalar(self, node: Any, place: Place) -> Any:
        kind = str(node.tag).rsplit(":", 1)[-1] if node.tag is not None else "str"
        text = str(node.value)
        if kind == "str":
            return _characters(text, place)
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return text.lower() == "true"
            if kind == "int":
                return _integer(text)
            if kind == "float":
                return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError as error:
            raise place.error(f"{text[:40]!r} is not a number of less than 40 digits") from error
        raise _no_tag(node, place)


def _characters(text: str, place: Place) -> str:
    """A text in which two escapes may stand for one character, as in JSON."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise place.error("an escape in this text is half of a character; write the character itself") from error


def _no_tag(node: Any, place: Place) -> ConfigError:
    return place.error(f"the tag {str(node.tag)[:40]} is not taken; write a plain value")


def _integer(text: str) -> int:
    plain = text.replace("_", "")
    if len(plain) > 40:
        raise ValueError("too long")
    return int(plain, 0) if plain.lower().lstrip("+-")[:2] in ("0x", "0o", "0b") else int(plain)
