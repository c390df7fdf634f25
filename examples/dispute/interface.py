"""Question 7: what can each of the proposed interfaces say? Every intent is written in each, into a system of its own.

python examples/dispute/interface.py
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

import numpy as np

import swaptiers as st
from swaptiers.control import ControlTree

PAGE = 4096
PROPOSALS = ("zswap_writeback_only", "source=", "tiers.demote")
RECLAIM, DEMOTE = "/web/memory.reclaim", "/web/memory.swap.tiers.demote"
INTENTS: dict[str, tuple[tuple[str, str] | None, ...]] = {
    "256K out of zswap": (
        (RECLAIM, "256K zswap_writeback_only"),
        (RECLAIM, "256K source=zswap"),
        (DEMOTE, "256K zswap"),
    ),
    "the same, whatever was just stored": (None, None, (DEMOTE, "256K zswap referenced=ignore")),
    "256K out of the ssd": (None, (RECLAIM, "256K source=ssd"), (DEMOTE, "256K ssd")),
    "out of zswap, into the ssd only": (None, None, (DEMOTE, "256K zswap to=ssd")),
    "from zswap to the denser one": (None, None, (DEMOTE, "256K zswap to=dense")),
    "zswap, then the ssd": (None, (RECLAIM, "256K source=zswap,ssd"), None),
    "resident pages": (None, (RECLAIM, "256K source=anon"), None),
    "resident pages, then zswap": (None, (RECLAIM, "256K source=anon,zswap"), None),
    "nothing younger than 10 s": (None, None, None),
}
"""What is wanted, and how each of the PROPOSALS writes it; None = it has no words for that."""


def half_pages(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Pages that compress to half."""
    pages = np.random.default_rng(1).integers(0, 256, (count, PAGE), np.uint8)
    pages[:, PAGE // 2 :] = 0
    return pages


def system() -> st.SwapSystem:
    """Two pools, an SSD, a disk; entries in the first three, each of which has been looked at once."""
    tiers: list[st.ZswapSpec | st.FileSpec] = [
        st.ZswapSpec(name="zswap", max_pool="64M"),
        st.ZswapSpec(name="dense", compressor="zstd", max_pool="64M"),
        st.FileSpec(name="ssd", capacity="64M"),
        st.FileSpec(name="disk", capacity="64M"),
    ]
    on_request = st.Triggers(request=True)
    edges = [
        st.EdgeSpec(source=source, target=target, policy="second-chance", when=on_request)
        for source, target in (("zswap", "ssd"), ("dense", "ssd"), ("ssd", "disk"))
    ]
    edges.append(
        st.EdgeSpec(
            source="zswap", target="dense", policy="second-chance", only="cgroup in [/web/batch]", when=on_request
        )
    )
    swap = st.SwapSystem(tiers, edges)
    swap.cgroup("/web")
    swap.cgroup("/web/batch")
    for cgroup in ("/web", "/web/batch"):
        swap.swap_out(half_pages(1024), cgroup)
    swap.demote("1M", source="zswap", cgroup="/web", target="ssd")
    for edge in edges:  # everybody has had the second chance, and something has been moved, before anybody asks
        while (
            edge.source != "dense"
            and not swap.demote(1, source=edge.source, target=edge.target, referenced="rotate").met
        ):
            pass
    return swap


def said(wanted: tuple[str, str] | None) -> str:
    """What came of a write: the stored bytes that left each tier, or the errno."""
    if wanted is None:
        return "no words"
    with system() as swap:
        before = {name: tier.stored_bytes for name, tier in swap.stats().tiers.items()}
        try:
            ControlTree(swap).write(*wanted)
        except OSError as error:
            return f"-{errno.errorcode[error.errno or 0]}"
        after = swap.stats().tiers
        moved = {
            name: after[name].stored_bytes - before[name] for name in before if after[name].stored_bytes != before[name]
        }
        return ", ".join(f"{name} {change / 1024:+.0f}K" for name, change in moved.items())


def first_moves(entries: int) -> Iterator[tuple[str, int, int]]:
    """Per file: how many writes were refused with -EAGAIN until a fresh pool moved anything, and what was moved then."""
    for name, path, text in (
        ("source=zswap", RECLAIM, "64K source=zswap"),
        ("tiers.demote", DEMOTE, "64K zswap"),
        ("tiers.demote referenced=ignore", DEMOTE, "64K zswap referenced=ignore"),
    ):
        with st.SwapSystem(
            [st.ZswapSpec(name="zswap", max_pool="64M"), st.FileSpec(name="ssd", capacity="64M")],
            [st.EdgeSpec(source="zswap", target="ssd", policy="second-chance", when=st.Triggers(request=True))],
        ) as swap:
            swap.cgroup("/web")
            swap.swap_out(half_pages(entries), "/web")
            refused = 0
            while not swap.stats().tiers["ssd"].entries:
                try:
                    ControlTree(swap).write(path, text)
                except OSError as error:
                    if error.errno != errno.EAGAIN:
                        raise
                    refused += 1
            yield name, refused, swap.stats().tiers["ssd"].entries


def main() -> None:
    """Three tables: what can be said, what a size means, and how often one has to ask."""
    print(f"{'what is wanted':35}" + "".join(f"{name:>34}" for name in PROPOSALS))
    for intent, words in INTENTS.items():
        print(f"{intent:35}" + "".join(f"{said(each):>34}" for each in words))
    print()
    print("writes refused with -EAGAIN until a fresh pool of so many entries moves one:")
    for entries in (1000, 5000, 20_000):
        for name, refused, moved in first_moves(entries):
            print(f"{entries:8,}  {name:32} {refused:3}, then {moved} entries")


if __name__ == "__main__":
    main()
