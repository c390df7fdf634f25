"""Eight processes at one mounted run for half a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mount.driven import check_whole, run_and_drive
from tests.mount.mounts import needs_fuse


@needs_fuse
@pytest.mark.slow
def test_eight_processes_for_thirty_seconds(tmp_path: Path) -> None:
    """Would catch a page that is lost, a request that is never answered, counters that disagree."""
    result, done = run_and_drive(tmp_path, 30, 8)
    assert all(done)
    check_whole(result)
