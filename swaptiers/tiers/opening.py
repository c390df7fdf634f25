"""From the terms of a tier to the tier."""

from __future__ import annotations

from pathlib import Path

from swaptiers.codecs import make_codec
from swaptiers.errors import ConfigError
from swaptiers.tiers.base import Tier, TierSpec
from swaptiers.tiers.custom import CustomTierSpec
from swaptiers.tiers.file import FileTier
from swaptiers.tiers.log import LogTier
from swaptiers.tiers.memory import MemoryTier
from swaptiers.tiers.room import file_of
from swaptiers.tiers.specs import FileSpec, MemorySpec, ZswapSpec
from swaptiers.tiers.zswap import ZswapTier


def open_tier(spec: TierSpec, slots: int, page_size: int, folder: Path) -> Tier:
    """The tier, empty, with room for `slots` pages. Relative paths are below `folder`.

    Raises ConfigError if its file can't be made or its file system has too little room.
    """
    if isinstance(spec, ZswapSpec):
        return ZswapTier(spec.name, make_codec(spec.compressor, spec.level, page_size))
    if isinstance(spec, MemorySpec):
        return MemoryTier(spec.name, slots, page_size)
    if isinstance(spec, FileSpec):
        path = file_of(spec, folder)
        if spec.compressor is not None:
            codec = make_codec(spec.compressor, spec.level, page_size)
            return LogTier(spec.name, slots * page_size, codec, path)
        return FileTier(spec.name, slots, page_size, path, direct=spec.direct)
    if isinstance(spec, CustomTierSpec):
        return _custom(spec, slots, page_size, folder)
    raise TypeError(f"no kind of tier has the terms {type(spec).__name__}")


def _custom(spec: CustomTierSpec, slots: int, page_size: int, folder: Path) -> Tier:
    try:
        tier = spec.open(slots, page_size, folder)
    except OSError as error:
        raise ConfigError(f"tier {spec.name!r} can't be opened: {error.strerror or error}") from error
    if tier.compressed:
        tier.close()
        raise ConfigError(f"tier {spec.name!r}: a tier of one's own keeps whole pages; compress within store and load")
    return tier
