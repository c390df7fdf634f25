"""Stack distances, computed the plainest way: the truth that a chain of tiers is compared with."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence


def stack_distances(pages: Sequence[int]) -> list[int]:
    """Per reference: how many other pages were referenced since the page's last reference; -1 for the first."""
    stack: list[int] = []
    found: list[int] = []
    for page in pages:
        if page in stack:
            place = stack.index(page)
            found.append(place)
            del stack[place]
        else:
            found.append(-1)
        stack.insert(0, page)
    return found


def expected_loads(pages: Sequence[int], capacities: Sequence[int]) -> Counter[int]:
    """How many references find their page at each level of one LRU stack cut at the capacities (pages); -1 = new.

    The levels: resident memory, then one tier after the other; the last one takes whatever is left.
    """
    levels: Counter[int] = Counter()
    for distance in stack_distances(pages):
        if distance < 0:
            levels[-1] += 1
            continue
        level, bound = 0, capacities[0]
        while level < len(capacities) and distance >= bound:
            level += 1
            bound += capacities[level] if level < len(capacities) else 0
        levels[level] += 1
    return levels


def zipf_pages(draw: random.Random, pages: int, count: int) -> list[int]:
    weights = [1 / (rank + 1) ** 0.8 for rank in range(pages)]
    order = draw.sample(range(pages), pages)
    return [order[rank] for rank in draw.choices(range(pages), weights, k=count)]


def scan_pages(draw: random.Random, pages: int, count: int) -> list[int]:
    start = draw.randrange(pages)
    return [(start + i) % pages for i in range(count)]


def walk_pages(draw: random.Random, pages: int, count: int) -> list[int]:
    at, found = draw.randrange(pages), []
    for _ in range(count):
        at = (at + draw.randint(-30, 30)) % pages
        found.append(at)
    return found


def mixed_pages(draw: random.Random, pages: int, count: int) -> list[int]:
    parts = [make(draw, pages, count // 6) for make in (zipf_pages, scan_pages, walk_pages) * 2]
    draw.shuffle(parts)
    return [page for part in parts for page in part]


PATTERNS = {"zipf": zipf_pages, "scan": scan_pages, "walk": walk_pages, "mixed": mixed_pages}
