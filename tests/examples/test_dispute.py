"""docs/lru-inversion.md: its condition against counting, its surprise against a model of a few lines, and every command in a
reduced form."""

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

ROOT = Path(__file__).parent.parent.parent
DISPUTE = ROOT / "examples" / "dispute"
sys.path.insert(0, str(DISPUTE))

from ask import table  # noqa: E402 -- the programs stand beside their configs
from questions import QUESTIONS  # noqa: E402
from trials import Figure, Question, ask  # noqa: E402

PAGE = (ROOT / "docs/lru-inversion.md").read_text(encoding="utf-8")
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
    block = PAGE.split(f"```\n$ python examples/dispute/ask.py {number}\n")[1].split("```")[0].splitlines()
    assert lines[0].split() == block[0].split()
    variants = [line[len(row) :].split()[0] for line in lines[1:]]
    assert variants == [re.split(r"  +", line[len(row) :].strip())[0] for line in block[1 : len(lines)]]
