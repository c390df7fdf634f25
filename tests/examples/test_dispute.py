"""docs/lru-inversion.md: its condition against counting, its line and its surprise against arithmetic, its pictures against
its tables, and every command in a reduced form."""

from __future__ import annotations

import itertools
import re
import sys
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import swaptiers as st
from tests.examples.dispute_page import DISPUTE, PAGE, PICTURES, block_of, cells_of, said_in

sys.path.insert(0, str(DISPUTE))

import interface
from ask import table
from break_even import ROWS, pairs
from pictures import draw
from questions import QUESTIONS
from trials import FIGURES, Figure, Question, ask

Placement = list[tuple[int, int]]
"""(tier, last use) of each entry."""


def inverted(entries: Placement) -> int:
    """Pairs of which the one in the slower tier was used after the one in the faster."""
    return sum(fast < slow and use < later for fast, use in entries for slow, later in entries)


@given(some.lists(some.integers(0, 3), min_size=1, max_size=12), some.randoms(use_true_random=False), some.data())
def test_what_a_demotion_adds_and_removes(tiers: list[int], random: np.random.Generator, data: some.DataObject) -> None:
    """The condition as the page states it: what is colder and stays above is added, what is warmer and lies below removed."""
    uses = list(range(len(tiers)))
    random.shuffle(uses)
    entries = list(zip(tiers, uses, strict=True))
    moved = data.draw(some.sampled_from(range(len(entries))))
    source, use = entries[moved]
    target = data.draw(some.integers(source + 1, 4))
    others = entries[:moved] + entries[moved + 1 :]
    added = sum(source <= tier < target and other < use for tier, other in others)
    removed = sum(source < tier <= target and other > use for tier, other in others)
    assert inverted([*others, (target, use)]) - inverted(entries) == added - removed


def test_the_share_of_pairs_may_rise_while_none_is_added() -> None:
    """The page's example: one above ten older ones, and a newer one further below."""
    before = [(0, 50), *((1, use) for use in range(10)), (2, 99)]
    after = [(1, use) if tier == 0 else (tier, use) for tier, use in before]
    assert (inverted(before), inverted(after)) == (11, 11)
    assert sum(a < b for a, _ in before for b, _ in before) == 21
    assert sum(a < b for a, _ in after for b, _ in after) == 11


@pytest.mark.parametrize("ssd_moves", [True, False])
def test_the_same_request_in_order_and_past_a_full_tier(ssd_moves: bool) -> None:
    """The two sides of the line: the coldest of zswap goes to the SSD, which makes room, or past it, which turns all its pairs."""
    edges = [("zswap", "ssd"), ("ssd", "disk") if ssd_moves else ("zswap", "disk")]
    with st.SwapSystem(
        [
            st.ZswapSpec(name="zswap", max_pool="1M"),
            st.FileSpec(name="ssd", capacity="256K"),
            st.FileSpec(name="disk", capacity="1M"),
        ],
        [st.EdgeSpec(source=a, target=b, when=st.Triggers(request=True, pressure=True)) for a, b in edges],
    ) as swap:
        swap.cgroup("/w")
        for number, page in enumerate(interface.half_pages(128)):
            if number == 64:
                swap.demote("1M", source="zswap", cgroup="/w", target="ssd")
            swap.swap_out(page[None], "/w")  # one after the other: no two were used at the same time
        before = swap.inversion()
        swap.demote("64K", source="zswap", cgroup="/w")
        after = swap.inversion()
        assert swap.stats().tiers["disk"].entries >= 32
    assert before.pairs == 0
    assert after.by_tiers["ssd>disk"] == (0 if ssd_moves else 1)
    assert after.by_tiers["zswap>ssd"] == 0


@pytest.mark.parametrize("row", ["even 0.6", "even 0.6, random", "loop"])
def test_what_moves_cost_and_save_is_what_everybody_waits(row: str) -> None:
    """Question 5's line follows from counts: to the nanosecond the difference of all waiting is their arithmetic."""
    (pair,) = pairs(ROWS[row], seeds=1)
    stored = pair.moves.tiers["zswap"].stores - pair.still.tiers["zswap"].stores
    expected_ns = pair.moved * 8_000 + stored * 9_000 - pair.saved * (100_000 - 8_000)
    assert round((pair.moves.time.stall_s - pair.still.time.stall_s) * 1e9) == expected_ns
    assert pair.moved > 0


RESIDENT, POOL, SSD = 40, 64, 256


def faults_by_hand(pages: np.ndarray, chain: tuple[str, ...]) -> Counter[str]:
    """LRU memory of RESIDENT pages above a pool of POOL and an SSD of SSD: where faults are served from."""
    room = {"zswap": POOL, "ssd": SSD, "disk": len(pages)}
    tiers: dict[str, OrderedDict[int, None]] = {name: OrderedDict() for name in chain}
    resident: OrderedDict[int, None] = OrderedDict()
    served: Counter[str] = Counter()

    def put(page: int, place: int) -> None:
        tier = tiers[chain[place]]
        if len(tier) >= room[chain[place]]:
            put(tier.popitem(last=False)[0], place + 1)
        tier[page] = None

    for page in pages.tolist():
        if page in resident:
            resident.move_to_end(page)
            continue
        for name, tier in tiers.items():
            if page in tier:
                del tier[page]
                served[name] += 1
        if len(resident) >= RESIDENT:
            put(resident.popitem(last=False)[0], 0)
        resident[page] = None
    return served


@pytest.mark.parametrize("chain", [("zswap", "ssd", "disk"), ("zswap", "disk")])
def test_no_inversion_and_the_longest_faults_are_no_defect(chain: tuple[str, ...], tmp_path: Path) -> None:
    """The surprise of question 8: always skipping the SSD leaves no pair inverted and an empty SSD. Faults by tier are those
    of the model, to the last one."""
    refs = np.random.default_rng(5).zipf(1.2, 4000).astype(np.uint32) % 700
    refs.tofile(tmp_path / "refs.u32")
    edges = "\n".join(
        f"  - {{from: {a}, to: {b}, batch: 1, when: {{pressure: true}}}}" for a, b in itertools.pairwise(chain)
    )
    (tmp_path / "tiny.yaml").write_text(f"""
version: 1
charge_zswap: false
on_full: spill
tiers:
  zswap: {{kind: zswap, max_pool: {POOL * 4}K}}
  ssd:   {{kind: file, capacity: {SSD * 4}K}}
  disk:  {{kind: file, capacity: 64M}}
edges:
{edges}
cgroups: {{/w: {{memory.max: {RESIDENT * 4}K}}}}
workloads: [{{cgroup: /w, kind: trace, path: refs.u32, contents: random}}]
run: {{reclaim_batch: 1, inversion: exact, warmup: 0%, sample: 100us}}
""")
    (result,) = st.run(tmp_path / "tiny.yaml").variants.values()
    served = faults_by_hand(refs, chain)
    assert {name: result.tiers[name].loads for name in ("zswap", "ssd", "disk")} == {
        name: served[name] for name in ("zswap", "ssd", "disk")
    }
    assert result.inversion.pairs == 0
    assert served["disk"] > 0


def test_a_difference_is_one_beyond_the_spread() -> None:
    """Overlapping ranges are none, whatever their means; others are in percent of the first."""
    assert Figure((1.0, 3.0)).against(Figure((2.5, 4.0))) == "none"
    assert Figure((1.0, 2.0)).against(Figure((3.0, 3.0))) == "-50 %"
    assert str(Figure((10.0, 14.0))) == "12 ±2"


@pytest.mark.parametrize("number", QUESTIONS)
def test_every_question_in_a_reduced_form(number: str) -> None:
    """One row and one seed of each: it runs, and prints the heads and the variants that stand in the page."""
    question: Question = QUESTIONS[number]
    row = next(iter(question.rows))
    lines = list(table(question, ask(question, seeds=1, sets=["run.until=2s"], rows=[row])))
    block = block_of(f"ask.py {number}")
    assert lines[0].split() == block[0].split()
    variants = [line[len(row) :].split()[0] for line in lines[1:]]
    assert variants == [re.split(r"  +", line[len(row) :].strip())[0] for line in block[1 : len(lines)]]


@pytest.mark.parametrize("number", QUESTIONS)
def test_the_pictures_show_the_tables(number: str) -> None:
    """A mark for each row, variant and figure that the question draws, and each stands in the table: neither is older."""
    table_cells = cells_of(block_of(f"ask.py {number}"))
    marks = said_in((PICTURES / f"dispute_{number}.svg").read_text(encoding="utf-8"))
    wanted = [(*key, FIGURES[name][0]) for name in QUESTIONS[number].drawn for key in table_cells]
    assert sorted((row, variant, heading) for row, variant, heading, _ in marks) == sorted(wanted)
    assert all(figure in table_cells[row, variant] for row, variant, _, figure in marks)
    assert f"](pictures/dispute_{number}.svg)" in PAGE


def test_a_question_is_drawn(tmp_path: Path) -> None:
    """Marks say in words what the table says, through the program's own drawing."""
    answer = {name: {"mean": Figure((1.0, 3.0)), "pairs": Figure((0.5, 0.5))} for name in ("still", "moves")}
    draw(QUESTIONS["1"], {"zipf": answer}, str(tmp_path / "picture.svg"))
    assert said_in((tmp_path / "picture.svg").read_text(encoding="utf-8"))[0] == (
        ("zipf", "still", "mean fault, us", "2.000 ±1.000")
    )


def test_the_interfaces_table_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Question 7 has no seeds: the page has it to the last word."""
    interface.main()
    assert capsys.readouterr().out.splitlines() == block_of("interface.py")
