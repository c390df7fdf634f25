"""What may be written into control files: from text to values, with the kernel's own parsers as the model.

Pure functions. They raise ControlFileError with the errno that the kernel gives: -EINVAL, or -ERANGE for a switch.
"""

from __future__ import annotations

import errno
import re
from typing import Literal

import attrs

from swaptiers.control.file import invalid
from swaptiers.demotion.request import Referenced
from swaptiers.errors import ControlFileError
from swaptiers.units import MAX_BYTES, shown

SPACE = " \t\n\v\f\r"
"""What strstrip() takes off."""
SWAPPINESS_MAX = 200
NAME_MAX = 15
"""Characters in a tier's name, and in a name after ``source=``."""
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
_INT = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_SHIFT = {"K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60}
INT_MAX = (1 << 31) - 1


@attrs.frozen(kw_only=True)
class ReclaimRequest:
    """A write to memory.reclaim. `sources`: what was named, in order; () = whatever can be reclaimed."""

    nbytes: int
    swappiness: int | Literal["max"] | None = None
    sources: tuple[str, ...] = ()
    form: Literal["plain", "source", "zswap_writeback_only"] = "plain"


@attrs.frozen(kw_only=True)
class DemoteRequest:
    """A write to memory.swap.tiers.demote."""

    nbytes: int
    tier: str
    to: str | None = None
    referenced: Referenced = "rotate"


def stripped(text: str) -> str:
    """The text without space around it, as strstrip() leaves it."""
    return text.strip(SPACE)


def memparse(text: str) -> tuple[int, str]:
    """A size at the start of the text, and the rest: ``10M source=zswap`` is 10485760 and `` source=zswap``.

    Decimal, 0x.. or 0.. (octal), with one of K M G T P E of either case behind it, which is binary. One above `MAX_BYTES`
    counts as that (memparse() wraps at 2^64). Raises ControlFileError -EINVAL where no number stands.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise invalid(f"a size like 10M stands first, not {shown(text)}")
    nbytes, rest = _magnitude(match[0]), text[match.end() :]
    shift = _SHIFT.get(rest[:1].upper())
    if shift is not None:
        nbytes, rest = nbytes << shift, rest[1:]
    return min(nbytes, MAX_BYTES), rest


def _magnitude(digits: str) -> int:
    """A number as simple_strtoull() takes it with base 0."""
    if len(digits) > 40:
        return MAX_BYTES
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    return int(digits, 8 if digits[0] == "0" else 10)


def parse_limit(text: str, page_size: int) -> int | None:
    """A limit in bytes, rounded down to whole pages, or None for ``max``, as page_counter_memparse() has it."""
    word = stripped(text)
    if word == "max":
        return None
    nbytes, rest = memparse(word)
    if rest:
        raise invalid(f"a size or max is wanted, not {shown(word)}")
    return nbytes // page_size * page_size


def parse_switch(text: str) -> bool:
    """0 or 1, as kstrtoint() reads it. -ERANGE for what is no 32-bit number, -EINVAL for anything else."""
    word = stripped(text)
    match = _INT.fullmatch(word)
    if match is None:
        raise invalid(f"0 or 1 is wanted, not {shown(word)}")
    number = _magnitude(match[2])
    if number > INT_MAX + (match[1] == "-"):
        raise ControlFileError(errno.ERANGE, f"0 or 1 is wanted, not {shown(word)}")
    if (match[1] == "-" and number) or number > 1:
        raise invalid(f"0 or 1 is wanted, not {shown(word)}")
    return bool(number)


def parse_reclaim(text: str) -> ReclaimRequest:
    """``<size> [swappiness=<0..200>|max]``, ``<size> source=<name>[,<name>]`` or ``<size> zswap_writeback_only``.

    As user_proactive_reclaim() reads it: the size, then words between spaces, of which the last of a kind counts.
    """
    nbytes, rest = memparse(stripped(text))
    swappiness: int | Literal["max"] | None = None
    sources: tuple[str, ...] = ()
    only = False
    for word in stripped(rest).split(" "):
        if word.startswith("swappiness="):
            swappiness = _swappiness(word.removeprefix("swappiness="))
        elif word.startswith("source="):
            sources = _sources(word.removeprefix("source="))
        elif word == "zswap_writeback_only":
            only = True
        elif word:
            raise invalid(f"memory.reclaim knows no {shown(word)}")
    if swappiness is not None and (sources or only):
        raise invalid("swappiness= chooses between anon and file, source= names what to take: one of them at a time")
    if sources and only:
        raise invalid("source= and zswap_writeback_only say the same thing: one of them at a time")
    if only:
        return ReclaimRequest(nbytes=nbytes, sources=("zswap",), form="zswap_writeback_only")
    return ReclaimRequest(nbytes=nbytes, swappiness=swappiness, sources=sources, form="source" if sources else "plain")


def _swappiness(value: str) -> int | Literal["max"]:
    if value == "max":
        return "max"
    match = _INT.fullmatch(value)
    if match is None or match[1] == "-" or _magnitude(match[2]) > SWAPPINESS_MAX:
        raise invalid(f"swappiness is 0 to {SWAPPINESS_MAX}, or max, not {shown(value)}")
    return _magnitude(match[2])


def _sources(value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    if any(not 0 < len(name) <= NAME_MAX for name in names) or len(set(names)) < len(names):
        raise invalid(f"source= has different names with commas between, like source=anon,zswap, not {shown(value)}")
    return names


def parse_tier_limit(text: str) -> tuple[str, int | None]:
    """One pair ``<tier> max`` or ``<tier> 0``; another number of bytes is an extension. The tier, and None for ``max``."""
    words = stripped(text).split()
    if len(words) != 2:
        raise invalid(f"one pair like `ssd 0` or `ssd max` is wanted, not {shown(stripped(text))}")
    tier, value = words
    if value == "max":
        return tier, None
    nbytes, rest = memparse(value)
    if rest:
        raise invalid(f"{tier} takes max, 0 or a size, not {shown(value)}")
    return tier, nbytes


def parse_demote(text: str) -> DemoteRequest:
    """``<size> <tier> [to=<tier>] [referenced=rotate|ignore]``: words between white space, the keys in any order, once."""
    words = stripped(text).split()
    if len(words) < 2:
        raise invalid(f"a size and a tier are wanted, like `10M zswap`, not {shown(stripped(text))}")
    nbytes, rest = memparse(words[0])
    if rest:
        raise invalid(f"a size like 10M stands first, not {shown(words[0])}")
    keys: dict[str, str] = {}
    for word in words[2:]:
        key, equals, value = word.partition("=")
        if key not in ("to", "referenced") or not equals or key in keys:
            raise invalid(f"after size and tier, to= and referenced= may stand once each, not {shown(word)}")
        keys[key] = value
    referenced = keys.get("referenced", "rotate")
    if referenced not in ("rotate", "ignore"):
        raise invalid(f"referenced= is rotate or ignore, not {shown(referenced)}")
    return DemoteRequest(
        nbytes=nbytes,
        tier=words[1],
        to=keys.get("to"),
        referenced="ignore" if referenced == "ignore" else "rotate",
    )
