"""Changes over a document: variants, and single keys from the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from swaptiers.config.document import Node, Place, parse_node
from swaptiers.errors import ConfigError
from swaptiers.units import shown


def with_overlay(base: Node, overlay: Node) -> Node:
    """`overlay` over `base`: mappings are merged key by key, everything else is replaced whole. Places are kept."""
    if not isinstance(base.value, dict) or not isinstance(overlay.value, dict):
        return overlay
    values, keys = dict(base.value), dict(base.keys)
    for key, node in overlay.value.items():
        values[key] = with_overlay(values[key], node) if key in values else node
        keys[key] = overlay.keys[key]
    return Node(values, base.place, keys)


def with_set(base: Node, setting: str, known: Iterable[str]) -> Node:
    """`setting` is ``tiers.zswap.max_pool=64M``. Keys may contain dots themselves: the longest key that exists in the
    document or is among the `known` ones is taken first. Raises ConfigError."""
    path, equals, text = setting.partition("=")
    place = Place("--set " + "".join(letter if letter.isprintable() else " " for letter in setting[:80]))
    if not equals or not path:
        raise place.error("a setting is KEY=VALUE, like tiers.zswap.max_pool=64M")
    value = parse_node(text, place, located=False) if text.strip() else Node("", place)
    return _put(base, path.split("."), value, place, frozenset(known))


def _put(node: Node, parts: list[str], value: Node, place: Place, known: frozenset[str]) -> Node:
    if isinstance(node.value, list):
        return _put_in_list(node, parts, value, place, known)
    if node.value is None:
        node = Node({}, node.place)
    if not isinstance(node.value, dict):
        raise place.error(f"{shown('.'.join(parts))} can't be set: there is a single value above it, not a mapping")
    count = _longest(node, parts, known)
    key, rest = ".".join(parts[:count]), parts[count:]
    values, keys = dict(node.value), {**node.keys, key: place}
    if not rest:
        values[key] = value
    elif key in values or key in known:
        values[key] = _put(values.get(key, Node({}, place)), rest, value, place, known)
    else:
        raise _no_key(key, values, place)
    return Node(values, node.place, keys)


def _longest(node: Node, parts: list[str], known: frozenset[str]) -> int:
    for count in range(len(parts), 0, -1):
        key = ".".join(parts[:count])
        if key in node.value or (key in known and count == len(parts)):
            return count
    return 1


def _put_in_list(node: Node, parts: list[str], value: Node, place: Place, known: frozenset[str]) -> Node:
    first, rest = parts[0], parts[1:]
    if not first.isdecimal() or int(first) >= len(node.value):
        raise place.error(f"{shown(first)} is no place in this list of {len(node.value)}; they are counted from 0")
    items = list(node.value)
    items[int(first)] = _put(items[int(first)], rest, value, place, known) if rest else value
    return Node(items, node.place)


def _no_key(key: str, values: Iterable[str], place: Place) -> ConfigError:
    near = difflib.get_close_matches(key, list(values), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(values)}"
    return place.error(f"there is no key {shown(key)} here; {hint}")


def difference(base: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The overlay that makes `other` of `base`, for plain mappings where `other` lacks no key of `base`."""
    changes: dict[str, Any] = {}
    for key, value in other.items():
        if key not in base:
            changes[key] = value
        elif isinstance(value, dict) and isinstance(base[key], dict):
            inner = difference(base[key], value)
            if inner:
                changes[key] = inner
        elif value != base[key]:
            changes[key] = value
    return changes
