"""Small wrong changes to a program, made from its syntax tree: each is what a slip of the hand would have made."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
WRITTEN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.BitOr: ("|", "&"), ast.BitAnd: ("&", "|"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.FloorDiv: ("//", "*"),
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """`text[start:end]` of the file `path` becomes `after`. `line`: 1-based; `kind`: which slip."""

    path: str
    line: int
    kind: str
    start: int
    end: int
    before: str
    after: str

    def applied(self, text: str) -> str:
        """The file's text with the slip."""
        assert text[self.start : self.end] == self.before
        return text[: self.start] + self.after + text[self.end :]

    def __str__(self) -> str:
        before, after = (" ".join(part.split())[:60] for part in (self.before, self.after))
        return f"{self.path}:{self.line} {self.kind}: `{before}` -> `{after}`"


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its text."""
    starts = _line_starts(text)
    tree = ast.parse(text)
    skipped = _not_run(tree)
    for node in ast.walk(tree):
        if node in skipped or not hasattr(node, "lineno"):
            continue
        for kind, first, last, after in _slips(node, text, starts):
            yield Mutant(path, text.count("\n", 0, first) + 1, kind, first, last, text[first:last], after)


def sample(root: Path, folders: Sequence[str], count: int, seed: int, left_out: Sequence[str] = ()) -> list[Mutant]:
    """So many of all mutants of the files in `folders` (or of a file). Those that come first by a hash of the seed and of what
    they change, not of where: an edit elsewhere leaves the others as they are."""
    found: dict[bytes, Mutant] = {}
    for folder in folders:
        place = root / folder
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            path = str(file.relative_to(root))
            if path in left_out:
                continue
            text = file.read_text(encoding="utf-8")
            lines, alike = text.splitlines(), Counter[tuple[object, ...]]()
            for mutant in sorted(mutants(path, text), key=lambda m: (m.start, m.kind)):
                what = (seed, path, lines[mutant.line - 1].strip(), mutant.kind, mutant.before, mutant.after)
                alike[what] += 1
                found[hashlib.sha256(repr((what, alike[what])).encode()).digest()] = mutant
    chosen = [mutant for _, mutant in sorted(found.items())[:count]]
    return sorted(chosen, key=lambda m: (m.path, m.start))


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _not_run(tree: ast.AST) -> set[ast.AST]:
    """Annotations, docstrings, imports, messages of errors, what only types see, and what is only there for numba."""
    out: set[ast.AST] = set()
    for node in ast.walk(tree):
        unseen: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            unseen = [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            unseen = [*node.bases, *node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            unseen = [node.annotation]
        elif (
            isinstance(node, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom)
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp) and _is_type(node))
        ):
            unseen = [node]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "interpreted()":
            unseen = list(node.orelse)
        for each in unseen:
            if each is not None:
                out |= set(ast.walk(each))
    return out


def _is_type(node: ast.Assign) -> bool:
    """An alias of types: its name starts with a capital and has small letters."""
    name = node.targets[0]
    return isinstance(name, ast.Name) and name.id[:1].isupper() and not name.id.isupper()


def _slips(node: ast.AST, text: str, starts: list[int]) -> Iterator[tuple[str, int, int, str]]:
    """(kind, first, last, text in its place)."""
    if isinstance(node, ast.Compare):
        left: ast.expr = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            yield from _between(
                left, right, WRITTEN[type(operator)], COMPARISONS[type(operator)], "comparison", text, starts
            )
            left = right
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        before, after = ARITHMETIC[type(node.op)]
        yield from _between(node.left, node.right, before, after, "arithmetic", text, starts)
    elif isinstance(node, ast.BoolOp):
        before, after = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        yield from _between(node.values[0], node.values[1], before, after, "logic", text, starts)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        first, last = _span(node, text, starts)
        inner, _ = _span(node.operand, text, starts)
        yield "logic", first, last, text[inner:last]
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield "number", *_span(node, text, starts), str(node.value + 1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "number", *_span(node, text, starts), str(not node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        yield "swap", *_span(node.func, text, starts), SWAPPED[node.func.id]
    elif isinstance(node, ast.If) and all(
        isinstance(each, ast.Raise | ast.Return | ast.Continue) for each in node.body
    ):
        yield "dropped check", *_span(node.test, text, starts), "False"
    elif (
        isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript))
    ):
        yield "dropped statement", *_span(node, text, starts), "pass"


def _span(node: ast.AST, text: str, starts: list[int]) -> tuple[int, int]:
    """Where a node stands; the tree counts bytes of UTF-8."""
    return _offset(node.lineno, node.col_offset, text, starts), _offset(
        node.end_lineno, node.end_col_offset, text, starts
    )  # type: ignore[attr-defined]


def _offset(line: int, column: int, text: str, starts: list[int]) -> int:
    row = text[starts[line - 1] : starts[line]]
    return starts[line - 1] + len(row.encode()[:column].decode())


def _between(
    left: ast.expr, right: ast.expr, before: str, after: str, kind: str, text: str, starts: list[int]
) -> Iterator[tuple[str, int, int, str]]:
    """The operator that stands between two operands."""
    _, first = _span(left, text, starts)
    last, _ = _span(right, text, starts)
    at = text.find(before, first, last)
    if at >= 0:
        yield kind, at, at + len(before), after
