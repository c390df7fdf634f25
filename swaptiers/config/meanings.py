"""What each key means: the sentences about it in its model's docstring, which stand there as "`key`: ..."."""

from __future__ import annotations

import inspect
import re
from typing import Any

import attrs

_NAMES = re.compile(r"(?<![\w`])(`\w+`(?:(?:, | and |, and )`\w+`)*)( \([^()]*\))?: ")
"""One name or several, maybe with a word in brackets about when it counts, and a colon."""


def meanings(model: type[Any]) -> dict[str, str]:
    """Field name -> what the docstrings of the model and its bases say about it; "" for what none of them names.

    None is null there, as configs have it.
    """
    found = {field.name: "" for field in attrs.fields(model)}
    for base in reversed(model.__mro__):
        if attrs.has(base):
            found.update(_in_docstring(base, found))
    return found


def subject(model: type[Any]) -> str:
    """What the docstring says about the model as a whole: the paragraphs up to its first key."""
    text = inspect.cleandoc(model.__doc__ or "")
    paragraphs = []
    for paragraph in text.split("\n\n"):
        sentence = " ".join(paragraph.split())
        match = _first(sentence, {field.name for field in attrs.fields(model)})
        paragraphs.append(sentence if match is None else sentence[: match.start()].strip())
        if match is not None:
            break
    return "\n\n".join(filter(None, paragraphs))


def _first(text: str, names: set[str]) -> re.Match[str] | None:
    return next((match for match in _NAMES.finditer(text) if set(_named(match)) <= names), None)


def _in_docstring(model: type[Any], fields: dict[str, str]) -> dict[str, str]:
    found = {}
    for paragraph in inspect.cleandoc(model.__doc__ or "").split("\n\n"):
        text = " ".join(paragraph.split())
        matches = [match for match in _NAMES.finditer(text) if set(_named(match)) <= fields.keys()]
        ends = [*(match.start() for match in matches), len(text)][1:]
        for match, end in zip(matches, ends, strict=False):
            sentences = text[match.end() : end].strip(" ;").replace("None", "null")
            about = f"{match[2].strip()} {sentences}" if match[2] else sentences
            found.update(dict.fromkeys(_named(match), about))
    return found


def _named(match: re.Match[str]) -> list[str]:
    return re.findall(r"`(\w+)`", match[1])
