"""The parts of pages that are made from the code when the site is built: a comment marks the place of each."""

from __future__ import annotations

from collections.abc import Callable

import api
import command_line
import keys
from sphinx.application import Sphinx

PARTS: dict[str, Callable[[], str]] = {
    "<!-- generated: keys -->": keys.text,
    "<!-- generated: command line -->": command_line.text,
    "<!-- generated: api -->": api.text,
}


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the generated text where its mark is."""
    for mark, text in PARTS.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, text())


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
