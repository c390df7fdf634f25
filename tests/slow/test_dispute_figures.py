"""docs/lru-inversion.md to the last figure: of each question one row whole, with its five seeds (all: page.py --check)."""

from __future__ import annotations

import sys

import pytest

from tests.examples.dispute_page import DISPUTE, block_of, cells_of

sys.path.insert(0, str(DISPUTE))

import break_even
from ask import table
from questions import QUESTIONS
from trials import ask

ROWS = {
    "1": "sqlite3",
    "2": "4 programs",
    "3": "16 programs, 1ms",
    "4": "60%, cold, flash",
    "5": "loop",
    "6": "small beside large",
    "8": "scan once",
    "9": "phases",
}


@pytest.mark.slow
@pytest.mark.parametrize("number", QUESTIONS)
def test_a_row_of_each_question(number: str) -> None:
    """A change in the program that moves a figure without the page being drawn up again; or a result that is not the seeds'."""
    row = ROWS[number]
    printed = cells_of(list(table(QUESTIONS[number], ask(QUESTIONS[number], rows=[row]))))
    in_the_page = cells_of(block_of(f"ask.py {number}"))
    assert printed == {key: cells for key, cells in in_the_page.items() if key[0] == row}
    assert len(printed) > 1


@pytest.mark.slow
def test_a_row_of_the_line() -> None:
    """The same for what moves save."""
    assert break_even.line("even 0.6, random") in block_of("break_even.py")
