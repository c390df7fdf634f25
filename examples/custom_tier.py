"""A tier of one's own: whole pages as rows of a SQLite database, below zswap. docs/custom-tier.md goes through it.

python examples/custom_tier.py
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
from pathlib import Path
from typing import Literal

import attrs
import numpy as np

import swaptiers as st


class SqliteTier:
    """Rows (slot, page) in a temporary database without a name, which goes when it is closed."""

    compressed = by_reference = False  # whole pages, and written

    def __init__(self, name: str, synchronous: str) -> None:
        self.name = name
        self._lock = threading.Lock()  # one connection, many threads
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = {synchronous}")
        self._db.execute("CREATE TABLE pages (slot INTEGER PRIMARY KEY, page BLOB NOT NULL)")

    def encode(self, page):
        return page

    decode = encode

    def store(self, slots, payloads) -> None:
        with self._transaction():
            self._db.executemany("REPLACE INTO pages VALUES (?, ?)", zip(slots.tolist(), payloads, strict=True))

    def load(self, slots, lengths) -> list[bytes]:
        with self._transaction():
            rows = [self._db.execute("SELECT page FROM pages WHERE slot = ?", (s,)).fetchone() for s in slots.tolist()]
        if None in rows:
            raise OSError(errno.EIO, "a page is missing")
        return [page for (page,) in rows]

    def free(self, slots) -> None:
        with self._transaction():
            self._db.executemany("DELETE FROM pages WHERE slot = ?", ((slot,) for slot in slots.tolist()))

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def _transaction(self):
        try:
            with self._lock, self._db:  # committed, or rolled back: a batch is in or it is not
                yield
        except sqlite3.Error as error:
            raise OSError(errno.EIO, str(error)) from error


@attrs.frozen(kw_only=True)
class SqliteSpec(st.CustomTierSpec):
    kind: Literal["sqlite"] = "sqlite"
    synchronous: Literal["off", "normal", "full"] = "off"

    def open(self, slots: int, page_size: int, folder: Path) -> SqliteTier:
        return SqliteTier(self.name, self.synchronous)


if __name__ == "__main__":
    pages = np.random.default_rng(1).integers(0, 32, (2000, 4096), np.uint8)
    with st.SwapSystem([st.ZswapSpec(name="zswap", max_pool="2M"), SqliteSpec(name="rows", capacity="64M")]) as swap:
        ids = swap.swap_out(pages)
        print({name: tier.entries for name, tier in swap.stats().tiers.items()})
        print("all came back as they were:", (swap.swap_in(ids) == pages).all())
