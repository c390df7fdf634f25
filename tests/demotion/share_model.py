"""Cgroups that give entries in turns, entry by entry and without any cleverness: what the shares must come to."""

from __future__ import annotations

from fractions import Fraction

import attrs

ROOT = "/"


@attrs.define
class Model:
    """What each cgroup holds in the source, in entries; all of one size.

    `paths`: in the tree's order. `low`: protection by path. `room`: how many more each may have in the target.
    """

    share: str
    batch: int
    paths: list[str]
    held: dict[str, int]
    low: dict[str, int]
    room: dict[str, int]
    owes: dict[str, Fraction] = attrs.field(factory=dict)
    cursor: int = -1
    passed_over: int = 0
    low_events: int = 0

    def demote(self, entries: int, scope: str = ROOT) -> int:
        """As a request does: batch after batch until so many went, or nobody gives any. The number that went."""
        gone = 0
        while gone < entries:
            given = self._one_batch(entries - gone, scope)
            if not given:
                break
            gone += given
        return gone

    def _one_batch(self, wanted: int, scope: str) -> int:
        asked: set[str] = set()
        skipped: set[str] = set()
        for heeded in (True, False):
            while candidates := [
                path for path in self.paths if is_below(path, scope) and self.held[path] and path not in asked
            ]:
                path = self._whose_turn(candidates, scope)
                asked.add(path)
                spare = self._spare(path, scope) if heeded else wanted
                if spare <= 0:
                    skipped.add(path)
                    self.passed_over += 1
                    continue
                self.cursor = self.paths.index(path)
                given = min(self.batch, wanted, self.room[path], spare, self.held[path])
                if given:
                    others = [path] + [each for each in candidates if each not in asked]
                    self._settle(path, given, others)
                    self.held[path] -= given
                    self.room[path] -= given
                    self.low_events += not heeded
                    return given
            asked -= skipped
        return 0

    def _spare(self, path: str, scope: str) -> int:
        protections = [each for each in self.low if self.low[each] and is_below(path, each) and is_below(each, scope)]
        spares = [self._tree(each) - self.low[each] for each in protections if each != scope]
        return min(spares, default=1 << 30)

    def _tree(self, path: str) -> int:
        return sum(held for each, held in self.held.items() if is_below(each, path))

    def _whose_turn(self, candidates: list[str], scope: str) -> str:
        if self.share == "round-robin":
            after = [path for path in candidates if self.paths.index(path) > self.cursor]
            return (after or candidates)[0]
        if self.share == "borrow":
            holding = [path for path in self.paths if is_below(path, scope) and self.held[path]]
            fair = Fraction(sum(self.held[path] for path in holding), len(holding))
            return max(candidates, key=lambda path: self.held[path] - max(fair, self.low.get(path, 0)))
        whole = sum(self.held[path] for path in candidates)
        return max(candidates, key=lambda path: self.owes.get(path, 0) + Fraction(self.batch * self.held[path], whole))

    def _settle(self, giver: str, given: int, others: list[str]) -> None:
        whole = sum(self.held[path] for path in others)
        for path in others:
            self.owes[path] = self.owes.get(path, Fraction(0)) + Fraction(given * self.held[path], whole)
        self.owes[giver] -= given


def is_below(path: str, above: str) -> bool:
    """True for itself too."""
    return above in (ROOT, path) or path.startswith(above + "/")


def max_min(held: list[int], left: int) -> list[Fraction]:
    """`left` shared out so that nobody has more than it held, and the least are as well off as they can be."""
    out = [Fraction(0)] * len(held)
    rest, wanting = Fraction(left), [i for i in range(len(held)) if held[i]]
    while wanting:
        level = rest / len(wanting)
        content = [i for i in wanting if held[i] <= level]
        for i in content or wanting:
            out[i] = min(level, Fraction(held[i]))
            rest -= out[i]
        wanting = [i for i in wanting if i not in content] if content else []
    return out
