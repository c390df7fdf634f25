"""Tables as files: Parquet where pyarrow is there, otherwise CSV with the same columns; and back."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from swaptiers.errors import ResultError
from swaptiers.report.tables import DATA_SCHEMA, Block, Names

ROW_BYTES = 64
"""What a row takes in memory, about."""
SCHEMA_KEY, RUN_KEY = b"swaptiers.schema", b"swaptiers.run"


def has_parquet() -> bool:
    """True if pyarrow is there."""
    return importlib.util.find_spec("pyarrow") is not None


def write_csv(blocks: Iterable[Block], path: Path) -> None:
    """A header, then a line per row; an empty field where there is nothing; whole numbers without a point."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for number, block in enumerate(blocks):
            if number == 0:
                writer.writerow(block.columns)
            columns = [list(c) if isinstance(c, Names) else _plain(c.tolist()) for c in block.columns.values()]
            writer.writerows(zip(*columns, strict=True))


def _plain(values: list[Any]) -> list[Any]:
    return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]


def write_parquet(blocks: Iterable[Block], path: Path, run: str) -> None:
    """A row group per block. `run`: which summary.json the table belongs to, kept in its metadata."""
    parquet: Any = importlib.import_module("pyarrow.parquet")
    writer: Any = None
    try:
        for block in blocks:
            table = arrow_table(block, run)
            writer = writer or parquet.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def arrow_table(block: Block, run: str) -> Any:
    """The block as Arrow has it: words as dictionaries, the schema's number and the run in the metadata."""
    arrow: Any = importlib.import_module("pyarrow")
    arrays = {
        name: arrow.DictionaryArray.from_arrays(
            arrow.array(column.codes, mask=column.codes < 0), arrow.array(list(column.words), arrow.string())
        )
        if isinstance(column, Names)
        else arrow.array(column)
        for name, column in block.columns.items()
    }
    metadata = {SCHEMA_KEY: str(DATA_SCHEMA).encode(), RUN_KEY: run.encode()}
    return arrow.table(arrays).replace_schema_metadata(metadata)


def find_table(folder: Path, name: str) -> Path | None:
    """The file of that table in a folder of results, in whichever form; None if there is none."""
    files = (folder / f"{name}{suffix}" for suffix in (".parquet", ".csv"))
    return next((path for path in files if path.exists()), None)


def read_table(path: Path, run: str, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The table in pieces, each a dict of Arrow arrays by column. `columns`: name -> Arrow type, as DuckDB would say it.

    Raises ResultError if it is no such table, of another schema, or belongs to another summary.json.
    """
    arrow: Any = importlib.import_module("pyarrow")
    try:
        pieces = _parquet_pieces(path, run) if path.suffix == ".parquet" else _csv_pieces(path, columns)
        for piece in pieces:
            missing = [name for name in columns if name not in piece.schema.names]
            if missing:
                raise ResultError(f"{path}: the column {missing[0]} is missing: it is no table of this kind")
            found = {name: piece.column(name).cast(arrow.type_for_alias(kind)) for name, kind in columns.items()}
            for name, kind in columns.items():
                if kind != "string" and found[name].null_count:
                    raise ResultError(f"{path}: a number is missing in the column {name}")
            yield found
    except (arrow.ArrowException, OSError, MemoryError, UnicodeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ResultError(f"{path} can't be read: {first}") from error


def _parquet_pieces(path: Path, run: str) -> Iterator[Any]:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        metadata = file.schema_arrow.metadata or {}
        schema = metadata.get(SCHEMA_KEY, b"none").decode(errors="replace")
        if schema != str(DATA_SCHEMA):
            raise ResultError(
                f"{path} has schema {schema}, and this swaptiers reads {DATA_SCHEMA}; use the version that wrote it"
            )
        if metadata.get(RUN_KEY) != run.encode():
            raise ResultError(f"{path} does not belong to the summary.json beside it; run the experiment again")
        rows, memory = file.metadata.num_rows, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if rows * ROW_BYTES > memory // 2:  # a small file can say that it has many
            raise ResultError(f"{path} has {rows:,} rows: that is more than this machine has the memory for")
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def _csv_pieces(path: Path, columns: Mapping[str, str]) -> Iterator[Any]:
    arrow: Any = importlib.import_module("pyarrow")
    reader: Any = importlib.import_module("pyarrow.csv")
    types = {name: arrow.type_for_alias(kind) for name, kind in columns.items()}
    yield reader.read_csv(path, convert_options=reader.ConvertOptions(column_types=types, strings_can_be_null=True))
