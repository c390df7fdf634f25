"""A headless Chromium of the system's, which can reach nobody; tests are left out where there is none."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE_S = 90
"""Of a test on a busy machine; how fast a page opens is no matter of a test."""


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A driver. Skips the test, with the reason, where Chromium, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=service.Service(driver))
    try:
        yield started
    finally:
        started.quit()


def open_page(driver: Any, path: Path) -> None:
    """Open a report and wait until every chart is drawn."""
    driver.get(path.as_uri())
    end = time.monotonic() + PATIENCE_S
    while driver.execute_script("return document.documentElement.dataset.drawn") != "all":
        assert time.monotonic() < end, "the charts were not drawn"
        time.sleep(0.05)


def requests(driver: Any) -> list[str]:
    """The addresses that were asked for since the last call, but for the browser's own pages."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("chrome:", "data:"))]
