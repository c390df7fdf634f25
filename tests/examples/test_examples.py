"""Every example runs as its first lines say, and shows what it claims."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def output(name: str, *, cwd: Path) -> list[str]:
    """What it prints, run from another folder as a stranger might."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py")]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert list(cwd.iterdir()) == []
    return done.stdout.splitlines()


def row(lines: list[str], first: str) -> list[float]:
    """The numbers in the line that starts with a word."""
    (line,) = [line for line in lines if line.split()[:1] == [first] and re.search(r"\d", line) and ";" not in line]
    return [float(number.replace(",", "")) for number in re.findall(r"(?<![\w/-])-?\d[\d,]*\.?\d*", line[len(first) :])]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_say_how_to_run_them(path: Path) -> None:
    """Under 80 lines, and the command stands in the first ones."""
    text = path.read_text()
    assert len(text.splitlines()) < 80
    assert f"python examples/{path.name}\n" in text.split('"""')[1]


def test_inversion(tmp_path: Path) -> None:
    """Demotion cures inversion: less of it than both others, and quicker faults."""
    lines = output("inversion", cwd=tmp_path)
    overflow, kernel, demotion = (row(lines, name) for name in ("overflow", "kernel", "demotion"))
    assert demotion[0] == demotion[1] == 0
    assert min(overflow[0], kernel[0]) > 0.3
    assert demotion[2] < kernel[2] < overflow[2]


def test_proactive_writeback(tmp_path: Path) -> None:
    """Flushed before the burst nothing comes from the SSD; the second chance honoured, nothing is flushed at all: what the
    request rotated only goes a little earlier once the pool is full."""
    lines = output("proactive_writeback", cwd=tmp_path)
    unprepared, flushed, rotated = (row(lines, name) for name in ("unprepared", "flushed", "rotated"))
    assert flushed[0] > 5000
    assert flushed[2] == 0 < unprepared[2]
    assert flushed[3] < unprepared[3]
    assert rotated[0] == 0
    assert rotated[1] == 16 * 64
    assert 0.9 < rotated[2] / unprepared[2] < 1
    assert flushed[4] < rotated[4] <= unprepared[4]


def test_noisy_neighbour(tmp_path: Path) -> None:
    """Alone best; limits bring it back; demotion alone is between, and far better where borrowers give first."""
    lines = output("noisy_neighbour", cwd=tmp_path)
    names = ("alone", "overflow", "demotion", "borrow", "capped")
    alone, overflow, demotion, borrow, capped = (row(lines, name)[0] for name in names)
    assert alone <= capped < borrow < demotion < overflow
    assert capped < 2 * alone
    assert borrow < demotion / 10


def test_borrow(tmp_path: Path) -> None:
    """docs/fairness.md: its table, and every comparison that it draws from it."""
    text = (ROOT / "docs/fairness.md").read_text(encoding="utf-8").splitlines()
    lines = output("borrow", cwd=tmp_path)
    names = ("strict", "round-robin", "proportional", "borrow", "borrow-low")
    rows = {name: row(lines, name) for name in names}
    for name in names:
        assert rows[name] == pytest.approx(row([line for line in text if "+" in line], name), rel=0.03, abs=0.3)
    space = {name: list(zip(each[:8:2], each[1:8:2], strict=True)) for name, each in rows.items()}
    steady, bursty = ({name: each[first] for name, each in rows.items()} for first in (8, 12))
    assert space["strict"][0][0] < space["borrow"][0][0] / 2
    assert space["borrow"][1][1] > 0.95 * space["strict"][1][1]
    assert max(space[name][2][1] for name in ("round-robin", "proportional")) < 0.5
    assert space["borrow"][2][1] > 5
    assert steady["round-robin"] < steady["proportional"] < steady["borrow-low"] < steady["borrow"] < steady["strict"]
    assert bursty["strict"] < bursty["borrow"] < bursty["proportional"] < bursty["borrow-low"] < bursty["round-robin"]
    assert bursty["borrow"] < 1.1 * bursty["strict"]
    assert steady["borrow"] < 0.75 * steady["strict"]


def test_custom_policy(tmp_path: Path) -> None:
    """With the policy each tenant's share of zswap is near its weight; in turns, the largest has it all."""
    lines = output("custom_policy", cwd=tmp_path)
    for tenant in ("/gold", "/silver", "/bronze"):
        weight, _, in_turns, fair = row(lines, tenant)
        assert abs(fair - weight) <= 5
        assert abs(in_turns - weight) > 5


def test_trace_replay(tmp_path: Path) -> None:
    """More memory, fewer faults; and a row where demotion loses is shown as well as those where it wins."""
    lines = output("trace_replay", cwd=tmp_path)
    for program in ("sort", "sqlite3"):
        faults = [float(line.split()[2].replace(",", "")) for line in lines if line.startswith(program)]
        assert faults == sorted(faults, reverse=True)
        assert len(faults) == 4


def test_page_store(tmp_path: Path) -> None:
    """More than the fast tiers hold, compressed better the further down, nothing upside down."""
    lines = output("page_store", cwd=tmp_path)
    zswap, dense, disk = (row(lines, name) for name in ("zswap", "dense", "disk"))
    assert zswap[0] + dense[0] + disk[0] == 6400
    assert disk[0] > 0
    assert dense[2] > zswap[2] > 1.5
    assert row(lines, "inverted") == [0.0]


def test_custom_tier(tmp_path: Path) -> None:
    """Some pages in memory, the others in the database, all as they were."""
    first, second = output("custom_tier", cwd=tmp_path)
    zswap, rows = map(int, re.findall(r": (\d+)", first))
    assert zswap + rows == 2000
    assert min(zswap, rows) > 0
    assert second == "all came back as they were: True"


def test_zram_or_zswap(tmp_path: Path) -> None:
    """At equal memory writeback wins here beyond the spread of the seeds."""
    lines = output("zram_or_zswap", cwd=tmp_path)
    zram, zswap, at_once = (row(lines, name) for name in ("zram", "zswap", "zswap-at-once"))
    assert zswap[1] < zram[0]
    assert at_once[1] < zswap[0]


def documented(page: str, lines: list[str], fields: int) -> int:
    """How many rows of the page's tables stand in the output, word for word; a row that does not is an error."""
    printed = [line.split() for line in lines]
    rows = [
        [word for cell in line.strip("|").split("|") for word in cell.split()]
        for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
        if line.count("|") == fields + 1 and re.search(r"\d", line)
    ]
    for each in rows:
        assert any(all(word in line for word in each) for line in printed), each
    return len(rows)


def test_log_layout(tmp_path: Path) -> None:
    """Half of plain writeback at most before cleaning, less than all of it at 60 %; what the page says comes out."""
    lines = output("log_layout", cwd=tmp_path)
    assert row(lines, "40%")[1] <= 0.6
    assert max(row(lines, "60%")[1:4]) <= 1.0
    assert [row(lines, f"{live}%")[4] for live in (40, 60, 80, 90)] == sorted(
        row(lines, f"{live}%")[4] for live in (40, 60, 80, 90)
    )
    assert documented("log-layout.md", lines, 5) == 7


def test_keep_clean(tmp_path: Path) -> None:
    """With few writes the slots that stay save more than half of what the SSD is written."""
    lines = output("keep_clean", cwd=tmp_path)
    without, whole = (
        float(line.split()[2]) for line in lines if line.split()[0] == "2%" and line.split()[1] in ("without", "whole")
    )
    assert whole < without / 2
    assert documented("edges.md", lines, 5) == 6


def test_entry_policy(tmp_path: Path) -> None:
    """The user's own policy beats every built-in one on its workload, in faults from the SSD and in bytes written."""
    lines = output("entry_policy", cwd=tmp_path)
    own = row(lines, "cold_and_large")
    for name in ("lru", "fifo", "random", "largest"):
        built_in = row(lines, name)
        assert own[1] < built_in[1]
        assert own[2] < built_in[2]
    assert documented("custom-policy.md", lines, 6) == 5


def test_fidelity(tmp_path: Path) -> None:
    """What docs/fidelity.md says stands here is what comes out."""
    text = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    lines = output("fidelity", cwd=tmp_path)
    pool, rejects, faults = (line.split()[-1] for line in lines[1:])
    assert f"| {pool.replace('%', ' %')} (lz4" in text
    assert f"43,450 were writeback) | {rejects.replace('%', ' %')} |" in text
    assert f"-9 to +14 % | {faults.replace('%', ' %')} |" in text


def test_controllers(tmp_path: Path) -> None:
    """They hold their targets, and again after a change; what docs/controllers.md prints is what comes out."""
    lines = output("controllers", cwd=tmp_path)
    steered = ("psi", "promotion-rate", "psi-resident", "promotion-resident")
    for name in steered:
        minutes, off, peak, again, off_again = (
            float(number) for number in re.findall(r"[+-]?\d+\.\d", named(lines, name)[0])
        )
        assert max(abs(off), abs(off_again)) < 20 < peak
        assert 0 < minutes < 20 > again > 0
    text = (ROOT / "docs/controllers.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n( +settled .*?)```", text, re.DOTALL)
    for name in (*steered, "none", "zswap-shrinker", "unlimited"):
        for line, printed in zip(named(lines, name), named(block.splitlines(), name), strict=True):
            now, then = (re.findall(r"[\d.]+", each.replace(",", "")) for each in (line, printed))
            assert [float(n) for n in now] == pytest.approx([float(n) for n in then], rel=0.1, abs=1.5), name


def named(lines: list[str], name: str) -> list[str]:
    """What follows the name in the lines of both tables."""
    return [line[len(name) :] for line in lines if line.startswith(f"{name} ")]
