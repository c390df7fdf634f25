"""A program of a user's, checked by mypy --strict against the installed wheel and run: two pages out and back."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

import swaptiers as st
from swaptiers.testing import Fault, FaultyTier


def there_and_back(pages: npt.NDArray[np.uint8]) -> bool:
    """By way of a disk that fails once."""
    tiers: list[st.ZswapSpec | st.MemorySpec | st.FileSpec | st.CustomTierSpec] = [
        st.ZswapSpec(name="zswap", max_pool="1M"),
        st.FileSpec(name="disk", capacity="4M"),
    ]
    with st.SwapSystem(tiers, wrap=lambda tier: FaultyTier(tier, [Fault("store")])) as swap:
        web: st.Cgroup = swap.cgroup("/web", zswap_max="64K")
        failed = ""
        try:
            swap.swap_out(pages, web)
        except st.TierIOError as error:
            failed = error.tier
        ids = swap.swap_out(pages, web)
        swap.stats().tiers["zswap"].entries.bit_length()
        return failed == "zswap" and bool((swap.swap_in(ids) == pages).all())


def a_type_error_is_seen() -> None:
    """`mypy --strict` complains about an ignore that it does not need: so this line proves that types arrive."""
    st.ZswapSpec(name="zswap").priority.append(1)  # type: ignore[union-attr]


if __name__ == "__main__":
    assert there_and_back(np.random.default_rng(1).integers(0, 256, (8, 4096), dtype=np.uint8))
    sys.stdout.write("there and back\n")
