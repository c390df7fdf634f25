"""One picture as a file for a paper: its panels beside each other, on white, with a legend of its own."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from swaptiers.errors import ConfigError
from swaptiers.report.page.charts import HOVER, bare
from swaptiers.report.page.pictures import PICTURES, Panel, Picture
from swaptiers.report.page.sides import Comparison

FORMATS = (".svg", ".png", ".pdf")
WIDTH, HEIGHT, COLUMNS = 320, 190, 3
PIXELS = 3
"""Of a PNG, to one of the drawing's."""


def plot(comparison: Comparison, what: str, target: Path) -> bytes:
    """The picture in the form that the target's name asks for. Raises ConfigError for another form, or nothing to show."""
    form = target.suffix.lower()
    if form not in FORMATS:
        raise ConfigError(f"{target}: a picture is written as {', '.join(FORMATS)}; end its name with one of them")
    picture = PICTURES[what](comparison)
    if not picture.panels:
        raise ConfigError(f"these results have nothing to show for {what}")
    convert: Any = importlib.import_module("vl_convert")
    if picture.panels[0].svg:
        return _of_svg(convert, beside(picture), form)
    spec = _figure(picture)
    if form == ".svg":
        return str(convert.vegalite_to_svg(spec)).encode()
    if form == ".png":
        return bytes(convert.vegalite_to_png(spec, scale=PIXELS))
    return bytes(convert.vegalite_to_pdf(spec))


def _of_svg(convert: Any, svg: str, form: str) -> bytes:
    if form == ".svg":
        return svg.encode()
    return bytes(convert.svg_to_png(svg, scale=PIXELS) if form == ".png" else convert.svg_to_pdf(svg))


def _figure(picture: Picture) -> dict[str, Any]:
    return {
        "concat": [_panel(panel, first=number == 0) for number, panel in enumerate(picture.panels)],
        "columns": COLUMNS,
        "resolve": {"scale": {"color": "shared", "strokeDash": "shared"}},
        "background": "#ffffff",
        "config": {"view": {"stroke": None}, "legend": {"labelLimit": 400, "orient": "bottom", "symbolSize": 400}},
    }


def _panel(panel: Panel, *, first: bool) -> dict[str, Any]:
    """With its data, and without what only a page can do; the legend stands at the first."""
    plain = bare(panel.chart, panel.title)
    plain.pop("params", None)
    layers = plain.get("layer", [plain])
    if len(layers) > 1:
        plain["layer"] = layers = [layer for layer in layers if layer.get("name") != HOVER]
    for encoding in (layer["encoding"] for layer in layers):
        encoding.pop("tooltip", None)
        for channel in ("color", "strokeDash"):
            if first and "legend" in encoding.get(channel, {}):
                encoding[channel]["legend"] = {"title": None}
    names = list(panel.columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*panel.columns.values(), strict=True)]
    height: Any = {"step": 24} if "name" in panel.columns else HEIGHT
    return {**plain, "data": {"values": rows}, "title": panel.title, "width": WIDTH, "height": height}


def beside(picture: Picture) -> str:
    """Drawings beside each other, each under its title."""
    x, highest, parts = 0, 0, []
    for panel in picture.panels:
        size = re.match(r'<svg [^>]*width="(\d+)" height="(\d+)"', panel.svg)
        assert size is not None
        parts.append(_title(panel.title, x + int(size[1]) // 2))
        parts.append(panel.svg.replace("<svg ", f'<svg x="{x}" y="26" ', 1))
        x, highest = x + int(size[1]) + 20, max(highest, int(size[2]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {x} {highest + 26}" width="{x}" height="{highest + 26}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>'
    )


def _title(text: str, x: int) -> str:
    escape: Any = importlib.import_module("markupsafe").escape
    return (
        f'<text x="{x}" y="18" text-anchor="middle" font-family="system-ui, sans-serif" font-size="13" font-weight="600">'
        f"{escape(text)}</text>"
    )
