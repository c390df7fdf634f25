"""The page about a sweep: its numbers are the data set's, its front is the front, and a browser draws all of it."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from swaptiers.cli import main
from tests.sweep.sweeps import SMALL

for module in ("altair", "vl_convert", "jinja2", "pyarrow"):
    pytest.importorskip(module)

from swaptiers.sweep.dataset import DataSet, Failure  # noqa: E402
from swaptiers.sweep.grid import Grid  # noqa: E402
from swaptiers.sweep.plan import make_plan  # noqa: E402
from swaptiers.sweep.row import FIGURES, WALL  # noqa: E402
from tests.report.browser import chromium, open_page, requests  # noqa: E402

GRID = ["tiers.zswap.max_pool=256K,64K,128K", "edges.0.policy=lru,'second-chance'"]
HOSTILE = "<img src=x onerror=document.title=1></script>"
MEASURED = {  # pool, policy -> RAM in KiB, mean latency in us, written in KiB
    ("64K", "lru"): (300, 900, 50),
    ("128K", "lru"): (350, 500, 40),
    ("256K", "lru"): (450, 400, 45),
    ("64K", "'second-chance'"): (310, 950, 55),
    ("128K", "'second-chance'"): (340, 520, 60),
    ("256K", "'second-chance'"): (460, 400, 45),
}
"""On the front: all but 64K and 256K with second-chance, which are nowhere better than the same with lru."""
FRONT = {("64K", "lru"), ("128K", "lru"), ("256K", "lru"), ("128K", "'second-chance'")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep's folder with made-up figures: two seeds each, one run missing."""
    folder = tmp_path_factory.mktemp("sweep-page")
    (folder / "small.yaml").write_text(SMALL)
    plan = make_plan(folder / "small.yaml", Grid.parse(GRID), repeat=2)
    data = DataSet(folder / "out", plan)
    with data.held():
        data.begin(["tiers.zswap.max_pool where mean < 600us"])
        for task in plan.tasks[:-1]:
            ram, mean, written = MEASURED[(task.point["tiers.zswap.max_pool"], task.point["edges.0.policy"])]
            wide = -1 if task.repetition else 1
            own = {
                "ram_mean_bytes": float((ram + wide) << 10),
                "fault_mean_ns": mean * 1000.0,
                "device_written_bytes": written << 10,
            }
            data.add(task, {**dict.fromkeys(FIGURES, 7), **own, WALL: 1.0})
        last = plan.tasks[-1]
        data.fail([Failure(variant="base", point=last.point, repetition=1, seed=5, kind="OSError", error=HOSTILE)])
    main(["report", str(folder / "out")])
    return folder / "out"


def data_of(path: Path) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


def test_what_it_says(folder: Path) -> None:
    """What is not finished, the answer, and the error, as text and not as a part of the page."""
    text = (folder / "report.html").read_text()
    assert "seeds: 2; 11 of 12 runs are finished." in text
    assert (
        "the smallest tiers.zswap.max_pool with mean &lt; 600us is 128K (in each of 2 seeds: mean at most 500us)"
        in text
    )
    assert "onerror" in text
    assert "<img" not in text.replace("\\u003c", "")[: text.index("<script")]


def test_the_curves(folder: Path) -> None:
    """Values in order of size, each with the mean and the reach of its seeds."""
    panels = data_of(folder / "report.html")["curves-0"]
    (ram,) = [panel for panel in panels if panel["title"] == "RAM, mean"]
    rows = list(zip(*(ram["columns"][name] for name in ("x", "line", "mean", "low", "high")), strict=True))
    assert rows[:3] == [
        (pool, "lru", kib << 10, kib - 1 << 10, kib + 1 << 10)
        for pool, kib in (("64K", 300), ("128K", 350), ("256K", 450))
    ]
    assert ram["chart"]["layer"][0]["encoding"]["x"]["sort"] == ["64K", "128K", "256K"]
    policies = data_of(folder / "report.html")["curves-1"][0]["columns"]
    assert set(policies["line"]) == {"64K", "128K", "256K"}


def test_the_front(folder: Path) -> None:
    """Exactly the points that no other one beats; the one whose seeds are not all there is not compared."""
    columns = data_of(folder / "report.html")["front"][0]["columns"]
    on_it = {label for label, front in zip(columns["point"], columns["front"], strict=True) if front}
    assert len(columns["point"]) == 6
    assert on_it == {f"{pool}, {policy}" for pool, policy in FRONT} - {"128K, 'second-chance'"}
    for a, b in itertools.permutations(FRONT, 2):
        assert any(x > y for x, y in zip(MEASURED[a], MEASURED[b], strict=True))


def test_a_sweep_is_reported_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", str(folder), str(folder)])
    assert "is a sweep, which has a page of its own: report it alone" in capsys.readouterr().err


def test_in_chromium(folder: Path, tmp_path: Path) -> None:
    """Every chart is drawn with its marks, nothing is asked for, nothing is wrong."""
    with chromium(tmp_path) as page:
        open_page(page, folder / "report.html")
        assert requests(page) == [(folder / "report.html").as_uri()]
        assert [entry["message"] for entry in page.get_log("browser")] == []
        charts = page.find_elements("css selector", ".chart")
        assert len(charts) == 6 + 6 + 3
        for chart in charts:
            assert len(chart.find_elements("css selector", ".mark-symbol path")) == 6
