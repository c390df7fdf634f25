"""The bench's table as a picture: each row's ratio over its target, on a logarithmic axis."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import click


def altair() -> Any:
    """The library, if it is installed. Raises click.ClickException."""
    for name in ("altair", "vl_convert"):
        if importlib.util.find_spec(name) is None:
            raise click.ClickException(f"pictures want {name}: pip install 'swaptiers[report]'")
    return importlib.import_module("altair")


def draw_table(results: dict[str, dict[str, Any]], file: Path) -> None:
    """A mark at each row's median over its target, with its spread; right of 1 is a target missed."""
    alt = altair()
    rows = []
    for key, row in results.items():
        if "target" in row:
            middle = row["ratio"] if "ratio" in row else row["value"]
            over = {
                name: value / row["target"]
                for name, value in (("median", middle), ("low", row["min"]), ("high", row["max"]))
            }
            rows.append({"row": key, "found": f"{middle:.2f}, target {row['target']:g}", **over})
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("row:N", sort=None, title=None, axis=alt.Axis(labelLimit=260))
    )
    scale = alt.Scale(type="log")
    spread = base.mark_rule().encode(x=alt.X("low:Q", scale=scale, title="over the target"), x2="high:Q")
    middle = base.mark_point(filled=True, size=60).encode(
        x="median:Q", color=alt.condition("datum.median <= 1", alt.value("#2a7"), alt.value("#c33"))
    )
    words = base.mark_text(align="left", dx=8, fontSize=9).encode(x="high:Q", text="found:N")
    target = alt.Chart(alt.Data(values=[{"at": 1}])).mark_rule(strokeDash=[4, 3]).encode(x=alt.X("at:Q", scale=scale))
    (spread + middle + words + target).properties(width=460, title="swaptiers against its limits and peers").save(
        str(file)
    )
