"""Compressed writeback into a log: what it writes for each page, against the share of the log that is alive.

python examples/log_layout.py
python examples/log_layout.py --svg FILE   (draws the curve; wants altair and vl-convert-python)
"""

from __future__ import annotations

import sys
from pathlib import Path

import swaptiers as st

CONFIG = Path(__file__).parent / "log_layout.yaml"
LIVE = (40, 50, 60, 70, 80, 85, 90)
UNIFORM = "workloads.0={cgroup: /web, kind: uniform, pages: 24000, writes: 20%, refs: 300000}"
"""Every page as likely as any other: nothing that greedy cleaning could make use of."""
PAGE = 4096


def written_per_page(live: int, variant: str, *sets: str) -> tuple[float, float]:
    """Bytes that the SSD wrote for each page that came, in pages: as payloads, and with what cleaning copied."""
    result = st.run(CONFIG, variants=[variant], sets=[f"tiers.ssd.max_live={live}%", *sets]).variants[variant]
    ssd, came = result.tiers["ssd"], result.edges["zswap->ssd"].entries
    return (ssd.written_bytes - ssd.cleaned_bytes) / came / PAGE, ssd.written_bytes / came / PAGE


def curve() -> list[dict[str, object]]:
    """Per live share: the payloads alone, and in all, for three ways to run the log."""
    rows = []
    for live in LIVE:
        payloads, copying = written_per_page(live, "copy")
        _, uniform = written_per_page(live, "copy", UNIFORM)
        _, demoting = written_per_page(live, "demote")
        for name, written in (("copy, zipf", copying), ("copy, uniform", uniform), ("demote, zipf", demoting)):
            rows.append({"live": live, "cleaning": name, "written": written, "amplification": written / payloads})
    return rows


def draw(rows: list[dict[str, object]], path: str) -> None:
    """Amplification against the live share."""
    import altair as alt  # noqa: PLC0415 -- only who draws needs it

    chart = alt.Chart(alt.Data(values=rows)).mark_line(point=True)
    chart = chart.encode(
        x=alt.X("live:Q", title="share of the log that may be alive, %", scale=alt.Scale(zero=False)),
        y=alt.Y("amplification:Q", title="bytes written per byte appended", scale=alt.Scale(zero=False)),
        color=alt.Color("cleaning:N", title=None),
    )
    chart.properties(width=520, height=300).save(path)


def main() -> None:
    """The curve as a table, or as a picture."""
    rows = curve()
    if sys.argv[1:2] == ["--svg"]:
        draw(rows, sys.argv[2])
        return
    print("pages written to the SSD for each page that came (plain writeback: 1.00)")
    print(f"{'live':>5} {'copy, zipf':>12} {'copy, uniform':>14} {'demote, zipf':>13} {'amplification, zipf':>20}")
    for live in LIVE:
        zipf, uniform, demoting = (row for row in rows if row["live"] == live)
        print(
            f"{live:>4}% {zipf['written']:12.2f} {uniform['written']:14.2f} {demoting['written']:13.2f} "
            f"{zipf['amplification']:20.2f}"
        )


if __name__ == "__main__":
    main()
