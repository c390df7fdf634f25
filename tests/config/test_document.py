"""The limits of a config's text: what a stranger's file may not do, and what looks odd but is fine."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from swaptiers.config import load_document, parse_document
from swaptiers.config.document import MAX_DEPTH, MAX_NODES, MAX_TEXT
from swaptiers.errors import ConfigError

TOKENS = (
    "a", "k: ", ": ", "- ", "\n", "\n  ", "{", "}", "[", "]", ",", "&a ", "*a", "!x ", "!!int ", "!!set ", "!!binary ", "!<tag:x> ",
    "|", ">-", "|9", '"', "'", "\\x41", "\\U00110000", "%YAML 9.9\n", "%TAG ! x\n", "---", "...", "? ", "# c", "\t", "\ufeff",
    "\x85", "\u2028", "\r", "\x07", "<<: ", "~", "null", "yes", "0x", "0xg", "1_", "__", ".inf", ".nan", "1e999", "-", "1:2",
    "2001-01-01", "=", "@", "0b2", "1" * 50, "\u0661", "é", " ",
)  # fmt: skip


@settings(max_examples=200)
@given(some.lists(some.sampled_from(TOKENS), max_size=14).map("".join))
def test_any_pieces_of_yaml_are_a_document_or_a_config_error(text: str) -> None:
    """Random letters seldom reach the parser's corners; its own signs in random order do."""
    try:
        parse_document(text, "f").plain()
    except ConfigError as error:
        assert error.file == "f"
        assert error.line is not None
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", (4, 3), "'c' is here a second time .first in line 3."),
        ("a: 1\n'a': 2\n", (2, 1), "'a' is here a second time"),
        ("{a: 1, a: 2}", (1, 8), "second time"),
        ("1: x\n0x1: y\n1: z\n", (3, 1), "'1' is here a second time"),
        ("? [a]\n: 1\n", (1, 3), "a key is a plain word"),
        ("? {a: 1}\n: 1\n", (1, 3), "a key is a plain word"),
        ("a: &x {b: 1}\n<<: *x\n", (2, 1), "merge keys are not taken"),
        ("a: *nothing\n", (1, 4), "the alias .nothing. has no anchor above it"),
        ("a: [&x 1, &x 2]\n", (1, 11), "the anchor 'x' is here a second time"),
        ('a: "\\ud83d"\n', (1, 4), "half of a character"),
        ('"\\udc00": 1\n', (1, 1), "half of a character"),
        ("a: &x [*x]\n", (1, 4), "aliases expand|found"),
        ("a: " + "9" * 41 + "\n", (1, 4), "not a number of less than 40 digits"),
        ("a: 0x" + "f" * 100 + "\n", (1, 4), "not a number of less than 40 digits"),
        ("a: !!python/object/apply:os.system [id]\n", (1, 4), "tag"),
        ("a: !!set {b, c}\n", (1, 4), "tag"),
        ("a: !mine {b: 1}\n", (1, 4), "the tag !mine is not taken"),
        ("a: 2026-01-01\n", (1, 4), "tag"),
        ("a: !!binary aGk=\n", (1, 4), "tag"),
        ("a: 1\n--- \nb: 2\n", (2, 1), "second document"),
        ("a: b: c\n", (1, 5), "not YAML"),
        ("a: 'x\n", (2, 1), "not YAML"),
        ("a:\n\t- 1\n", (2, 1), "not YAML"),
        ("", (1, 1), "empty"),
        ("---\n", (2, 1), "mapping"),
        ("just words\n", (1, 1), "mapping"),
        ("[1, 2]\n", (1, 1), "mapping"),
    ],
)
def test_places_of_errors(text: str, place: tuple[int, int], words: str) -> None:
    """The line and column that an editor would jump to."""
    with pytest.raises(ConfigError, match=words) as caught:
        parse_document(text, "f")
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 3000 + "]" * 3000,
        "a: " + "{b: " * 3000 + "1" + "}" * 3000,
        "".join(" " * level + "a:\n" for level in range(3000)),
        "".join(" " * 2 * level + "- a:\n" for level in range(1000)),
        "- " * 3000,
        "a: " + "[" * 3000,
    ],
    ids=["lists", "mappings", "blocks", "lists of blocks", "dashes", "unfinished"],
)
def test_deep_nesting(text: str) -> None:
    """Found while reading, before recursion meets it: no RecursionError, no crash."""
    with pytest.raises(ConfigError, match=f"nested deeper than {MAX_DEPTH}|not YAML|second time"):
        parse_document(text, "f")


@pytest.mark.parametrize("width", [9, 100])
def test_alias_bombs(width: int) -> None:
    """A few hundred bytes that mean billions of values are refused after the first hundred thousand."""
    names = "abcdefghi"
    first = f"a: &a [{','.join(['1'] * width)}]\n"
    rest = "".join(f"{b}: &{b} [{','.join([f'*{a}'] * width)}]\n" for a, b in itertools.pairwise(names))
    with pytest.raises(ConfigError, match=f"aliases expand to more than {MAX_NODES} values"):
        parse_document(first + rest, "f")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("\ufeffa: 1\n", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("/web: {memory.max: 1}\n", {"/web": {"memory.max": 1}}),
        ("é: ü\n", {"é": "ü"}),
        ('{"\\ud83d\\ude00": "\\ud83d\\ude00"}\n', {"\U0001f600": "\U0001f600"}),
        ("a: " + "9" * 39, {"a": int("9" * 39)}),
        ("a: [" + "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2) + "]\n", None),
    ],
)  # fmt: skip
def test_what_is_fine(text: str, value: Any) -> None:
    """The checks above must not take honest files for hostile ones."""
    found = parse_document(text, "f").plain()
    assert value is None or found == value


def test_files(tmp_path: Path) -> None:
    """No file, a folder, too large a file, no UTF-8: the file is named, and the reason."""
    for name, content, words in (
        ("large.yaml", b"a" * (MAX_TEXT + 1), "at most 1 MiB"),
        ("latin.yaml", b"a: \xe9\n", "byte 3 is not UTF-8"),
        ("utf16.yaml", "a: 1\n".encode("utf-16"), "byte 0 is not UTF-8"),
        ("zero.yaml", b"a: \x00\n", "not YAML"),
        ("missing.yaml", None, "can't be read: No such file"),
        ("folder.yaml", ..., "can't be read: Is a directory"),
        ("a\0b.yaml", None, "can't be read: .*null"),
    ):
        path = tmp_path / name
        if content is ...:
            path.mkdir()
        elif isinstance(content, bytes):
            path.write_bytes(content)
        with pytest.raises(ConfigError, match=words) as caught:
            load_document(path)
        assert caught.value.file == str(path)
