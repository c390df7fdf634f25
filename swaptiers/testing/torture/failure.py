"""What an episode fails with."""

from __future__ import annotations


class TortureError(AssertionError):
    """Something that must hold does not. `kind`: what sort of thing, which stays the same while the episode is shrunk."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind
