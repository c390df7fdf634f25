"""zswap's own files: parameters that may be changed at any time, and counters.

Parameters as in /sys/module/zswap/parameters, counters as in /sys/kernel/debug/zswap (mm/zswap.c). ``zswap/`` is about the
fastest zswap tier; where there are several, each of the others has a folder ``zswap.NAME/``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from swaptiers.codecs import UnknownCompressorError
from swaptiers.control.file import READ_ONLY, ControlFile, invalid
from swaptiers.control.grammar import stripped
from swaptiers.control.machine import Machine
from swaptiers.counters import TierCounters
from swaptiers.errors import ControlFileError, CoreFullError
from swaptiers.units import shown
from swaptiers.zswap_parameters import MOST_PERCENT

UNSIGNED = re.compile(r"\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
TRUE, FALSE = ("y", "t", "1", "on"), ("n", "f", "0", "of")
"""What kstrtobool() looks at: one letter, or the two of `on` and `off`."""


class _ZswapFile(ControlFile):
    """A file of one zswap tier."""

    def __init__(self, machine: Machine, tier: str) -> None:
        super().__init__(machine)
        self._tier = tier


class _Parameter(_ZswapFile):
    """A file whose name is that of one of ZswapParameters' fields."""

    field: ClassVar[str]

    def _now(self) -> Any:
        return getattr(self._machine.system.zswap_parameters(self._tier), self.field)

    def _set(self, value: object) -> None:
        self._machine.system.set_zswap(self._tier, **{self.field: value})


class Enabled(_Parameter):
    """``Y`` or ``N``. N lets nothing new in: pages go on to the next tier, and what is stored stays."""

    field = "enabled"

    def read(self, cgroup: str) -> str:
        """``Y`` or ``N``."""
        return "Y\n" if self._now() else "N\n"

    def write(self, cgroup: str, text: str) -> None:
        """What kstrtobool() knows: y, t, 1, on; n, f, 0, off; anything behind them is passed over. Else -EINVAL."""
        word = text.lower()
        for words, value in ((TRUE, True), (FALSE, False)):
            if word.startswith(words):
                self._set(value)
                return
        raise invalid(f"Y or N is wanted, not {shown(text)}")


class Compressor(_Parameter):
    """The compressor of new stores; what is stored is decoded by the one that made it, as in a pool of before."""

    field = "compressor"

    def read(self, cgroup: str) -> str:
        """Its name."""
        return f"{self._now()}\n"

    def write(self, cgroup: str, text: str) -> None:
        """A name, at its default level. -ENOENT for one that there is not, -ENOMEM where too many are in use."""
        try:
            self._set(stripped(text))
        except UnknownCompressorError as error:
            raise ControlFileError(errno.ENOENT, str(error)) from error
        except CoreFullError as error:
            raise ControlFileError(errno.ENOMEM, str(error)) from error


class _Percent(_Parameter):
    """A whole number; the kernel's are unsigned int and may be above 100."""

    def read(self, cgroup: str) -> str:
        """The number."""
        return f"{self._now()}\n"

    def write(self, cgroup: str, text: str) -> None:
        """As kstrtouint() takes it: decimal, 0x.. or 0..; else -EINVAL, and -ERANGE beyond 32 bits."""
        word = text.removesuffix("\n")
        if not UNSIGNED.fullmatch(word):
            raise invalid(f"a whole number is wanted, not {shown(text)}")
        digits = word.removeprefix("+")
        base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
        if len(digits) > 40 or int(digits, base) > MOST_PERCENT:
            raise ControlFileError(errno.ERANGE, f"a number of 32 bits is wanted, not {shown(text)}")
        self._set(int(digits, base))


class MaxPoolPercent(_Percent):
    """What the pool may take, in percent of the system's `ram`. A lower one throws nothing out: stores are refused."""

    field = "max_pool_percent"


class AcceptThresholdPercent(_Percent):
    """Below what share of its limit a pool that was full takes pages again."""

    field = "accept_threshold_percent"


class Counter(_ZswapFile):
    """One of zswap's counters, by its name."""

    mode = READ_ONLY

    def __init__(self, machine: Machine, tier: str, name: str) -> None:
        super().__init__(machine, tier)
        self._name = name

    def read(self, cgroup: str) -> str:
        """The number."""
        stats = self._machine.system.stats()
        return f"{zswap_counters(stats.tiers[self._tier], stats.failures.get(self._tier, {}))[self._name]}\n"


def zswap_counters(tier: TierCounters, failures: Mapping[str, int]) -> dict[str, int]:
    """The counters of mm/zswap.c that have a meaning here. Bytes in `pool_total_size`, pages elsewhere."""
    return {
        "decompress_fail": failures.get("corrupt", 0),
        "pool_limit_hit": tier.pool_limit_hit,
        "pool_total_size": tier.pool_bytes,
        "reject_compress_poor": tier.refused.get("incompressible", 0),
        "reject_reclaim_fail": tier.refused.get("hysteresis", 0) + tier.refused.get("pool_limit", 0),
        "stored_pages": tier.entries,
        "written_back_pages": tier.demoted_out,
    }


COUNTERS = (
    "decompress_fail",
    "pool_limit_hit",
    "pool_total_size",
    "reject_compress_poor",
    "reject_reclaim_fail",
    "stored_pages",
    "written_back_pages",
)


def zswap_files(machine: Machine) -> dict[str, ControlFile]:
    """The files of all zswap tiers, by path."""
    files: dict[str, ControlFile] = {}
    for place, tier in enumerate(machine.system.zswap_tiers):
        folder = "zswap" if place == 0 else f"zswap.{tier}"
        for kind in (AcceptThresholdPercent, Compressor, Enabled, MaxPoolPercent):
            files[f"{folder}/{kind.field}"] = kind(machine, tier)
        for name in COUNTERS:
            files[f"{folder}/{name}"] = Counter(machine, tier, name)
    return files
