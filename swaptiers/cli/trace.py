"""`swaptiers trace`: what a trace is like, and from one format to another."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np
import zstandard
from rich.console import Console

from swaptiers.errors import ConfigError
from swaptiers.report.trace import trace_table, write_curve
from swaptiers.workloads.distances import miss_curve
from swaptiers.workloads.formats import FORMATS
from swaptiers.workloads.specs import MAX_PAGES
from swaptiers.workloads.trace import Survey
from swaptiers.workloads.unpacking import PAGE_OF_WORD

format_option = click.option("--format", "form", type=click.Choice(list(FORMATS)), default="u32", show_default=True)


@click.group()
def trace() -> None:
    """Look at a trace of references, or convert one."""


@trace.command()
@click.argument("path", type=click.Path(path_type=Path))
@format_option
@click.option("--csv", "target", type=click.Path(path_type=Path), help="Write the miss-ratio curve to this file.")
def info(path: Path, form: str, target: Path | None) -> None:
    """References, pages, writes, and how often an LRU memory of each size would miss."""
    survey = Survey.make(path, form)
    pages = survey.top_page + 1
    if pages > MAX_PAGES:
        raise ConfigError(f"the trace {path} has page numbers above {MAX_PAGES}; give one with dense page numbers")
    curve = miss_curve((words & PAGE_OF_WORD for words in FORMATS[form](path)), pages)
    Console().print(trace_table(survey, pages, curve))
    if target is not None:
        with _writable(target):
            write_curve(pages, curve, target)


@trace.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@format_option
def convert(path: Path, target: Path, form: str) -> None:
    """Write the trace PATH as format u32 to TARGET (compressed if that ends in .zst). Pages are numbered densely."""
    if target.exists():
        raise ConfigError(f"{target} is there already; give another name")
    partial = target.with_name(f".{target.name}.part")
    refs = 0
    with _writable(target):
        try:
            with partial.open("xb") as file:
                refs = _copy(path, form, file, compressed=target.suffix == ".zst")
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    click.echo(f"wrote {refs:,} references to {target}")


def _copy(path: Path, form: str, file: BinaryIO, *, compressed: bool) -> int:
    refs = 0
    with contextlib.ExitStack() as stack:
        out: BinaryIO = file
        if compressed:
            out = stack.enter_context(zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False))
        for words in FORMATS[form](path):
            out.write(words.astype(np.dtype("<u4")).tobytes())
            refs += words.size
    return refs


@contextlib.contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{target} can't be written: {error.strerror}; give another path") from error
