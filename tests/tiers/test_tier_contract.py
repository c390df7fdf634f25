"""The shipped contract over every kind of tier, and over every wrapper that adds nothing at the moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import swaptiers as st
from swaptiers.codecs import Buffer
from swaptiers.testing import FaultyTier, SeededFaults, SlowTier, TierContract, TracingTier
from swaptiers.tiers.base import Tier


class TestZswapLz4(TierContract):
    def spec(self) -> st.ZswapSpec:
        return st.ZswapSpec(name="pool", max_pool="4M")


class TestZswapZstd(TierContract):
    page_size = 16384

    def spec(self) -> st.ZswapSpec:
        return st.ZswapSpec(name="pool", compressor="zstd", level=3, max_pool="16M")


class TestMemory(TierContract):
    def spec(self) -> st.MemorySpec:
        return st.MemorySpec(name="far", capacity="4M")


class TestFile(TierContract):
    def spec(self) -> st.FileSpec:
        return st.FileSpec(name="disk", capacity="4M", path="disk.swap")


class TestUnnamedFile(TierContract):
    def spec(self) -> st.FileSpec:
        return st.FileSpec(name="disk", capacity="4M")


class TestDirectFile(TierContract):
    def spec(self) -> st.FileSpec:
        return st.FileSpec(name="disk", capacity="4M", path="disk.swap", direct=True)


class TestLog(TierContract):
    """Slots are byte addresses here, one payload after the other, with room between some."""

    def spec(self) -> st.FileSpec:
        return st.FileSpec(name="disk", capacity="4M", layout="log", path="disk.swap")

    def places(self, payloads: Sequence[Buffer]) -> Any:
        lengths = [len(payload) for payload in payloads]
        addresses = np.cumsum([0, *(length + 512 * (i % 3) for i, length in enumerate(lengths[:-1]))])
        return np.array(addresses, np.int64)


@pytest.mark.parametrize(
    "around",
    [TracingTier, SlowTier, lambda tier: FaultyTier(tier, SeededFaults(seed=1, rate=1.0), armed=False)],
    ids=["tracing", "slow", "disarmed"],
)
class TestWrapped(TierContract):
    """A wrapper must keep what its tier keeps."""

    @pytest.fixture(autouse=True)
    def _around(self, around: Any) -> None:
        self.around = around

    def spec(self) -> st.FileSpec:
        return st.FileSpec(name="disk", capacity="4M", path="disk.swap")

    def wrap(self, tier: Tier) -> Tier:
        return self.around(tier)  # type: ignore[no-any-return]
