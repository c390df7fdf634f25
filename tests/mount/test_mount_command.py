"""`swaptiers mount` as a user has it: filled, driven from a shell, ended by Ctrl-C or an unmount."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from driven import CONFIG
from mounts import echo, needs_fuse, shell, stat_of


@needs_fuse
@pytest.mark.parametrize("end", ["ctrl-c", "unmount"])
def test_mount_a_config(tmp_path: Path, end: str) -> None:
    """Would catch tiers without pages, a mount that stays behind, or an end that is taken for a failure."""
    (tmp_path / "experiment.yaml").write_text(CONFIG)
    folder = tmp_path / "cgroup"
    folder.mkdir()
    command = [sys.executable, "-m", "swaptiers", "mount", "experiment.yaml", str(folder), "--pages", "200"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as mount:
        try:
            deadline = time.monotonic() + 300
            while not (folder / "vmstat").exists():
                assert mount.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert stat_of("web/memory.stat", folder)["zswapped"] > 100 * 4096
            assert echo("nonsense", "web/memory.reclaim", folder) == "EINVAL"
            if end == "ctrl-c":
                mount.send_signal(signal.SIGINT)
            else:
                assert shell(f"fusermount3 -u {folder}", tmp_path).returncode == 0
            _, said = mount.communicate(timeout=60)
        finally:
            if mount.poll() is None:
                mount.kill()
    assert mount.returncode == 0, said
    assert "/web: 200 pages" in said
    assert said.endswith("unmounted\n")
    assert not os.path.ismount(folder)
