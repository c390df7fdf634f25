"""What may be written: sizes as memparse() takes them, and the words of each file. Pure functions, no system behind them."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as any_

import swaptiers as st
from swaptiers.control.grammar import (
    DemoteRequest,
    ReclaimRequest,
    memparse,
    parse_demote,
    parse_limit,
    parse_reclaim,
    parse_switch,
    parse_tier_limit,
)
from swaptiers.units import MAX_BYTES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", (0, "")),
        ("10M", (10 << 20, "")),
        ("10m", (10 << 20, "")),
        ("3K rest", (3 << 10, " rest")),
        ("0x20k", (32 << 10, "")),
        ("0X1fG", (31 << 30, "")),
        ("017", (15, "")),
        ("08", (0, "8")),
        ("0x", (0, "x")),
        ("1T", (1 << 40, "")),
        ("5source=zswap", (5, "source=zswap")),
        ("1MB", (1 << 20, "B")),
        ("1.5M", (1, ".5M")),
        ("99999999999999999999E", (MAX_BYTES, "")),
        ("9" * 4000, (MAX_BYTES, "")),
    ],
)
def test_sizes_are_read_as_memparse_does(text: str, expected: tuple[int, str]) -> None:
    """Octal and hexadecimal, one suffix of either case, the rest left where it is; a size too large wraps to a small one."""
    assert memparse(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "+1", "M", " 1", "max", "ten", "٣", "²"])
def test_no_size(text: str) -> None:
    """Another script's digits, or a sign, taken for a number."""
    with pytest.raises(st.ControlFileError) as caught:
        memparse(text)
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10M", {}),
        ("10M\n", {}),
        ("  10M   ", {}),
        ("10M swappiness=60", {"swappiness": 60}),
        ("10M swappiness=0", {"swappiness": 0}),
        ("10M swappiness=200", {"swappiness": 200}),
        ("10M swappiness=0x10", {"swappiness": 16}),
        ("10M swappiness=max", {"swappiness": "max"}),
        ("10M swappiness=1 swappiness=2", {"swappiness": 2}),
        ("10M source=zswap", {"sources": ("zswap",), "form": "source"}),
        ("10Msource=zswap", {"sources": ("zswap",), "form": "source"}),
        ("10M   source=zswap  ", {"sources": ("zswap",), "form": "source"}),
        ("10M source=anon,zswap", {"sources": ("anon", "zswap"), "form": "source"}),
        ("10M zswap_writeback_only", {"sources": ("zswap",), "form": "zswap_writeback_only"}),
    ],
)
def test_memory_reclaim(text: str, expected: dict[str, Any]) -> None:
    """user_proactive_reclaim()'s words, and those that were proposed."""
    assert parse_reclaim(text) == ReclaimRequest(nbytes=10 << 20, **expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "source=zswap",
        "swappiness=60",
        "source=zswap 10M",
        "10M zswap",
        "10M swappiness=201",
        "10M swappiness=-1",
        "10M swappiness=",
        "10M swappiness=sixty",
        "10M swappiness=1.0",
        "10M source=",
        "10M source=zswap swappiness=60",
        "10M swappiness=60 source=zswap",
        "10M swappiness=max source=zswap",
        "10M zswap_writeback_only swappiness=60",
        "10M swappiness=60 zswap_writeback_only",
        "10M zswap_writeback_only source=zswap",
        "10M source=zswap,zswap",
        "10M source=zswap,",
        "10M source=" + "x" * 16,
        "10M swappiness=60\tswappiness=60",
        "10M 10M",
        "10M max",
        "-10M",
        "1.5M",
    ],
)
def test_memory_reclaim_refuses(text: str) -> None:
    """Anything else is -EINVAL; a word that is passed over would reclaim what nobody asked for."""
    with pytest.raises(st.ControlFileError) as caught:
        parse_reclaim(text)
    assert caught.value.errno == errno.EINVAL


def test_memory_swap_tiers_demote() -> None:
    """The grammar of docs/memory.swap.tiers.demote.md."""
    assert parse_demote("10M zswap\n") == DemoteRequest(nbytes=10 << 20, tier="zswap")
    assert parse_demote(" 4K\tssd  to=disk ") == DemoteRequest(nbytes=4096, tier="ssd", to="disk")
    assert parse_demote("1 a referenced=ignore to=b") == DemoteRequest(nbytes=1, tier="a", to="b", referenced="ignore")
    assert parse_demote("1 a referenced=rotate").referenced == "rotate"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10M",
        "zswap 10M",
        "10Mzswap",
        "10M zswap ssd",
        "10M zswap to",
        "10M zswap to=a to=b",
        "10M zswap from=a",
        "10M zswap referenced=",
        "10M zswap referenced=maybe",
        "10M zswap swappiness=60",
        "10M to=ssd",
    ],
)
def test_memory_swap_tiers_demote_refuses(text: str) -> None:
    """Anything else is -EINVAL. (`10M to=ssd` has a tier of that name, which there can't be: its file refuses it.)"""
    if text == "10M to=ssd":
        assert parse_demote(text).tier == "to=ssd"
        return
    with pytest.raises(st.ControlFileError) as caught:
        parse_demote(text)
    assert caught.value.errno == errno.EINVAL


def test_memory_swap_tiers_max() -> None:
    """One pair, with max, 0 or a number."""
    assert parse_tier_limit("ssd max\n") == ("ssd", None)
    assert parse_tier_limit("ssd 0") == ("ssd", 0)
    assert parse_tier_limit("  ssd\t4K ") == ("ssd", 4096)
    for text in ("", "ssd", "ssd max disk max", "ssd max max", "ssd -1", "ssd maximum", "max", "0", "ssd 4K5"):
        with pytest.raises(st.ControlFileError):
            parse_tier_limit(text)


@given(any_.text(max_size=60))
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    """A Python error instead of an errno: digits of another script, thousands of digits, surrogates."""
    for parse in (parse_reclaim, parse_demote, parse_tier_limit, parse_switch, lambda word: parse_limit(word, 4096)):
        try:
            parse(text)
        except st.ControlFileError as refused:
            assert refused.errno in (errno.EINVAL, errno.ERANGE)


@given(any_.integers(0, 1 << 40), any_.sampled_from(["", "K", "m", "G"]), any_.sampled_from([10, 8, 16]))
def test_a_size_in_any_base_is_its_value(number: int, suffix: str, base: int) -> None:
    """A base or a suffix that is not heeded."""
    digits = {10: str(number), 8: f"0{number:o}", 16: f"{number:#x}"}[base]
    shift = {"": 0, "K": 10, "m": 20, "G": 30}[suffix]
    assert memparse(digits + suffix) == (min(number << shift, MAX_BYTES), "")
