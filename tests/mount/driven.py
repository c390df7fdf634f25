"""A run that is mounted, and processes that read and write its files while it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CONFIG = """
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 4M}
  ssd:   {kind: file, capacity: 16M}
  disk:  {kind: file, capacity: 32M}
edges:
  - {from: zswap, to: ssd, policy: second-chance, when: {request: true, pressure: true}}
  - {from: ssd, to: disk, policy: lru, when: {request: true, pressure: true}}
cgroups:
  /web: {memory.max: 3M, memory.zswap.max: 1M}
  /db: {memory.max: 2M, memory.zswap.max: 1M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 2000, refs: 2000000, contents: mixed, writes: 20%, think: 100us}
  - {cgroup: /db, kind: uniform, pages: 1200, refs: 2000000, contents: mixed, writes: 20%, think: 100us}
"""
CLIENT = """
import os, random, sys, time
folder, seed, until = sys.argv[1], int(sys.argv[2]), time.time() + float(sys.argv[3])
draw = random.Random(seed)
allowed = {"EAGAIN": 11, "EINVAL": 22, "ENOENT": 2, "EBUSY": 16, "EEXIST": 17, "ENODEV": 19}
writes = [("memory.reclaim", "200K source=zswap"), ("memory.reclaim", "100K"), ("memory.swap.tiers.demote", "100K ssd"),
          ("memory.zswap.max", "1M"), ("memory.zswap.max", "500K"), ("memory.max", "2M"), ("memory.max", "3M"),
          ("memory.swap.tiers.max", "disk 0"), ("memory.swap.tiers.max", "disk max"), ("memory.reclaim", "nonsense")]
first = [("memory.reclaim", "20K"), ("memory.reclaim", "nonsense")]
done = 0
while time.time() < until and os.path.exists(folder + "/vmstat"):
    cgroup = draw.choice(["web", "db"])
    try:
        if first or draw.random() < 0.4:
            name, text = first.pop(0) if first else draw.choice(writes)
            with open(f"{folder}/{cgroup}/{name}", "w") as file:
                file.write(text)
        elif draw.random() < 0.1:
            with open(f"{folder}/zswap/compressor", "w") as file:
                file.write(draw.choice(["lz4", "zstd"]))
        elif draw.random() < 0.1:
            path = f"{folder}/{cgroup}/own{seed}"
            os.mkdir(path)
            open(path + "/memory.stat").read()
            os.rmdir(path)
        else:
            for name in os.listdir(f"{folder}/{cgroup}"):
                path = f"{folder}/{cgroup}/{name}"
                if os.path.isfile(path) and os.stat(path).st_mode & 0o400:
                    open(path).read()
    except OSError as error:
        if error.errno not in allowed.values():
            raise
    done += 1
print(done)
"""


def run_and_drive(folder: Path, seconds: float, clients: int) -> tuple[dict[str, Any], list[int]]:
    """A run with `clients` processes at it for so long, then ended by its own end: its summary, and what each client did."""
    config, cgroup = folder / "experiment.yaml", folder / "cgroup"
    config.write_text(CONFIG)
    cgroup.mkdir()
    # as long as the clients take, in virtual time at pace 1, and a bit; unpaced it would be over at once
    command = [sys.executable, "-m", "swaptiers", "run", str(config), "--json", "--mount", str(cgroup)]
    command += ["--pace", "1x", "--set", f"run.until={int(seconds) + 2}s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        processes: list[subprocess.Popen[str]] = []
        try:
            deadline = time.monotonic() + 300
            while not (cgroup / "web" / "memory.stat").exists():
                assert run.poll() is None, run.communicate()
                assert time.monotonic() < deadline, "it was never mounted"
                time.sleep(0.05)
            processes += [
                subprocess.Popen(
                    [sys.executable, "-c", CLIENT, str(cgroup), str(seed), str(seconds)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for seed in range(clients)
            ]
            done = []
            for process in processes:
                said, _ = process.communicate(timeout=seconds + 300)
                assert process.returncode == 0
                done.append(int(said))
            said, complained = run.communicate(timeout=seconds + 300)
            assert run.returncode == 0, complained
        finally:
            for process in (*processes, run):
                if process.poll() is None:
                    process.kill()
    assert not os.path.ismount(cgroup)
    return json.loads(said)["variants"]["base"], done


def check_whole(result: dict[str, Any]) -> None:
    """No page was lost or changed, and the counters say the same as each other."""
    assert result["integrity"]["mismatched"] == result["integrity"]["lost"] == 0
    assert result["integrity"]["verified"] > 100
    assert result["hits"] + result["faults"] + result["first_touches"] == result["refs"]
    driven = [action for action in result["actions"] if action.get("by") == "mount"]
    errors = {action["error"] for action in driven}
    assert {None, "EINVAL"} <= errors <= {None, "EINVAL", "EAGAIN", "EBUSY", "ENODEV"}
    requested = sum(edge["by_trigger"].get("request", 0) for edge in result["edges"].values())
    assert requested == sum(action["entries"] for action in driven)
    assert sum(action["evicted_pages"] for action in driven) > 0
