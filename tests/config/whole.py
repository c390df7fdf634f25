"""A config with every key that there is, for tests that change each of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Keys = tuple[str | int, ...]


class Coldest:
    """A policy of a user's own."""

    def __init__(self, most: int) -> None:
        self.most = most

    def suggest(self, candidates: Any) -> Any:
        return range(min(self.most, len(candidates)))


_EDGE: dict[str, Any] = {
    "from": "zswap", "to": "ssd", "policy": "lru", "batch": 64,
    "when": {
        "pressure": True, "request": False, "limit": False, "watermark": {"high": "90%", "low": "80%"},
        "age": {"older_than": "3s", "every": "1s"},
    },
    "only": "not raw", "quota": {"bytes": "50M", "every": "1s", "burst": "1M"}, "share": "borrow",
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "version": 1, "page_size": "4K", "seed": 3, "ram": "16M", "charge_zswap": True, "legacy_swap_charge": False,
    "on_full": "demote",
    "tiers": {
        "zswap": {
            "kind": "zswap", "compressor": "lz4", "level": 1, "max_pool": "10%", "accept_threshold": "90%",
            "raw": "keep", "latency": {"read": "8us", "write": "9us", "call": "1ns"}, "priority": 3,
        },
        "ssd": {
            "kind": "file", "capacity": "1M", "direct": False, "on_full": "spill", "bandwidth": "2G/s", "priority": 2,
            "path": "ssd.swap", "keep_clean": True, "keep_below": "40%",
        },
        "log": {
            "kind": "file", "layout": "log", "capacity": "8M", "segment": "64K", "max_live": "70%", "cleaning": "demote",
            "compressor": "lz4", "priority": 0,
        },
        "disk": {"kind": "memory", "capacity": "8M", "priority": 1},
    },
    "edges": [_EDGE, {"from": "ssd", "to": "disk", "policy": "age", "older_than": "10s",
         "quota": {"time": "10ms", "every": "1s", "burst": "1ms"}},
        {"from": "zswap", "to": "log", "keep_compressed": True, "policy": "whole:Coldest", "options": {"most": 5},
         "only": "raw"}],
    "cgroups": {
        "/web": {
            "memory.max": "1M", "memory.zswap.max": "1M", "memory.swap.max": "200M", "memory.zswap.writeback": True,
            "memory.swap.tiers.max": {"disk": "max", "ssd": "4K"}, "memory.swap.tiers.low": {"ssd": "1M", "zswap": "max"},
        }
    },
    "workloads": [
        {
            "cgroup": "/web", "kind": "zipf", "pages": 500, "refs": 1000, "alpha": 0.9, "drift": "2%", "writes": "3%",
            "rate": 3, "think": "1us", "contents": {"mix": {"text": "50%", "random": "50%"}}, "start": "20%",
        },
        {"cgroup": "/db", "kind": "trace", "path": "db.u32", "format": "u32", "pages": 100, "passes": 2, "rate": 1},
        {"cgroup": "/db", "kind": "uniform", "pages": 10, "refs": 20, "writes": "1%", "rate": 1},
        {"cgroup": "/db", "kind": "phases", "pages": 10, "refs": 3, "working_set": 4, "phase": 3, "replace": "50%",
         "rate": 1},
        {"cgroup": "/db", "kind": "sequence", "rate": 0.5,
         "steps": [{"kind": "zipf", "pages": 5, "refs": 5}, {"kind": "scan", "pages": 4, "passes": 1}]},
    ],
    "dialect": "all",
    "actions": [
        {"at": "2s", "demote": "10M", "source": "zswap", "cgroup": "/web", "target": "ssd", "referenced": "ignore",
         "must": True},
        {"at": "2500ms", "write": "10M source=zswap", "to": "/web/memory.reclaim", "must": False},
        {"at": "3s", "evacuate": "ssd"},
    ],
    "controllers": [
        {"kind": "psi", "cgroup": "/web", "source": "zswap", "to": "ssd", "target": "1%", "every": "6s", "gain": "1%",
         "back_off": "50%", "most": "20%"},
        {"kind": "promotion-rate", "cgroup": "/web", "source": "resident", "target": "0.2%/min", "every": "1min",
         "min_age": "2min", "percentile": 98.5, "history": 60, "off_for": "1min"},
        {"kind": "zswap-shrinker", "source": "zswap", "every": "100ms"},
    ],
    "run": {
        "until": "end", "warmup": "20%", "sample": "100ms", "reclaim_batch": 32, "payload": "sizes",
        "interleave": "references", "inversion": "sampled", "repeat": 1,
    },
    "variants": {"a": {"edges": [], "on_full": "spill", "actions": [], "controllers": []}, "b": {}},
}  # fmt: skip
NAMED: tuple[Keys, ...] = (
    ("tiers",), ("cgroups",), ("variants",), ("cgroups", "/web", "memory.swap.tiers.max"),
    ("cgroups", "/web", "memory.swap.tiers.low"), ("workloads", 0, "contents", "mix"),
)  # fmt: skip
"""Mappings whose keys are names that the config gives itself."""


def write(folder: Path, config: dict[str, Any]) -> Path:
    """The config as a file, one key to a line, with the trace that it names."""
    np.arange(100, dtype="<u4").tofile(folder / "db.u32")
    text = json.dumps(config, indent=1).replace("NaN", ".nan").replace("-Infinity", "-.inf").replace("Infinity", ".inf")
    path = folder / "whole.yaml"
    path.write_text(text)
    return path


def every_place(value: Any = WHOLE, above: Keys = ()) -> Iterator[Keys]:
    """The keys to every value in it, mappings and lists too."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield (*above, step)
        yield from every_place(each, (*above, step))


def at(keys: Keys, config: Any = WHOLE) -> Any:
    """The value under the keys."""
    for step in keys:
        config = config[step]
    return config


def changed(keys: Keys, value: Any) -> dict[str, Any]:
    """A copy with another value under the keys."""
    config = copy.deepcopy(WHOLE)
    at(keys[:-1], config)[keys[-1]] = value
    return config


def without(keys: Keys) -> dict[str, Any]:
    """A copy that lacks the last of the keys."""
    config = copy.deepcopy(WHOLE)
    del at(keys[:-1], config)[keys[-1]]
    return config
