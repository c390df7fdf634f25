"""Named ranges of priority: every row of the kernel's error table, and any sequence of writes against a table of all priorities."""

from __future__ import annotations

import errno
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swaptiers.control.tier_ranges import MAX_PRIORITY, TierRanges

TWO = TierRanges().written("+hi:100 +lo:-1", {})
"""hi[100..32767], lo[-1..99]."""


def refused(ranges: TierRanges, text: str, devices: dict[str, int] | None = None) -> int:
    """The errno of a write that has to fail."""
    with pytest.raises(OSError, match=r"\S") as caught:
        ranges.written(text, devices or {})
    assert caught.value.errno is not None
    return caught.value.errno


def starts(ranges: TierRanges) -> dict[str, tuple[int, int]]:
    return {each.name: (each.start, ranges.end(each.name)) for each in ranges.ranges}


@pytest.mark.parametrize(
    "text",
    [
        "hi:100",
        "SSD",
        "+new",
        "+new:",
        "+new:x",
        "+new:1.5",
        "+new: 5",
        "+new:32768",
        "+new:-32769",
        "+new:0x10",
        "+new:1:2",
        "+",
    ],
)
def test_a_token_that_is_no_tier_is_einval(text: str) -> None:
    """Would catch a token without sign, a name without start, or a start beyond 16 bits that is let through."""
    assert refused(TWO, text) == errno.EINVAL


def test_a_start_below_the_default_priority_is_einval() -> None:
    """Would catch a range that reaches below where any device can be."""
    assert refused(TWO, "+low:-2") == errno.EINVAL


@pytest.mark.parametrize("name", ["bad.name", "", "x" * 16, "ä", "a-b", "a/b"])
def test_a_bad_name_is_einval(name: str) -> None:
    """Would catch a name that a mask or a path can't carry, or one that is cut to 15 instead of refused."""
    assert refused(TWO, f"+{name}:200") == errno.EINVAL


def test_fifteen_characters_are_a_name() -> None:
    """Would catch a limit that is off by one."""
    assert "x" * 15 in starts(TWO.written(f"+{'x' * 15}:200", {}))


def test_a_name_that_there_is_is_eexist() -> None:
    """Would catch a second range of one name, or a start that is changed."""
    assert refused(TWO, "+hi:200") == errno.EEXIST
    assert refused(TWO, "+hi:100") == errno.EEXIST, "the name is looked at before the start"


def test_a_start_that_there_is_is_ebusy() -> None:
    """Would catch two ranges that start at the same priority."""
    assert refused(TWO, "+dup:-1") == errno.EBUSY


@pytest.mark.parametrize("most", [1, 4, 31])
def test_more_tiers_than_slots_is_enospc(most: int) -> None:
    """Would catch a table that grows, and a removed tier whose slot is not free again."""
    full = TierRanges(most=most).written(" ".join(f"+t{i}:{i - 1}" for i in range(most)), {})
    assert len(full.ranges) == most
    assert refused(full, "+one_more:500") == errno.ENOSPC
    again = full.written("-t0 +again:500", {}) if most > 1 else full.written("-t0 +again:-1", {})
    assert next(each.index for each in again.ranges if each.name == "again") == 0


@pytest.mark.parametrize("most", [0, 32, -1])
def test_the_number_of_slots_is_a_configs(most: int) -> None:
    """Would catch a table as large as no kernel can be built with: bit 31 is taken."""
    with pytest.raises(ValueError, match="1 to 31"):
        TierRanges(most=most)


@pytest.mark.parametrize("text", ["-nobody", "-", "-hi:100"])
def test_removing_what_there_is_not_is_einval(text: str) -> None:
    """Would catch a removal that passes silently."""
    assert refused(TWO, text) == errno.EINVAL


@pytest.mark.parametrize(("start", "number"), [(151, None), (150, errno.EBUSY), (120, errno.EBUSY)])
def test_a_split_below_an_active_device_is_ebusy(start: int, number: int | None) -> None:
    """Would catch a device that changes its tier because somebody split it (tier consistency)."""
    devices = {"ssd": 150, "disk": 10}
    if number is None:
        after = TWO.written(f"+top:{start}", devices)
        assert starts(after) == {"top": (start, MAX_PRIORITY), "hi": (100, start - 1), "lo": (-1, 99)}
        assert after.members("hi", devices) == ("ssd",)
    else:
        assert refused(TWO, f"+top:{start}", devices) == number


def test_a_device_of_another_tier_pins_nothing() -> None:
    """Would catch a split that is refused because of a device above the tier that is split."""
    assert starts(TWO.written("+mid:50", {"ssd": 150, "disk": 10}))["mid"] == (50, 99)


def test_removing_a_tier_with_a_device_is_ebusy_until_it_is_gone() -> None:
    """Would catch a merge that moves a device to another tier."""
    assert refused(TWO, "-hi", {"ssd": 150}) == errno.EBUSY
    assert starts(TWO.written("-hi", {"disk": 10})) == {"lo": (-1, MAX_PRIORITY)}


def test_what_does_not_start_at_the_default_is_einval() -> None:
    """Would catch priorities that no tier covers."""
    assert refused(TierRanges(), "+orphan:100") == errno.EINVAL
    assert starts(TierRanges().written("+HDD:50, +NET:-1", {})) == {"HDD": (50, MAX_PRIORITY), "NET": (-1, 49)}


def test_a_failed_write_applies_nothing() -> None:
    """Would catch a write whose first tokens stay in force although a later one was refused."""
    before = starts(TWO)
    assert refused(TWO, "+a:50 +a:60") == errno.EEXIST
    assert refused(TWO, "-hi +b:7 nonsense") == errno.EINVAL
    assert starts(TWO) == before


def test_splitting_and_merging() -> None:
    """Would catch a split with a gap or an overlap, and a merge that goes up instead of down."""
    hdd = TierRanges().written("+HDD:50 +NET:-1", {})
    split = hdd.written("+SSD:100", {})
    assert starts(split) == {"SSD": (100, MAX_PRIORITY), "HDD": (50, 99), "NET": (-1, 49)}
    assert starts(split.written("-HDD", {})) == {"SSD": (100, MAX_PRIORITY), "NET": (-1, 99)}
    assert starts(split.written("-SSD", {})) == starts(hdd)
    assert starts(split.written("-NET", {})) == {"SSD": (100, MAX_PRIORITY), "HDD": (-1, 99)}, "the lowest goes up"
    assert split.written("-SSD -HDD -NET", {}).ranges == ()


def test_devices_of_before_the_first_configuration_pin_nothing() -> None:
    """Would catch a first configuration that is refused because of devices that are in no tier yet."""
    devices = {"ssd": 150, "disk": 10}
    first = TierRanges().written("+all:-1 +fast:100 +mid:50", devices)
    assert (first.members("fast", devices), first.members("mid", devices)) == (("ssd",), ())
    assert first.members("all", devices) == ("disk",)
    assert refused(first, "+faster:120", devices) == errno.EBUSY, "now they are"


@pytest.mark.parametrize("text", ["+a:5,+b:-1", " +a:5\t+b:-1\n", "\n,,+a:5 , +b:-1,", "+a:+5 +b:-1"])
def test_tokens_are_separated_by_any_of_comma_space_tab_and_newline(text: str) -> None:
    """Would catch a separator that becomes a part of a name, or an empty token that is an error."""
    assert starts(TierRanges().written(text, {})) == {"a": (5, MAX_PRIORITY), "b": (-1, 4)}


def test_an_empty_write_changes_nothing() -> None:
    """Would catch a newline that removes all tiers."""
    assert TWO.written("\n", {}) == TWO


def test_what_a_read_gives() -> None:
    """Would catch a column that is not where the kernel's printf puts it."""
    assert TierRanges().shown() == "Name             Idx   PrioStart   PrioEnd    \n"
    assert TWO.shown().splitlines()[1:] == [
        "hi               0     100         32767      ",
        "lo               1     -1          99         ",
    ]


# any sequence of writes, against a model that knows nothing of ranges: a table with the tier of every priority

NAMES = ["a", "b", "c", "d", "e", "f"]
PRIORITIES = [-2, -1, 0, 1, 5, 9, 10, 50]
tokens = st.one_of(
    st.builds("+{}:{}".format, st.sampled_from(NAMES), st.sampled_from(PRIORITIES)),
    st.builds("-{}".format, st.sampled_from(NAMES)),
    st.sampled_from(["+", "-", "x", "+a", "+bad.name:3", ",,"]),
)
writes = st.lists(st.tuples(st.lists(tokens, max_size=4), st.sampled_from([" ", ", ", "\n"])), max_size=12)
TOP = 60
"""The model's table ends here: no start above is drawn."""


class Table:
    """Every priority from -1 to TOP has the name of its tier; slots are a list of names."""

    def __init__(self, most: int) -> None:
        self.of: dict[int, str | None] = dict.fromkeys(range(-1, TOP + 1))
        self.slots: list[str | None] = [None] * most
        self.homes: dict[str, str] = {}
        self.devices: dict[str, int] = {}

    def write(self, text: str) -> int:
        """0 or an errno; after an errno everything is as it was."""
        saved = dict(self.of), list(self.slots)
        known = bool(any(self.slots))
        number = 0
        for token in re.findall(r"[^, \t\n]+", text):
            number = self._apply(token, known)
            if number:
                break
        if not number and any(self.slots) and self.of[-1] is None:
            number = errno.EINVAL
        if number:
            self.of, self.slots = saved
        return number

    def _apply(self, token: str, known: bool) -> int:
        if token.startswith("-"):
            name = token[1:]
            if not name or name not in self.slots:
                return errno.EINVAL
            if known and any(self.of[priority] == name for priority in self.devices.values()):
                return errno.EBUSY
            self.slots[self.slots.index(name)] = None
            mine = sorted(p for p in self.of if self.of[p] == name)
            below = self.of.get(mine[0] - 1)
            heir = below if below is not None else self.of.get(mine[-1] + 1)
            reach = mine if below is not None else range(-1, mine[-1] + 1)
            for priority in reach:
                self.of[priority] = heir
            return 0
        match = re.fullmatch(r"\+([^:]*):(-?\d+)", token)
        if not match or int(match[2]) < -1:
            return errno.EINVAL
        name, start = match[1], int(match[2])
        if name in self.slots:
            return errno.EEXIST
        if not name.isalnum():
            return errno.EINVAL
        old = self.of[start]
        if old is not None and self.of.get(start - 1) != old:
            return errno.EBUSY
        if None not in self.slots:
            return errno.ENOSPC
        # from its start as far as the tier that spans it, or (above none) as far as the next one, goes
        end = start
        while end + 1 in self.of and self.of[end + 1] == old:
            end += 1
        if known and any(start <= p <= end and old is not None for p in self.devices.values()):
            return errno.EBUSY
        self.slots[self.slots.index(None)] = name
        for priority in range(start, end + 1):
            self.of[priority] = name
        return 0


@given(writes, st.integers(1, 5), st.lists(st.sampled_from([-1, 0, 3, 7, 10, 40]), max_size=3), st.data())
@settings(max_examples=300, deadline=None)
def test_any_writes_agree_with_a_table_of_all_priorities(
    sequence: list[tuple[list[str], str]], most: int, priorities: list[int], data: st.DataObject
) -> None:
    """Would catch any order of checks, split, merge or rollback that differs from what the priorities themselves say; and
    an active device that ever changes its tier."""
    ranges, table = TierRanges(most=most), Table(most)
    table.devices = {f"dev{i}": priority for i, priority in enumerate(priorities)}
    homes: dict[str, str | None] = {}
    for words, separator in sequence:
        text = separator.join(words)
        expected = table.write(text)
        if expected:
            assert refused(ranges, text, table.devices) == expected, text
        else:
            ranges = ranges.written(text, table.devices)
        for priority, name in table.of.items():
            found = ranges.at(priority)
            assert (found.name if found else None) == name, (text, priority)
        assert {each.index: each.name for each in ranges.ranges} == {
            i: name for i, name in enumerate(table.slots) if name is not None
        }
        if ranges.ranges:
            now = {device: table.of[priority] for device, priority in table.devices.items()}
            assert not homes or homes == now, "a device stays where it was"
            homes = now
        if table.devices and data.draw(st.booleans()):
            gone = data.draw(st.sampled_from(sorted(table.devices)))
            del table.devices[gone]
            homes.pop(gone, None)
