"""`python -m bench.scale`: cost per page against entries (10^4 to 10^7) and against references (10^6 to 10^8), as curves."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from bench.picture import altair
from bench.size_rows import ROOT, measured

ENTRIES = (10**4, 10**5, 10**6, 10**7)
REAL_ENTRIES = (10**4, 10**5, 10**6)
REFERENCES = (10**6, 10**7, 10**8)
CONFIG = """
version: 1
tiers:
  zswap: {{kind: zswap, max_pool: 16M}}
  ssd: {{kind: file, capacity: 64M}}
  disk: {{kind: file, capacity: 1G}}
cgroups: {{/a: {{memory.max: 256M, memory.zswap.max: 16M}}}}
workloads: [{{cgroup: /a, kind: zipf, pages: 100000, refs: {refs}, alpha: 1.0, drift: 1%, writes: 10%}}]
run: {{payload: sizes}}
"""
REPLAY = """
import json, sys, time
import swaptiers as st
from swaptiers.testing.memory import peak_bytes
st.run(sys.argv[1], sets=["workloads.0.refs=1000"])
start = time.perf_counter()
st.run(sys.argv[1])
print(json.dumps({"s": time.perf_counter() - start, "peak": peak_bytes()}))
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--most", type=click.IntRange(min=10**4), default=10**8, help="No more entries or references than this.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this file."
)
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curves into this file.")
def scale(most: int, target: Path | None, picture: Path | None) -> None:
    """Cost per page against how many there are, each point in a process of its own."""
    points = [point for count in ENTRIES if count <= most for point in _entries("sizes", count)]
    points += [point for count in REAL_ENTRIES if count <= most for point in _entries("real", count)]
    points += [point for count in REFERENCES if count <= most for point in _references(count)]
    if target is not None:
        target.write_text(json.dumps({"points": points}, indent=1) + "\n")
    if picture is not None:
        draw(points, picture)


def _entries(kind: str, count: int) -> list[dict[str, Any]]:
    return [
        _said(
            "entries", "a fault, sizes" if kind == "sizes" else "in and out, real bytes", count, measured(kind, count)
        )
    ]


def _references(count: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "c.yaml"
        config.write_text(CONFIG.format(refs=count))
        done = subprocess.run(
            [sys.executable, "-c", REPLAY, str(config)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    found = json.loads(done.stdout)
    return [
        _said(
            "references", "a reference", count, {"us": found["s"] / count * 1e6, "peak_mib": found["peak"] / (1 << 20)}
        )
    ]


def _said(axis: str, what: str, count: int, found: dict[str, float]) -> dict[str, Any]:
    figures = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
    click.echo(f"{time.strftime('%H:%M:%S')} {count:>11,} {axis}: {what}: {figures}")
    return {"axis": axis, "what": what, "count": count, **found}


def draw(points: list[dict[str, Any]], file: Path) -> None:
    """A curve per thing measured: microseconds, both axes logarithmic."""
    alt = altair()
    lines = alt.Chart(alt.Data(values=points)).mark_line(point=True)
    x = alt.X("count:Q", scale=alt.Scale(type="log"), title="entries or references", axis=alt.Axis(format="~e"))
    y = alt.Y("us:Q", scale=alt.Scale(type="log"), title="us each")
    lines.encode(x=x, y=y, color=alt.Color("what:N", title=None)).properties(width=420, height=260).save(str(file))


if __name__ == "__main__":
    scale(prog_name="python -m bench.scale")
