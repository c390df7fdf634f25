"""The systems whose accounts are kept in `known.json`, small enough that every limit of theirs is met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import swaptiers as st

ZSWAP = {"name": "zswap", "max_pool": "48K"}
PRESSURE, LIMIT = st.Triggers(pressure=True), st.Triggers(limit=True)


def _zswap(**terms: Any) -> st.ZswapSpec:
    return st.ZswapSpec(**{**ZSWAP, **terms})


def _far(capacity: str = "64K") -> st.MemorySpec:
    return st.MemorySpec(name="far", capacity=capacity)


def _disk(**terms: Any) -> st.FileSpec:
    return st.FileSpec(**{"name": "disk", "capacity": "512K", **terms})


def _log(**terms: Any) -> st.FileSpec:
    return st.FileSpec(**{"name": "log", "capacity": "512K", "layout": "log", "segment": "64K", **terms})


def _edge(source: str, target: str, **terms: Any) -> st.EdgeSpec:
    return st.EdgeSpec(**{"source": source, "target": target, "batch": 7, **terms})


SYSTEMS: dict[str, Callable[[], dict[str, Any]]] = {
    "chain": lambda: {
        "tiers": [_zswap(), _far(), _disk()],
        "edges": [_edge("zswap", "far", when=PRESSURE), _edge("far", "disk", when=PRESSURE)],
    },
    "kernel": lambda: {
        "tiers": [_zswap(accept_threshold="70%"), _disk()],
        "edges": [_edge("zswap", "disk", policy="second-chance", when=LIMIT)],
        "on_full": "spill",
    },
    "legacy": lambda: {
        "tiers": [_zswap(raw="refuse"), _disk()],
        "edges": [_edge("zswap", "disk", policy="fifo")],
        "on_full": "spill",
        "legacy_swap_charge": True,
        "charge_zswap": False,
    },
    "background": lambda: {
        "tiers": [_zswap(), _far(), _disk()],
        "edges": [
            _edge("zswap", "far", when=st.Triggers(pressure=True, watermark=st.Watermark(high="60%", low="30%"))),
            _edge("far", "disk", when=st.Triggers(pressure=True, age=st.AgeTrigger(older_than="400ns", every="90ns"))),
        ],
    },
    "branches": lambda: {
        "tiers": [_zswap(), _far(), _disk()],
        "edges": [
            _edge("zswap", "disk", only="raw"),
            _edge("zswap", "far", policy="largest"),
            _edge("far", "disk", policy="random"),
        ],
    },
    "denser": lambda: {
        "tiers": [_zswap(), _zswap(name="dense", level=9), _disk()],
        "edges": [
            _edge("zswap", "dense", policy="age", older_than="20ns"),
            _edge("dense", "disk", policy="second-chance"),
        ],
    },
    "log": lambda: {
        "tiers": [_zswap(), _log(), _disk()],
        "edges": [_edge("zswap", "log", keep_compressed=True), _edge("log", "disk")],
    },
    "log, cleaned down": lambda: {
        "tiers": [_zswap(), _log(cleaning="demote"), _disk(), _far("512K")],
        "edges": [
            _edge("zswap", "log"),
            _edge("log", "far", only="ratio > 0.4"),
            _edge("log", "disk"),
        ],
    },
    "log alone": lambda: {"tiers": [_log()], "edges": [], "on_full": "refuse"},
    "kept": lambda: {
        "tiers": [_zswap(), _disk(keep_clean=True, keep_below="90%")],
        "edges": [
            _edge("zswap", "disk", when=st.Triggers(pressure=True, watermark=st.Watermark(high="70%", low="40%")))
        ],
    },
    "quotas": lambda: {
        "tiers": [_zswap(), _far(), _disk()],
        "edges": [
            _edge("zswap", "far", quota=st.Quota(written_bytes="24K", every="100ns", burst="8K")),
            _edge("far", "disk", quota=st.Quota(time="50ns", every="100ns")),
        ],
        "on_full": "spill",
    },
    "shares": lambda: {
        "tiers": [_zswap(), _far(), _disk()],
        "edges": [_edge("zswap", "far", share="proportional"), _edge("far", "disk", share="borrow")],
    },
}
"""Keyword arguments of a SwapSystem, by name."""
