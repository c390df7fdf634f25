"""A tier that somebody else wrote: it passes the contract, configs can name it, and what is wrong with it is said."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.experiment.load import load_experiment
from swaptiers.testing import TierContract

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "custom_tier.py"
CONFIG = """\
version: 1
tiers:
  zswap: {kind: zswap, max_pool: 256K, compressor: COMPRESSOR}
  rows: {kind: sqlite, capacity: 4M, synchronous: normal, latency: {read: 1ms, call: 1ms}}
cgroups: {/web: {memory.max: 400K, memory.zswap.max: 200K}}
workloads:
  - {cgroup: /web, kind: zipf, pages: 500, refs: 2000, contents: text}
"""
CODEC = """\
import zlib
from swaptiers.codecs import Codec, DecodeError

def deflate(level, page_size):
    if level is None:
        level = 6
    if not 1 <= level <= 9:
        raise ValueError(f"deflate's level is 1 to 9, not {level}")

    def decompress(payload):
        try:
            return zlib.decompress(payload)
        except zlib.error as error:
            raise DecodeError(str(error)) from error

    return Codec("deflate", level, page_size, lambda page: zlib.compress(page, level), decompress)

def no_codec(level, page_size):
    return None

def broken(level, page_size):
    return 1 / 0
"""


def the_example() -> Any:
    spec = importlib.util.spec_from_file_location("custom_tier", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault("custom_tier", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


EXAMPLE_MODULE = the_example()


class TestSqlite(TierContract):
    def spec(self) -> Any:
        return EXAMPLE_MODULE.SqliteSpec(name="rows", capacity="4M")


def test_errors_of_the_database_are_errors_of_the_tier() -> None:
    """The store knows OSError only: another exception would leave it as a defect would, without the tier's name."""
    with st.SwapSystem([EXAMPLE_MODULE.SqliteSpec(name="rows", capacity="1M")], max_entries=1 << 12) as swap:
        page = b"ab" * 2048
        entry = swap.swap_out_page(page)
        tier: Any = swap.tiers[0]
        tier._db.execute("ALTER TABLE pages RENAME TO gone")
        with pytest.raises(st.TierIOError, match=r"tier 'rows': swap-in failed \(no such table.*still in 'rows'"):
            swap.swap_in_page(entry)
        with pytest.raises(st.TierIOError, match="'rows'.*swap-out.*still yours"):
            swap.swap_out_page(page)
        tier._db.execute("ALTER TABLE gone RENAME TO pages")
        assert swap.swap_in_page(entry) == page


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Installed packages: the example, a codec, and some that are broken."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "custom_tier.py").write_text(EXAMPLE.read_text())
    (folder / "deflating.py").write_text(CODEC)
    info = folder / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[swaptiers.tiers]\nsqlite = custom_tier:SqliteSpec\nabsent = no_such_module:Spec\n"
        "none = custom_tier:SqliteTier\nother = custom_tier:SqliteSpec\n"
        "[swaptiers.codecs]\ndeflate = deflating:deflate\nnothing = deflating:no_codec\nbroken = deflating:broken\n"
    )
    return folder


def swaptiers(package: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (package.parent / "c.yaml").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "swaptiers", arguments[0], "c.yaml", *arguments[1:]],
        cwd=package.parent, env={**os.environ, "PYTHONPATH": f"{ROOT}:{package}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_config_that_names_them(package: Path) -> None:
    """Tier and compressor of others run like our own: every page verified, shown, and passed to other processes."""
    text = CONFIG.replace("COMPRESSOR", "deflate") + "variants: {a: {}, b: {tiers: {zswap: {level: 1}}}}\n"
    done = swaptiers(package, text, "run", "--json", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    for variant in result["variants"].values():
        assert variant["integrity"]["mismatched"] == variant["integrity"]["lost"] == 0
        assert variant["tiers"]["rows"]["loads"] > 0
        assert variant["tiers"]["zswap"]["stores"] > 0
    resolved = result["config"]["a"]["tiers"]["rows"]
    assert (resolved["kind"], resolved["synchronous"], resolved["capacity"]) == ("sqlite", "normal", "4M")
    checked = swaptiers(package, text, "check")
    assert "kind: sqlite" in checked.stdout
    assert "compressor: deflate" in checked.stdout
    drawn = swaptiers(package, text, "graph")
    assert "sqlite, 4M, read 1ms" in drawn.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: sqlite", "kind: sqlit", r"c.yaml:4:16: kind: .*'sqlit'; did you mean 'sqlite'"),
        ("kind: sqlite", "kind: absent", r"4:16: .*'absent' is installed but can't be used: .*ModuleNotFoundError"),
        ("kind: sqlite", "kind: none", r"4:16: .*'none' can't be used: .* is no subclass of CustomTierSpec"),
        ("kind: sqlite", "kind: other", r"4:16: .*'other' can't be used: .* is of another kind"),
        (
            "synchronous: normal",
            "synchronous: often",
            r"4:51: synchronous: 'off' or 'normal' or 'full' is wanted, not 'often'",
        ),
        ("synchronous", "sinchronous", r"no key 'sinchronous' here; did you mean 'synchronous'"),
        ("capacity: 4M, ", "", r"the key 'capacity' is missing"),
        ("capacity: 4M", "capacity: 4K", r"4:34: capacity is at least one cluster"),
        ("COMPRESSOR", "deflat", r"c.yaml:3:52: there is no compressor 'deflat'; did you mean 'deflate'"),
        ("COMPRESSOR", "x", r"3:52: there is no compressor 'x'; there are lz4, zstd, broken, deflate, nothing"),
        ("COMPRESSOR", "deflate, level: 12", r"3:68: deflate's level is 1 to 9, not 12"),
        ("COMPRESSOR", "nothing", r"3:52: 'nothing' can't be used: it gives NoneType, no Codec"),
        ("COMPRESSOR", "broken", r"3:52: 'broken' can't be made: ZeroDivisionError"),
    ],
)
def test_what_is_wrong_is_said(package: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str) -> None:
    """A package of somebody else's fails with one sentence at the key that names it, not with an exception of its own."""
    monkeypatch.syspath_prepend(package)
    (package / "c.yaml").write_text(CONFIG.replace(old, new).replace("COMPRESSOR", "lz4"))
    with pytest.raises(st.ConfigError) as caught:
        load_experiment(package / "c.yaml")
    assert re.search(words, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


class Compressing(EXAMPLE_MODULE.SqliteTier):  # type: ignore[misc, name-defined]
    compressed = True


def test_a_tier_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its `open` raises as OSError is a config error with the tier's name; so is a tier that is not of whole pages."""
    spec = EXAMPLE_MODULE.SqliteSpec(name="rows", capacity="1M")
    monkeypatch.setattr(EXAMPLE_MODULE, "SqliteTier", Compressing)
    with pytest.raises(st.ConfigError, match="tier 'rows': a tier of one's own keeps whole pages"):
        st.SwapSystem([spec], max_entries=1 << 12)

    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(EXAMPLE_MODULE, "SqliteTier", refuse)
    with pytest.raises(st.ConfigError, match="tier 'rows' can't be opened: Permission denied"):
        st.SwapSystem([spec], max_entries=1 << 12)


def test_pages_of_many_sizes_go_through_rows() -> None:
    """Other page sizes, and a system that is larger than one query's parameters."""
    pages = np.random.default_rng(1).integers(0, 256, (1200, 16384), np.uint8)
    with st.SwapSystem(
        [EXAMPLE_MODULE.SqliteSpec(name="rows", capacity="64M")], page_size="16K", max_entries=1 << 12
    ) as swap:
        assert (swap.swap_in(swap.swap_out(pages)) == pages).all()


def test_the_example_uses_what_python_has() -> None:
    """sqlite3 without serialized threads would need more than the one lock."""
    assert sqlite3.threadsafety >= 1
