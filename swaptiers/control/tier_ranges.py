"""Named ranges of swap priority, as a write to /sys/kernel/mm/swap/tiers makes them (swap tiers v10, kernel.md 1.2).

A value: a write gives new ranges, or raises OSError with the kernel's errno and leaves the old ones as they are.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import NoReturn

import attrs

DEFAULT_PRIORITY = -1
"""DEF_SWAP_PRIO: where the lowest range starts."""
MAX_PRIORITY = 32767
"""SHRT_MAX: where the highest range ends."""
NR_SWAP_TIERS = 4
"""CONFIG_NR_SWAP_TIERS, 1 to MAX_RANGES."""
MAX_RANGES = 31
"""Bit 31 of the kernel's mask is the tier of devices before any tier is configured."""
NAME = re.compile(r"[A-Za-z0-9_]{1,15}", re.ASCII)
"""MAX_TIERNAME is 16 with its NUL; a longer name is refused, not cut."""
SEPARATORS = re.compile(r"[, \t\n]+")
S16 = re.compile(r"[+-]?[0-9]+", re.ASCII)


@attrs.frozen
class NamedRange:
    """One tier as the kernel understands the word: the devices whose priority is `start` or more, up to the next one's.

    `index`: its slot in a table, which is its bit in a cgroup's mask. It says nothing about the order.
    """

    name: str
    index: int
    start: int


@attrs.frozen
class TierRanges:
    """All ranges, highest first; none until something is written.

    `most`: as many as there may be. `removed`: indexes of those that the last write removed, whether or not they were given
    to others in it.
    """

    ranges: tuple[NamedRange, ...] = ()
    most: int = attrs.field(default=NR_SWAP_TIERS)
    removed: frozenset[int] = attrs.field(default=frozenset(), eq=False)

    @most.validator
    def _check_most(self, _: object, most: int) -> None:
        if not 1 <= most <= MAX_RANGES:
            raise ValueError(f"there may be 1 to {MAX_RANGES} named tiers, not {most}")

    def written(self, text: str, devices: Mapping[str, int]) -> TierRanges:
        """What a write makes of these ranges: all of it or, if OSError is raised, nothing.

        `devices`: the active swap devices and their priorities. Before the first configuration they are in no range and
        so pin none; they get theirs when the write is done.
        """
        assigned = devices if self.ranges else {}
        after = attrs.evolve(self, removed=frozenset())
        for token in filter(None, SEPARATORS.split(text)):
            if token[0] == "+":
                after = after._with(token[1:], assigned)
            elif token[0] == "-":
                after = after._without(token[1:], assigned)
            else:
                _refuse(errno.EINVAL, f"{token!r}: write +NAME:PRIORITY or -NAME")
        if after.ranges and after.ranges[-1].start != DEFAULT_PRIORITY:
            lowest = after.ranges[-1]
            _refuse(
                errno.EINVAL,
                f"the lowest tier, {lowest.name}, would start at {lowest.start}; every priority from "
                f"{DEFAULT_PRIORITY} on has to be in a tier",
            )
        return after

    def _with(self, wanted: str, devices: Mapping[str, int]) -> TierRanges:
        """`+NAME:PRIORITY`: a new range, split off the one that spans its start."""
        name, colon, number = wanted.partition(":")
        if not colon or not S16.fullmatch(number) or not -32768 <= int(number) <= MAX_PRIORITY:
            _refuse(errno.EINVAL, f"+{wanted}: a tier is +NAME:PRIORITY, with a number of 16 bits")
        start = int(number)
        if start < DEFAULT_PRIORITY:
            _refuse(errno.EINVAL, f"+{wanted}: a tier starts at {DEFAULT_PRIORITY} or above")
        if any(other.name == name for other in self.ranges):
            _refuse(errno.EEXIST, f"+{wanted}: there is a tier {name}; its start can't be changed")
        if not NAME.fullmatch(name):
            _refuse(errno.EINVAL, f"+{wanted}: a name has 1 to 15 of A-Z, a-z, 0-9 and _")
        if any(other.start == start for other in self.ranges):
            _refuse(errno.EBUSY, f"+{wanted}: there is a tier that starts at {start}")
        free = set(range(self.most)) - {other.index for other in self.ranges}
        if not free:
            _refuse(errno.ENOSPC, f"+{wanted}: there are {self.most} tiers already")
        split = self.at(start)
        for device in self.members(split.name, devices) if split else ():
            if devices[device] >= start:
                _refuse(errno.EBUSY, f"+{wanted}: {device}, priority {devices[device]}, would change its tier")
        made = NamedRange(name, min(free), start)
        ordered = sorted((*self.ranges, made), key=lambda each: -each.start)
        return attrs.evolve(self, ranges=tuple(ordered))

    def _without(self, name: str, devices: Mapping[str, int]) -> TierRanges:
        """`-NAME`: the range goes to the one below it; where there is none, to the one above."""
        place = next((i for i, each in enumerate(self.ranges) if each.name == name), None)
        if place is None:
            _refuse(errno.EINVAL, f"-{name}: there is no such tier")
        members = self.members(name, devices)
        if members:
            _refuse(errno.EBUSY, f"-{name}: {members[0]} is in it; remove the device first")
        left = [each for each in self.ranges if each.name != name]
        if left and place == len(left):
            left[-1] = attrs.evolve(left[-1], start=DEFAULT_PRIORITY)
        return attrs.evolve(self, ranges=tuple(left), removed=self.removed | {self.ranges[place].index})

    def at(self, priority: int) -> NamedRange | None:
        """The range that a priority lies in; None only while there are none, or in the middle of a write."""
        return next((each for each in self.ranges if each.start <= priority), None)

    def end(self, name: str) -> int:
        """The last priority of a range. KeyError for an unknown one."""
        end = MAX_PRIORITY
        for each in self.ranges:
            if each.name == name:
                return end
            end = each.start - 1
        raise KeyError(name)

    def members(self, name: str, devices: Mapping[str, int]) -> tuple[str, ...]:
        """The devices in a range, highest priority first; none for an unknown range."""
        inside = [device for device, priority in devices.items() if (tier := self.at(priority)) and tier.name == name]
        return tuple(sorted(inside, key=lambda device: -devices[device]))

    def shown(self) -> str:
        """What a read gives."""
        rows: list[tuple[object, ...]] = [("Name", "Idx", "PrioStart", "PrioEnd")]
        rows += [(each.name, each.index, each.start, self.end(each.name)) for each in self.ranges]
        return "".join(f"{name:<16} {index:<5} {start:<11} {end:<11}\n" for name, index, start, end in rows)


def _refuse(number: int, why: str) -> NoReturn:
    raise OSError(number, why)
