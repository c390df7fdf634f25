"""A real Prometheus (Debian's) scrapes a run that is going on, and answers what docs/metrics.md asks it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from swaptiers.experiment.metrics import run_families
from swaptiers.metrics.family import Family
from tests.metrics.exposed import needs_prometheus

ROOT = Path(__file__).parent.parent.parent
DOC = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
PATIENCE_S = 90
LONG = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 1M, latency: {read: 8us, write: 9us}}
  ssd: {kind: file, capacity: 4M, latency: {read: 70us, write: 20us}}
  disk: {kind: file, capacity: 64M, latency: {read: 4ms, write: 4ms}}
cgroups:
  /web: {memory.max: 2M, memory.zswap.max: 800K}
  /batch: {memory.max: 1M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 3000, refs: 300000000, contents: text}
  - {cgroup: /batch, kind: uniform, pages: 1500, refs: 300000000, contents: text}
run: {payload: sizes, warmup: 0%, sample: 100ms}
variants:
  demotion: {}
"""


def metric_of(family: Family[Any]) -> str:
    return f"{family.name}_count" if family.kind == "histogram" else family.name


def wait_for(what: Callable[[], Any]) -> Any:
    """What it gives as soon as that is something."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing within {PATIENCE_S} s")


def free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


@contextmanager
def going(command: list[str], how: signal.Signals, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process of our own, ended by its id."""
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(how)
        process.communicate(timeout=60)


class Prometheus:
    """Asked over its HTTP interface."""

    def __init__(self, port: int) -> None:
        self._at = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._at}/-/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, query: str) -> list[dict[str, Any]]:
        asked = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self._at}/api/v1/query?{asked}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """One that scrapes the target every second and knows nothing else."""
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "swaptiers", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log, going(command, signal.SIGTERM, stdout=log, stderr=log):
        asked = Prometheus(port)
        wait_for(asked.is_ready)
        yield asked


@contextmanager
def long_run(folder: Path) -> Iterator[str]:
    """A run that would go on for minutes: the host and port of its metrics."""
    (folder / "long.yaml").write_text(LONG)
    command = [sys.executable, "-m", "swaptiers", "run", "long.yaml", "--metrics-port", "0"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with going(command, signal.SIGINT, cwd=folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stderr is not None
        said = ""
        for line in run.stderr:
            said += line
            if found := re.search(r"metrics: http://(127\.0\.0\.1:\d+)/metrics", line):
                yield found[1]
                return
        raise AssertionError(said)


@needs_prometheus
def test_a_running_experiment_is_scraped(tmp_path: Path) -> None:
    """Each family gives data, each query of the documentation an answer, and what is scraped goes on and balances."""
    with long_run(tmp_path) as target, prometheus(tmp_path, target) as asked:
        wait_for(lambda: len(asked.ask("swaptiers_run_references_total[1m]")[:1]) and _scrapes(asked) >= 3)
        for family in run_families():
            found = asked.ask(metric_of(family))
            assert found, family.name
            for series in found:
                assert {"variant", "repetition", *family.labels} <= set(series["metric"]), family.name
        queries = re.findall(r"```promql\n(.*?)\n```", DOC, re.DOTALL)
        assert len(queries) >= 5
        for query in queries:
            assert asked.ask(query), query
        assert float(asked.ask("delta(swaptiers_run_references_total[1m])")[0]["value"][1]) > 0
        (off,) = asked.ask(
            "sum(swaptiers_cgroup_hits_total + swaptiers_cgroup_faults_total + swaptiers_cgroup_first_touches_total)"
            " - sum(swaptiers_run_references_total)"
        )
        assert float(off["value"][1]) == 0


def _scrapes(asked: Prometheus) -> int:
    """Of the run, with something in them."""
    found = asked.ask("count_over_time(swaptiers_run_references_total[1m])")
    return int(found[0]["value"][1]) if found else 0
