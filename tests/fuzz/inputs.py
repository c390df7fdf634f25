"""What strangers might write: strategies of units, of YAML documents, and of the bytes of traces."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import zstandard
from hypothesis import strategies as some

from swaptiers.workloads.formats import ORACLE_GENERAL

Strategy = some.SearchStrategy[Any]
compress: Callable[[bytes], bytes] = zstandard.ZstdCompressor(level=1).compress

UNIT_LETTERS = "0123456789.,KMGTPEkmgtpibBhnusµ%/ -+_eExaf\u0663\u00b2\uff15\n\t\0"
unit_texts: Strategy = some.one_of(
    some.text(UNIT_LETTERS, max_size=12),
    some.builds("{}{}{}{}".format, some.integers(-5, 10**22), some.sampled_from(["", ".", ".5", ".0", "e9", " "]),
                some.sampled_from(["", "K", "M", "T", "P", "KiB", "ns", "us", "s", "h", "%", " %", "G/s", "/s"]),
                some.sampled_from(["", " ", "\n", "x", "/min"])),
    some.text(max_size=50),
)  # fmt: skip
unit_values: Strategy = some.one_of(
    unit_texts,
    unit_texts,
    unit_texts,
    some.one_of(some.integers(), some.floats(), some.booleans(), some.none(), some.binary(max_size=8),
                some.lists(some.integers(), max_size=2), some.integers().map(lambda n: 10 ** min(abs(n), 5000))),
)  # fmt: skip

GOOD = """\
version: 1
ram: 16M
tiers:
  zswap: {kind: zswap, max_pool: 10%}
  disk: {kind: file, capacity: 8M}
edges:
  - {from: zswap, to: disk, when: {watermark: {high: 90%, low: 80%}}}
cgroups:
  /web: {memory.max: 1M}
workloads:
  - {cgroup: /web, kind: zipf, pages: 500, refs: 1000}
actions: [{at: 1s, demote: 1M, source: zswap}]
run: {payload: sizes}
variants: {a: {}, b: {ram: 8M}}
"""
KEYS = [
    "version",
    "seed",
    "ram",
    "page_size",
    "tiers",
    "edges",
    "cgroups",
    "workloads",
    "actions",
    "controllers",
    "run",
    "variants",
    "on_full",
    "charge_zswap",
    "kind",
    "capacity",
    "max_pool",
    "compressor",
    "level",
    "path",
    "direct",
    "layout",
    "segment",
    "max_live",
    "cleaning",
    "keep_clean",
    "from",
    "to",
    "policy",
    "when",
    "pressure",
    "watermark",
    "high",
    "low",
    "limit",
    "age",
    "every",
    "older_than",
    "batch",
    "quota",
    "share",
    "only",
    "options",
    "memory.max",
    "memory.zswap.max",
    "memory.swap.max",
    "memory.swap.tiers.max",
    "memory.swap.tiers.low",
    "cgroup",
    "pages",
    "refs",
    "alpha",
    "drift",
    "writes",
    "passes",
    "phase",
    "working_set",
    "replace",
    "steps",
    "contents",
    "mix",
    "files",
    "think",
    "rate",
    "start",
    "at",
    "demote",
    "source",
    "target",
    "evacuate",
    "referenced",
    "target",
    "gain",
    "until",
    "warmup",
    "sample",
    "reclaim_batch",
    "payload",
    "interleave",
    "inversion",
    "repeat",
    "zswap",
    "disk",
    "ssd",
    "/web",
    "/",
    "name",
    "latency",
    "read",
    "write",
    "call",
    "bandwidth",
    "priority",
]
SCALARS = [
    "zswap",
    "file",
    "memory",
    "lz4",
    "zstd",
    "lru",
    "fifo",
    "age",
    "random",
    "oracle",
    "zipf",
    "uniform",
    "scan",
    "phases",
    "trace",
    "sequence",
    "psi",
    "promotion-rate",
    "zswap-shrinker",
    "resident",
    "real",
    "sizes",
    "end",
    "time",
    "references",
    "exact",
    "off",
    "true",
    "false",
    "null",
    "~",
    "yes",
    "no",
    "0",
    "1",
    "-1",
    "500",
    "1e9",
    ".nan",
    ".inf",
    "0x10",
    "0o7",
    "4K",
    "10M",
    "1P",
    "900P",
    "10%",
    "101%",
    "1s",
    "5ms",
    "2G/s",
    "1200/min",
    "max",
    "demote",
    "spill",
    "refuse",
    "text",
    "json",
    "zero",
    "ratio<0.5",
    "a:B",
    "os:system",
    "..",
    "../x",
    "/etc/passwd",
    "1073741824",
    "99999999999999999999999999999999",
    "9223372036854775807",
    "2001-01-01",
    "!!int",
    "*a",
    "&a",
    "<<",
    "|",
    ">",
    "-",
    "?",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    "%",
    "@",
    "`",
    "'",
    '"',
    "\\",
]
words: Strategy = some.sampled_from([*KEYS, *SCALARS])
plain_values: Strategy = some.recursive(
    some.one_of(some.sampled_from(SCALARS), some.integers(), some.floats(), some.booleans(), some.none(), some.text(max_size=8)),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(some.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip


def _edited(edits: list[tuple[int, int, str]]) -> str:
    """The good config with words in the place of others."""
    parts = GOOD.split(" ")
    for at, count, word in edits:
        place = at % len(parts)
        parts[place : place + count] = [word]
    return " ".join(parts)


def _with_key(path: list[str], value: Any) -> str:
    """The good config, as JSON, with one value somewhere else."""
    whole: dict[str, Any] = {
        "tiers": {"zswap": {"kind": "zswap"}, "disk": {"kind": "file", "capacity": "8M"}},
        "cgroups": {"/web": {"memory.max": "1M"}},
        "workloads": [{"cgroup": "/web", "kind": "zipf", "pages": 500, "refs": 1000}],
        "run": {"payload": "sizes"},
    }
    at: Any = whole
    for step in path[:-1]:
        at = at[0] if isinstance(at, list) else at.setdefault(step, {})
        if not isinstance(at, dict | list):
            break
    if isinstance(at, dict):
        at[path[-1]] = value
    return json.dumps(whole)


paths: Strategy = some.lists(some.sampled_from(KEYS), min_size=1, max_size=3)
documents: Strategy = some.one_of(
    some.lists(some.tuples(some.integers(0, 60), some.integers(0, 2), words), min_size=1, max_size=4).map(_edited),
    some.builds(_with_key, paths, plain_values),
    some.lists(some.one_of(words, some.sampled_from(["\n", " ", "  ", ": ", "- ", "\n  "])), max_size=30).map("".join),
    some.text(max_size=40),
    some.builds(lambda text, times: text * times, some.sampled_from(["[", "- ", "? ", "{a: ", "a:\n ", "&a ", "!", "'", "%T\n"]),
                some.integers(1, 200)),
)  # fmt: skip

csv_lines: Strategy = some.lists(
    some.one_of(
        some.sampled_from(["id,size,op", "page,op", "address", "id", '"id"', "#", "", ",", "1,2,3"]),
        some.builds("{},{},{}".format, some.integers(-1, 1 << 65), some.integers(-1, 1 << 34), some.sampled_from("rwgsx")),
        some.text(max_size=20),
    ),
    max_size=8,
).map(lambda lines: "\n".join(lines).encode(errors="surrogatepass"))  # fmt: skip
lackey_lines: Strategy = some.lists(
    some.one_of(
        some.builds(" {} {:x},{}".format, some.sampled_from("ILSM"), some.integers(0, 1 << 66), some.integers(0, 99999)),
        some.text(max_size=20),
    ),
    max_size=8,
).map(lambda lines: "\n".join(lines).encode(errors="surrogatepass"))  # fmt: skip
oracle_records: Strategy = some.lists(
    some.tuples(some.integers(0, 9), some.integers(0, (1 << 64) - 1), some.integers(0, (1 << 32) - 1), some.integers(-1, 9)),
    max_size=6,
).map(lambda rows: np.array(rows, ORACLE_GENERAL).tobytes())  # fmt: skip
trace_bytes: Strategy = some.one_of(some.binary(max_size=80), csv_lines, lackey_lines, oracle_records)


def _damaged(data: bytes, at: int, byte: int, cut: int) -> bytes:
    whole = bytearray(compress(data))
    whole[at % len(whole)] = byte
    return bytes(whole[: len(whole) - cut])


traces: Strategy = some.tuples(
    some.sampled_from(["u32", "csv", "lackey", "oracleGeneral"]),
    some.one_of(
        some.tuples(some.just(""), trace_bytes),
        some.tuples(some.just(".zst"), trace_bytes.map(compress)),
        some.tuples(some.just(".zst"), some.builds(_damaged, trace_bytes, some.integers(0, 99), some.integers(0, 255), some.integers(0, 5))),
        some.tuples(some.just(".zst"), some.binary(max_size=60)),
    ),
)  # fmt: skip
