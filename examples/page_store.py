"""The library as a store for a Python program: arrays that are too many for memory, the cold ones compressed or on disk.

python examples/page_store.py
"""

from __future__ import annotations

import numpy as np

import swaptiers as st

PAGE = 4096
TILES, TILE_PAGES = 400, 16  # 400 tiles of 64 KiB


class TileStore:
    """Keeps numpy tiles as pages in a SwapSystem; a tile that is read comes back whole and stays in the store."""

    def __init__(self, swap: st.SwapSystem) -> None:
        self.swap = swap
        self.tiles: dict[int, tuple[np.ndarray, np.dtype, tuple[int, ...]]] = {}

    def __setitem__(self, key: int, tile: np.ndarray) -> None:
        pages = np.ascontiguousarray(tile).view(np.uint8).reshape(-1, PAGE)
        if key in self.tiles:
            self.swap.discard(self.tiles[key][0])
        self.tiles[key] = (self.swap.swap_out(pages), tile.dtype, tile.shape)

    def __getitem__(self, key: int) -> np.ndarray:
        ids, dtype, shape = self.tiles[key]
        return self.swap.peek(ids).view(dtype).reshape(shape)


def main() -> None:
    """Fill the store with more than its fast tiers hold, work on a few tiles, and look where everything is."""
    random = np.random.default_rng(1)
    tiers = [
        st.ZswapSpec(name="zswap", compressor="lz4", max_pool="4M"),
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="4M"),
        st.FileSpec(name="disk", capacity="64M"),
    ]
    with st.SwapSystem(tiers) as swap:
        store = TileStore(swap)
        for key in range(TILES):
            store[key] = random.normal(size=(64, 128)).round(1)
        hot = list(range(0, TILES, 40))
        for _ in range(3):
            for key in hot:
                store[key] = store[key] * 2
        total = sum(float(store[key].sum()) for key in hot)
        print(
            f"{TILES} tiles, {TILES * TILE_PAGES * PAGE >> 20} MiB; the sum over the {len(hot)} hot ones is {total:.1f}"
        )
        for name, tier in swap.stats().tiers.items():
            ratio = tier.logical_bytes / max(1, tier.pool_bytes)
            print(f"  {name:6} {tier.entries:5,} pages in {tier.pool_bytes / 2**20:5.1f} MiB ({ratio:.1f} to 1)")
        pairs = swap.inversion().pairs
        print(f"  inverted pairs: {pairs:.3f}" if pairs is not None else "  one tier holds everything")


if __name__ == "__main__":
    main()
