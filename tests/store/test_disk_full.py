"""A file system that is really full: a small tmpfs as the SSD tier, which another process fills in the middle of the work.

Mounting takes root. Where SWAPTIERS_MUST_MOUNT is set (the full check sets it for root), a mount that fails is a failure.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.testing import check_pages, nothing_left
from swaptiers.testing.contract import page_of

ROOT = Path(__file__).parents[2]
PAGE = 4096
SIZE_MIB = 80
"""A run asks for 64 MiB more than its tiers have: slots of which the log still speaks."""
FILLER = """
import os, sys
with open(sys.argv[1], "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(1 << 20))
    except OSError:
        pass
    try:
        while True:
            file.write(bytes(4096))
    except OSError as error:
        print(error.errno, flush=True)
    sys.stdin.readline()
os.unlink(sys.argv[1])
"""
RUN = """\
version: 1
tiers:
  zswap: {{kind: zswap, max_pool: 400K}}
  ssd: {{kind: file, capacity: 8M, path: {path}}}
cgroups: {{/web: {{memory.max: 4M, memory.zswap.max: 400K}}}}
workloads: [{{cgroup: /web, kind: scan, pages: 2600, passes: 40, writes: 10%, contents: random}}]
"""


@pytest.fixture
def ssd(tmp_path: Path) -> Iterator[Path]:
    """A file system of SIZE_MIB, at the end empty or else the test fails."""
    place = tmp_path / "ssd"
    place.mkdir()
    mounted = sys.platform == "linux" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "swaptiers-test", str(place)],
        capture_output=True,
        check=False,
    )
    if not mounted or mounted.returncode:
        reason = mounted.stderr.decode().strip() if mounted else "no tmpfs here"
        if os.environ.get("SWAPTIERS_MUST_MOUNT"):
            pytest.fail(f"no tmpfs can be mounted: {reason}")
        pytest.skip(f"mounting a small file system takes root: {reason}")
    try:
        with nothing_left(place):
            yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def filled_by_another_process(place: Path) -> Iterator[None]:
    """Not a byte is free on the file system until the end."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", FILLER, str(place / "theirs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == f"{errno.ENOSPC}\n"
        yield
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(60) == 0


def raw(n: int, seed: int) -> Any:
    """Pages that do not compress, so that each takes a slot of the disk."""
    return np.frombuffer(b"".join(page_of("raw", seed * 10_000 + i, PAGE) for i in range(n)), np.uint8).reshape(n, PAGE)


def stored(swap: st.SwapSystem, pages: Any) -> dict[int, bytes]:
    return {entry: page.tobytes() for entry, page in zip(swap.swap_out(pages).tolist(), pages, strict=True)}


@pytest.mark.parametrize("layout", ["slots", "log"])
def test_a_store_onto_a_full_disk(ssd: Path, layout: Any) -> None:
    """The call fails with ENOSPC and none of its pages is in; what was in is read; once there is room it goes on."""
    with st.SwapSystem(
        [st.FileSpec(name="ssd", capacity="8M", path=str(ssd / "swap"), layout=layout)],
        max_entries=1 << 14,
        quarantine_after=4,
    ) as swap:
        model = stored(swap, raw(300, 1))
        with filled_by_another_process(ssd):
            for _ in range(3):
                with pytest.raises(st.TierIOError) as caught:
                    swap.swap_out(raw(600, 2))
                assert (caught.value.errno, caught.value.tier) == (errno.ENOSPC, "ssd")
                check_pages(swap, model)
            some = sorted(model)[:50]
            assert [page.tobytes() for page in swap.swap_in(some)] == [model.pop(entry) for entry in some]
            check_pages(swap, model)
        assert swap.stats().failures["ssd"]["store"] >= 3
        model |= stored(swap, raw(600, 3))
        check_pages(swap, model)


def test_demotion_onto_a_full_disk(ssd: Path) -> None:
    """Entries stay where they were; the tier is quarantined, so that stores stop trying; readmitted, it takes them."""
    tiers = [st.MemorySpec(name="far", capacity="2M"), st.FileSpec(name="ssd", capacity="8M", path=str(ssd / "swap"))]
    with st.SwapSystem(tiers, max_entries=1 << 14, quarantine_after=3) as swap:
        model = stored(swap, raw(500, 1))
        with filled_by_another_process(ssd):
            for _ in range(3):
                with pytest.raises(st.TierIOError, match="still in 'far'"):
                    swap.demote("1M", source="far")
                check_pages(swap, model)
            assert swap.stats().states["ssd"] == "quarantined"
            assert not swap.demote("1M", source="far").entries
            with pytest.raises(st.StoreRefusedError) as refused:
                swap.swap_out(raw(200, 2))
            ids = refused.value.ids.tolist()
            model |= {entry: page.tobytes() for entry, page in zip(ids, raw(200, 2), strict=True) if entry}
            check_pages(swap, model)
        swap.readmit("ssd")
        assert swap.demote("1M", source="far").met
        check_pages(swap, model)


def test_a_run_whose_disk_fills_up(ssd: Path, tmp_path: Path) -> None:
    """`swaptiers run` ends with one sentence that names the variant, exit code 1; its file is gone, no results stand there."""
    (tmp_path / "c.yaml").write_text(RUN.format(path=ssd / "swap"))
    with subprocess.Popen(
        [sys.executable, "-m", "swaptiers", "run", "--quiet", "c.yaml", "--out", "out"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 240
        while not (ssd / "swap").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        assert process.poll() is None
        with filled_by_another_process(ssd):
            said, complained = process.communicate(timeout=240)
    assert (process.returncode, said) == (1, ""), complained
    assert complained == "swaptiers: variant base: No space left on device\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml", "ssd"]
