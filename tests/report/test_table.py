"""The table at the end of a run: nothing cut, nothing left out, values as a person reads them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

import swaptiers as st
from swaptiers.experiment.results import ExperimentResult
from swaptiers.report.figures import count, duration, seconds, sections, share
from swaptiers.report.table import VariantsTable

TINY = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 256K, latency: {read: 8us, write: 9us}}
  disk_15_letters: {kind: file, capacity: 16M, latency: {read: 4ms, write: 4ms}}
cgroups:
  /web: {memory.max: 400K, memory.zswap.max: 300K}
workloads:
  - {cgroup: /web, kind: zipf, pages: 600, refs: 3000, contents: text}
run: {payload: sizes}
"""


def results(folder: Path, variants: str, *sets: str) -> ExperimentResult:
    (folder / "tiny.yaml").write_text(f"{TINY}variants:\n{variants}")
    return st.run(folder / "tiny.yaml", sets=list(sets))


def printed(result: ExperimentResult, width: int = 80) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(VariantsTable(result))
    return text.getvalue().splitlines()


def cells(lines: list[str], label: str) -> list[str]:
    """The values in the rows of that label, from left to right and from one block to the next."""
    rows = [line for line in lines if re.match(rf"\s*{re.escape(label)}\s", line)]
    return [cell for row in rows for cell in re.split(r"\s{2,}", row.strip())[1:]]


def test_values_stand_under_their_variant(tmp_path: Path) -> None:
    """A cell in the wrong column is a wrong result that nobody notices."""
    result = results(tmp_path, "  overflow: {edges: [], on_full: spill}\n  demotion: {}\n")
    lines = printed(result)
    overflow, demotion = result.variants["overflow"], result.variants["demotion"]
    assert overflow.faults != demotion.faults
    assert cells(lines, "faults") == [count(overflow.faults), count(demotion.faults)]
    assert cells(lines, "from zswap") == [count(v.tiers["zswap"].loads) for v in (overflow, demotion)]
    assert cells(lines, "entries demoted") == ["0", count(demotion.edges["zswap->disk_15_letters"].entries)]
    assert cells(lines, "inverted pairs") == [share(v.inversion.pairs or 0) for v in (overflow, demotion)]
    header = next(line for line in lines if "overflow" in line)
    faults = next(line for line in lines if "faults" in line)
    for name, variant in result.variants.items():
        end = header.index(name) + len(name)
        assert faults[:end].endswith(f" {count(variant.faults)}")


@pytest.mark.parametrize("count_of", [1, 3, 7])
def test_any_number_of_variants_fits_80_columns(tmp_path: Path, count_of: int) -> None:
    """Rich would cut names and wrap labels where there is no room; what is cut can't be told apart."""
    names = [f"variant-{number}-of-{'many' * number}"[:40] for number in range(count_of)]
    lines = printed(results(tmp_path, "".join(f"  {name}: {{}}\n" for name in names)))
    assert max(len(line) for line in lines) <= 80
    assert not [line for line in lines if "…" in line]
    words = " ".join(lines).split()
    assert all(words.count(name) == 1 for name in names)
    for _, figures in sections(["zswap", "disk_15_letters"], 1):
        for figure in figures:
            assert len(cells(lines, figure.label)) == count_of, figure.label


def test_a_wide_terminal_shows_all_beside_each_other(tmp_path: Path) -> None:
    """Blocks are for want of room only."""
    result = results(tmp_path, "".join(f"  variant-number-{number}: {{}}\n" for number in range(6)))
    assert len([line for line in printed(result, 200) if "faults" in line.split()]) == 2  # and the late faults
    assert len([line for line in printed(result, 80) if "faults" in line.split()]) > 2


def test_tiers_that_only_one_variant_has(tmp_path: Path) -> None:
    """Loads from a tier that the first variant lacks must not be left out of the comparison."""
    result = results(
        tmp_path, "  two: {}\n  three: {tiers: {ssd: {kind: file, capacity: 1M}}, edges: [], on_full: spill}\n"
    )
    none, some = cells(printed(result), "from ssd")
    assert none == "-"
    assert some == count(result.variants["three"].tiers["ssd"].loads)


def test_repeated_runs(tmp_path: Path) -> None:
    """Mean and deviation, and the star at what is better in every run, still uncut at 80 columns."""
    result = results(tmp_path, "  overflow: {edges: [], on_full: spill}\n  demotion: {}\n  same: {}\n", "run.repeat=3")
    lines = printed(result)
    assert max(len(line) for line in lines) <= 80
    runs = [run.faults for run in result.runs["demotion"]]
    mean = sum(runs) / 3
    assert [cell for cell in cells(lines, "faults") if cell.startswith(f"{mean:,.0f} ±")]
    assert "* = better in each of 3 runs" in " ".join(lines)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ([], "payload: sizes moves no bytes, so nothing was compared"),
        (["run.payload=real"], "pages came back and were compared byte for byte: 0 wrong or lost"),
        (["run.payload=real", "cgroups./web.memory.max=max"], "0 pages came back and were compared byte for byte"),
    ],
)
def test_the_footer_says_what_was_compared(tmp_path: Path, sets: list[str], words: str) -> None:
    """Nothing swapped in is something else than nothing compared."""
    lines = printed(results(tmp_path, "  demotion: {}\n", *sets))
    assert words in " ".join(lines)
    assert lines[-1].startswith("seed 42, ")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (count(1234567), "1,234,567"),
        (share(0.12345), "0.123"),
        (seconds(12.345), "12.3 s"),
        (duration(0), "0ns"),
        (duration(-1500), "-1.5us"),
        (duration(4_000_000), "4ms"),
    ],
)
def test_figures(written: str, text: str) -> None:
    """Thousands grouped, the nearest unit, the sign kept."""
    assert written == text


def test_fairness_between_several_cgroups_only(tmp_path: Path) -> None:
    """Of one cgroup every index is 1: rows that say nothing."""
    alone = printed(results(tmp_path, "  demotion: {}\n"))
    assert not [line for line in alone if "Jain" in line or line.strip() == "fairness"]
    workloads = ", ".join(f"{{cgroup: /{name}, kind: uniform, pages: 300, refs: 2000}}" for name in "ab")
    limits = "{/a: {memory.max: 200K}, /b: {memory.max: 300K}}"
    both = results(tmp_path, f"  demotion: {{workloads: [{workloads}], cgroups: {limits}}}\n")
    fairness = both.variants["demotion"].fairness
    assert fairness.worst is not None
    assert cells(printed(both), "Jain: zswap") == [share(fairness.space or 0)]
    assert cells(printed(both), "Jain: mean fault") == [share(fairness.latency or 0)]
    assert cells(printed(both), "worst p99") == [duration(fairness.worst.p99)]
