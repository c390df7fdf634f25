"""The report as a reader sees it: drawn in a browser, without an error, without asking anybody for anything."""

from __future__ import annotations

import csv
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, open_page, requests
from folders import TWO_CGROUPS

from swaptiers.cli import main

for module in ("altair", "vl_convert", "jinja2", "pyarrow"):
    pytest.importorskip(module)

HOSTILE = "/x</script><img src=x onerror=document.title=1>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results with a report, of a config whose cgroup is named to break out of it."""
    folder = tmp_path_factory.mktemp("chromium")
    config = TWO_CGROUPS.replace("/b:", f"{json.dumps(HOSTILE)}:").replace(
        "cgroup: /b,", f"cgroup: {json.dumps(HOSTILE)},"
    )
    (folder / "two.yaml").write_text(config)
    main(["run", str(folder / "two.yaml"), "--quiet", "--out", str(folder / "out"), "--report"])
    return folder / "out"


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        open_page(driver, folder / "report.html")
        yield driver


def test_nothing_is_asked_for_and_nothing_is_wrong(page: Any, folder: Path) -> None:
    """A font, a script or a map from elsewhere; a chart that throws; a policy that forbids what the page itself needs."""
    assert requests(page) == [(folder / "report.html").as_uri()]
    assert [entry["message"] for entry in page.get_log("browser")] == []


def test_the_policy_holds(page: Any) -> None:
    """If a script did get in, no text would be run, and nobody would be reached: not even this machine itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.png"
        said = page.execute_async_script(
            "const [url, done] = arguments;"
            "const image = new Image(); image.onerror = () =>"
            " fetch(url).then(() => done('sent'), () => done('refused')); image.src = url; document.body.append(image);",
            address,
        )
        assert said == "refused"
        server.settimeout(0.5)
        with pytest.raises(TimeoutError):
            server.accept()
    page.execute_script("document.querySelector('img').remove()")
    run = "const s = document.createElement('script'); s.textContent = 'window.broken = 1'; document.body.append(s); s.remove();"
    assert page.execute_script(f"{run} return window.broken") is None
    policy = page.find_element("css selector", "meta[http-equiv]").get_attribute("content")
    assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)
    assert "unsafe-eval" not in policy
    page.get_log("browser")


def test_every_chart_has_marks(page: Any) -> None:
    """An empty frame with axes looks like a result."""
    charts = page.execute_script(
        "return [...document.querySelectorAll('.chart')].map(place => [place.id,"
        " [...place.querySelectorAll('.mark-line path, .mark-rect.role-mark path')].filter(p => {"
        " const d = p.getAttribute('d') || ''; return p.getBBox().width > 0 && /[1-9]/.test(d) && !/NaN/.test(d) }).length])"
    )
    drawn = dict(charts)
    for name, panels in {
        "occupancy": 2,
        "faults": 2,
        "latency": 2,
        "inversion": 2,
        "ages": 2,
        "distribution": 3,
    }.items():
        for number in range(panels):
            assert drawn[f"{name}-{number}"] > 0, name
    assert drawn["writes-0"] > 0
    assert all(marks > 0 for marks in drawn.values()), drawn
    assert page.execute_script("return document.querySelectorAll('.drawing .flow').length") == 9


def test_the_table_is_the_summary(page: Any, folder: Path) -> None:
    """A cell under the wrong variant, or a figure that was rounded before it was compared."""
    variants = json.loads((folder / "summary.json").read_text())["variants"]
    rows = page.execute_script(
        "return [...document.querySelectorAll('#verdict-table tbody tr')].map(row =>"
        " [row.cells[0].textContent, [...row.querySelectorAll('td')].map(cell => Number(cell.dataset.value))])"
    )
    heads = page.execute_script(
        "return [...document.querySelectorAll('#verdict-table thead th')].slice(1).map(cell => cell.textContent)"
    )
    assert heads == list(variants)
    table = {label: cells for label, cells in rows if cells}
    expected = {
        "faults": lambda v: v["faults"],
        "from zswap": lambda v: v["tiers"]["zswap"]["loads"],
        "from disk": lambda v: v["tiers"]["disk"]["loads"],
        "from zero pages": lambda v: v["zero"]["loads"],
        "mean": lambda v: v["fault_latency_ns"]["mean"],
        "p50": lambda v: v["fault_latency_ns"]["p50"],
        "p99": lambda v: v["fault_latency_ns"]["p99"],
        "RAM, mean": lambda v: v["ram_bytes"]["mean"],
        "written to zswap": lambda v: v["tiers"]["zswap"]["written_bytes"],
        "written to disk": lambda v: v["tiers"]["disk"]["written_bytes"],
        "inverted pairs": lambda v: v["inversion"]["pairs"],
        "late faults": lambda v: v["inversion"]["late_faults"],
    }
    assert set(table) == set(expected)
    for label, value in expected.items():
        assert table[label] == [value(variant) for variant in variants.values()], label


def test_a_cgroup_named_to_break_out(page: Any) -> None:
    """Names stand in headings, legends, JSON, charts, hints and drawings; in none of them are they markup."""
    assert page.execute_script("return document.querySelectorAll('img').length") == 0
    assert page.title.startswith("swaptiers: ")
    captions = page.execute_script("return [...document.querySelectorAll('figcaption')].map(c => c.textContent)")
    assert HOSTILE in captions


def test_hovering_says_what_is_there(page: Any, folder: Path) -> None:
    """The strip under the pointer names every variant with its value there."""
    place = page.find_element("css selector", "#occupancy-1")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", place)
    strips = place.find_elements("css selector", ".mark-rect.role-mark path")
    assert len(strips) == 160
    chains = pytest.importorskip("selenium.webdriver.common.action_chains")
    chains.ActionChains(page).move_to_element(strips[120]).perform()
    page.execute_async_script("setTimeout(arguments[0], 300)")
    said = page.find_element("css selector", "#vg-tooltip-element").text
    assert "overflow" in said
    assert "demotion" in said
    data = json.loads(page.find_element("css selector", "#data").get_attribute("textContent"))
    held = data["occupancy"][1]["columns"]["s0"][120]
    assert f"{held / 2**20:.3g}"[:3] in said


def test_the_data_behind_a_picture(page: Any, tmp_path: Path) -> None:
    """Unfolded with the keyboard: a table of what is drawn, and the same as CSV, in which no name is a formula."""
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    details = page.find_element("css selector", "details.behind[data-picture=faults]")
    summary = details.find_element("css selector", "summary")
    page.execute_script("arguments[0].focus()", summary)
    keys = pytest.importorskip("selenium.webdriver.common.keys")
    summary.send_keys(keys.Keys.ENTER)
    page.execute_async_script("setTimeout(arguments[0], 200)")
    tables = page.execute_script(
        "return [...arguments[0].querySelectorAll('table')].map(t => [...t.rows].map(r => [...r.cells].map(c => c.textContent)))",
        details,
    )
    data = json.loads(page.find_element("css selector", "#data").get_attribute("textContent"))["faults"]
    assert len(tables) == len(data) == 2
    for rows, panel in zip(tables, data, strict=True):
        assert rows[0] == ["references", "overflow", "demotion"]
        assert [row[1] for row in rows[1:]] == ["" if v is None else f"{v:g}" if v != int(v) else str(int(v)) for v in panel["columns"]["s0"]]  # fmt: skip
    details.find_element("css selector", "button").click()
    page.execute_async_script("setTimeout(arguments[0], 500)")
    with (tmp_path / "faults.csv").open(newline="") as file:
        saved = list(csv.reader(file))
    assert saved[0] == ["panel", "references", "overflow", "demotion"]
    assert len(saved) == 2 * 161
    assert {row[0] for row in saved} == {"panel", "/a", HOSTILE}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_it_fits(page: Any, width: int, scheme: str) -> None:
    """Wide and narrow, light and dark: nothing stands out of the page, and text is told from what is behind it."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_async_script("setTimeout(arguments[0], 300)")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    widths = page.execute_script(
        "return [...document.querySelectorAll('.chart svg, .drawing svg')].map(s =>"
        " s.getBoundingClientRect().right - s.closest('figure').getBoundingClientRect().right)"
    )
    assert max(widths) <= 0
    for selector in ("body", ".note", ".chart svg text", ".drawing .soft", "a", "summary"):
        assert contrast(page, selector) >= 4.5, selector


def contrast(page: Any, selector: str) -> float:
    """As WCAG has it, of the text to the nearest background that is not transparent."""
    ink, paper = page.execute_script(
        "let e = document.querySelector(arguments[0]); const s = getComputedStyle(e);"
        "const ink = e instanceof SVGElement ? s.fill : s.color;"
        "while (e && /rgba\\(0, 0, 0, 0\\)/.test(getComputedStyle(e).backgroundColor)) e = e.parentElement;"
        "const box = arguments[0].startsWith('.drawing') ? getComputedStyle(document.querySelector('.drawing .box')).fill : null;"
        "return [ink, box || getComputedStyle(e).backgroundColor]",
        selector,
    )
    lights = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def luminance(color: str) -> float:
    """Of ``rgb(r, g, b)``."""
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_without_scripts_the_tables_are_there(folder: Path) -> None:
    """What was asked and the verdict need no JavaScript, and the page says what does."""
    text = (folder / "report.html").read_text()
    assert text.count('<table id="') == 3
    assert "<noscript>" in text
    assert (folder / "report.html").stat().st_size < 5_000_000


def test_printed(page: Any) -> None:
    """On paper: no links to click, light, and something on every page."""
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert page.execute_script("return getComputedStyle(document.querySelector('nav')).display") == "none"
        assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        pdf = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
        assert len(pdf) > 50_000
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
