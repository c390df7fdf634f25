"""The frame of every page: sections one below the other, with tables, pictures and the scripts that draw them.

A section is made of blocks; what a page is about (a run, several, a sweep) only decides which sections it has.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib
import importlib.resources
import json
from collections.abc import Sequence
from typing import Any

import attrs

from swaptiers.report.page.charts import bare
from swaptiers.report.page.pictures import Picture

POLICY = (
    "default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy: the page asks nobody for anything, and runs no script but its own, which evaluates no text."""


@attrs.frozen(kw_only=True)
class Cell:
    """`value`: the number itself; `share`: of the row's largest, for a bar behind it; `best`: better in every repetition."""

    text: str
    value: float | None = None
    share: float = 0.0
    best: bool = False


@attrs.frozen(kw_only=True)
class Row:
    """A line of a table. Without cells it is the title of those below it."""

    label: str
    cells: Sequence[Cell] = ()


@attrs.frozen(kw_only=True)
class Table:
    """`name` tells it from the page's others."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Row]
    note: str = ""
    folded: str = ""
    """If not empty: what stands where it can be unfolded."""
    of_words: bool = False
    """Its cells are read, not compared."""
    kind: str = "table"


@attrs.frozen(kw_only=True)
class Text:
    """Lines as they are, folded behind `folded`."""

    text: str
    folded: str
    kind: str = "text"


@attrs.frozen(kw_only=True)
class Drawn:
    """A picture, with its data behind it."""

    picture: Picture
    kind: str = "picture"


@attrs.frozen(kw_only=True)
class Section:
    """`name`: its anchor."""

    name: str
    title: str
    note: str = ""
    blocks: Sequence[Table | Text | Drawn] = ()


@attrs.frozen(kw_only=True)
class Page:
    """`lead`: a few sentences on what it is about."""

    title: str
    lead: Sequence[str]
    sections: Sequence[Section]


def html_of(page: Page) -> str:
    """One file: no request to anybody, not even for a font."""
    jinja2: Any = importlib.import_module("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    markup: Any = importlib.import_module("markupsafe").Markup
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.from_string(_text_of("page.html.j2"))
    html: str = template.render(
        page=page,
        policy=POLICY.format(digest=digest),
        style=markup(_text_of("page.css")),
        script=markup(script),
        data=markup(_data(page)),
        svg=markup,
    )
    return html


@functools.cache
def _script() -> str:
    """Vega, Vega-Lite and Vega-Embed, once, and what draws the charts with them."""
    convert: Any = importlib.import_module("vl_convert")
    bundle: str = convert.javascript_bundle(_text_of("page.js"))
    for closing in ("</script", "<!--"):
        if closing in bundle.lower():
            raise AssertionError(f"the script has {closing!r} in it, which would end it")
    return bundle


def _data(page: Page) -> str:
    """Charts and what is in them, as JSON that can stand inside HTML."""
    pictures = [block.picture for section in page.sections for block in section.blocks if isinstance(block, Drawn)]
    data = {
        picture.name: [
            {
                "title": panel.title,
                "titles": panel.titles,
                "columns": panel.columns,
                "chart": None if panel.chart is None else bare(panel.chart, f"{picture.title}: {panel.title}"),
            }
            for panel in picture.panels
        ]
        for picture in pictures
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text_of(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
