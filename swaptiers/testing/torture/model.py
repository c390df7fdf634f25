"""What must be in the system, kept outside of it: pages by number."""

from __future__ import annotations

from collections.abc import Iterable

from swaptiers.testing.torture.pages import page_of


class Model:
    """`ids`: the pages that are in, and their entries. `clean`: those that were taken with `keep_clean`. `gone`: ids of
    pages that left."""

    def __init__(self) -> None:
        self.ids: dict[int, int] = {}
        self.clean: dict[int, int] = {}
        self.gone: dict[int, int] = {}
        self._contents: dict[int, bytes] = {}

    def content(self, page: int) -> bytes:
        """The page's bytes."""
        known = self._contents.get(page)
        if known is None:
            known = self._contents[page] = page_of(page)
        return known

    def present(self, pages: Iterable[int]) -> list[int]:
        """Those of the pages that are in."""
        return [page for page in pages if page in self.ids]

    def absent(self, pages: Iterable[int]) -> list[int]:
        """Those of the pages that are neither in nor taken for a while."""
        return [page for page in pages if page not in self.ids and page not in self.clean]

    def put(self, page: int, entry: int) -> None:
        """The page is in."""
        self.ids[page] = entry
        self.clean.pop(page, None)
        self.gone.pop(page, None)

    def drop(self, page: int) -> None:
        """The page is out."""
        self.gone[page] = self.ids.pop(page)
        self._contents.pop(page, None)

    def lend(self, page: int) -> None:
        """The page is out, and its slot may be kept."""
        self.clean[page] = self.ids.pop(page)

    def page_at(self, entry: int) -> int | None:
        """The page whose id this is."""
        return next((page for page, each in self.ids.items() if each == entry), None)
