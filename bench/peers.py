"""Stores that a Python program could take instead: each keeps pages by number, with the same budget where it has one.

None of them knows cgroups, recency in tiers or demotion; what they are given to do is the part that all can do.
"""

from __future__ import annotations

import importlib
import importlib.util
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import lz4.block

from bench.corpus import PAGE
from bench.rows import UnavailableError

Pages = Sequence[tuple[int, bytes]]
"""Number and bytes of each."""
MAP_BYTES = 4 << 30
Change = Callable[[bytes], bytes]


class Store(Protocol):
    """Pages by number, in a folder that is its own."""

    def put(self, pages: Pages) -> None: ...

    def get(self, number: int) -> bytes: ...

    def close(self) -> None: ...


def _module(name: str) -> Any:
    if importlib.util.find_spec(name) is None:
        raise UnavailableError(f"{name} is not installed: pip install 'swaptiers[bench]'")
    return importlib.import_module(name)


def _pack(page: bytes) -> bytes:
    packed: bytes = lz4.block.compress(page, store_size=False)
    return packed


def _unpack(packed: bytes) -> bytes:
    page: bytes = lz4.block.decompress(packed, uncompressed_size=PAGE)
    return page


def _same(data: bytes) -> bytes:
    return data


class Lmdb:
    """A transaction a batch, nothing synced. It has no budget: its pages are the page cache's."""

    def __init__(self, folder: Path, budget: int, *, packed: bool) -> None:
        lmdb = _module("lmdb")
        self._environment = lmdb.open(
            str(folder / "lmdb"), map_size=MAP_BYTES, sync=False, metasync=False, writemap=True, max_dbs=0
        )
        self._out: Change = _pack if packed else _same
        self._in: Change = _unpack if packed else _same

    def put(self, pages: Pages) -> None:
        with self._environment.begin(write=True) as transaction:
            for number, page in pages:
                transaction.put(number.to_bytes(8, "big"), self._out(page))

    def get(self, number: int) -> bytes:
        with self._environment.begin() as transaction:
            return self._in(transaction.get(number.to_bytes(8, "big")))

    def close(self) -> None:
        self._environment.close()


class Sqlite:
    """A write-ahead log, nothing synced, the budget as its cache."""

    def __init__(self, folder: Path, budget: int) -> None:
        self._db = sqlite3.connect(folder / "pages.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=OFF", f"cache_size=-{budget >> 10}"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE pages (number INTEGER PRIMARY KEY, page BLOB)")

    def put(self, pages: Pages) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO pages VALUES (?, ?)", pages)
        self._db.execute("COMMIT")

    def get(self, number: int) -> bytes:
        page: bytes = self._db.execute("SELECT page FROM pages WHERE number = ?", (number,)).fetchone()[0]
        return page

    def close(self) -> None:
        self._db.close()


class Rocks:
    """lz4 in its blocks, no write-ahead log, a quarter of the budget to write into and the rest as its cache."""

    def __init__(self, folder: Path, budget: int) -> None:
        rocks = _module("rocksdict")
        options = rocks.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_compression_type(rocks.DBCompressionType.lz4())
        options.set_write_buffer_size(budget // 4)
        blocks = rocks.BlockBasedOptions()
        blocks.set_block_cache(rocks.Cache(budget * 3 // 4))
        options.set_block_based_table_factory(blocks)
        self._db = rocks.Rdict(str(folder / "rocks"), options)
        unlogged = rocks.WriteOptions()
        unlogged.disable_wal = True
        self._db.set_write_options(unlogged)
        self._rocks = rocks

    def put(self, pages: Pages) -> None:
        batch = self._rocks.WriteBatch(raw_mode=True)
        for number, page in pages:
            batch.put(number.to_bytes(8, "big"), page)
        self._db.write(batch)

    def get(self, number: int) -> bytes:
        page: bytes = self._db[number.to_bytes(8, "big")]
        return page

    def close(self) -> None:
        self._db.close()


class Zict:
    """A buffer of lz4 payloads up to the budget, over LMDB or a folder of files: what dask's workers spill with."""

    def __init__(self, folder: Path, budget: int, *, below: str) -> None:
        zict = _module("zict")
        if below == "lmdb":
            _module("lmdb")
            slow = zict.LMDB(str(folder / "zict"))
        else:
            slow = zict.File(str(folder / "zict"))
        self._slow = slow
        self._pages = zict.Func(_pack, _unpack, zict.Buffer({}, slow, budget, weight=lambda _, packed: len(packed)))

    def put(self, pages: Pages) -> None:
        self._pages.update((str(number), page) for number, page in pages)

    def get(self, number: int) -> bytes:
        page: bytes = self._pages[str(number)]
        return page

    def close(self) -> None:
        self._slow.close()


class Diskcache:
    """sqlite3 with small values inside, nothing evicted."""

    def __init__(self, folder: Path, budget: int) -> None:
        diskcache = _module("diskcache")
        self._cache = diskcache.Cache(
            str(folder / "diskcache"), eviction_policy="none", size_limit=MAP_BYTES, sqlite_cache_size=budget >> 12
        )

    def put(self, pages: Pages) -> None:
        with self._cache.transact():
            for number, page in pages:
                self._cache.set(number, page)

    def get(self, number: int) -> bytes:
        page: bytes = self._cache[number]
        return page

    def close(self) -> None:
        self._cache.close()


PEERS: dict[str, Callable[[Path, int], Store]] = {
    "lmdb": lambda folder, budget: Lmdb(folder, budget, packed=False),
    "lmdb_lz4": lambda folder, budget: Lmdb(folder, budget, packed=True),
    "sqlite3": Sqlite,
    "rocksdict": Rocks,
    "zict_lmdb": lambda folder, budget: Zict(folder, budget, below="lmdb"),
    "zict_file": lambda folder, budget: Zict(folder, budget, below="file"),
    "diskcache": Diskcache,
}
