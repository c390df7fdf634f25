"""What the pages of an episode contain: each is known by a number, and by nothing else."""

from __future__ import annotations

import random

PAGE = 4096


def page_of(number: int) -> bytes:
    """The page of that number: empty, incompressible, small when compressed, or about half."""
    draw = random.Random(number)
    kind = number % 9
    if kind == 0:
        return bytes(4096)
    if kind < 3:
        return draw.randbytes(4096)
    if kind < 6:
        return draw.randbytes(64) * 64
    return draw.randbytes(2048) + bytes(2048)
