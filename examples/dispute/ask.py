"""Ask one of the dispute's questions: docs/lru-inversion.md has them all, with their answers.

python examples/dispute/ask.py                   (lists the questions)
python examples/dispute/ask.py 2                 (asks one: up to a few minutes)
python examples/dispute/ask.py 2 --set tiers.ssd.capacity=16M --seeds 3 --row "8 programs"
python examples/dispute/ask.py 2 --svg FILE      (and draws it; wants altair and vl-convert-python)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import click
from pictures import draw
from questions import QUESTIONS
from trials import FIGURES, Question, Row, ask

import swaptiers as st


def table(question: Question, answers: dict[str, Row]) -> Iterator[str]:
    """A line per row and variant; `change`: of the first figure, against the row's first variant."""
    heads = [FIGURES[name][0] for name in question.figures]
    heads.insert(1, "change")
    lines = [["", "", *heads], *itertools.chain.from_iterable(_lines(question, *item) for item in answers.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for label, variant, *cells in lines:
        yield "  ".join([label.ljust(widths[0]), variant.ljust(widths[1]), *map(str.rjust, cells, widths[2:])]).rstrip()


def _lines(question: Question, label: str, row: Row) -> Iterator[list[str]]:
    first = next(iter(row.values()))[question.figures[0]]
    for name, figures in row.items():
        main = figures[question.figures[0]]
        cells = ["-" if figure is None else str(figure) for figure in figures.values()]
        cells.insert(1, "" if main is first or main is None or first is None else main.against(first))
        yield [label, name, *cells]
        label = ""  # said once


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("number", type=click.Choice(list(QUESTIONS)), required=False)
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="Runs of each, with their spread.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a key of the config in every row.")
@click.option("--row", "rows", multiple=True, metavar="ROW", help="Only this row (may be repeated).")
@click.option("--svg", type=click.Path(dir_okay=False), help="Draw into this file.")
def main(number: str | None, seeds: int, sets: tuple[str, ...], rows: tuple[str, ...], svg: str | None) -> None:
    """Ask question NUMBER."""
    if number is None:
        for key, question in QUESTIONS.items():
            print(f"{key}  {question.title}  ({question.config})")
        return
    question = QUESTIONS[number]
    unknown = [row for row in rows if row not in question.rows]
    if unknown:
        raise click.BadParameter(f"there is no row {unknown[0]!r}; there are {', '.join(question.rows)}")
    try:
        answers = ask(question, seeds, sets, rows)
    except st.ConfigError as error:
        raise click.ClickException(str(error)) from None
    for line in table(question, answers):
        print(line)
    if svg:
        draw(question, answers, svg)


if __name__ == "__main__":
    main()
