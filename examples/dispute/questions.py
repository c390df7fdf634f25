"""The questions of the dispute: which config, which rows, which figures."""

from __future__ import annotations

from trials import Question

ZIPF = "kind: zipf, pages: 6000, alpha: 0.9, drift: 10%, writes: 20%, refs: 100000"
WORKLOADS = {
    "zipf": f"[{{cgroup: /w, {ZIPF}}}]",
    "phases": (
        "[{cgroup: /w, kind: phases, pages: 6000, working_set: 2200, phase: 15000, replace: 33%, writes: 20%, refs: 100000}]"
    ),
    "scan once": (
        "[{cgroup: /w, kind: zipf, pages: 2400, alpha: 0.9, writes: 20%, refs: 80000},"
        " {cgroup: /w, kind: scan, pages: 6000, passes: 1}]"
    ),
    "loop": "[{cgroup: /w, kind: scan, pages: 5000, passes: 8, writes: 20%}]",
    "sort": "[{cgroup: /w, kind: trace, path: ../traces/sort.u32.zst}]",
    "sqlite3": "[{cgroup: /w, kind: trace, path: ../traces/sqlite3.u32.zst}]",
}
"""A drifting zipf; phases; a zipf beside a scan that is made once; a cyclic scan; two recorded programs."""

SMALL = {"sort": ("512K", "1536K"), "sqlite3": ("160K", "1M")}
"""The recorded programs have 6 MiB of pages: less memory and a smaller pool, so that all tiers are used."""


def over_workloads(*, has_ssd: bool = True) -> dict[str, list[str]]:
    """A row per workload."""
    rows = {}
    for name, workloads in WORKLOADS.items():
        rows[name] = [f"workloads={workloads}"]
        if name in SMALL:
            memory, pool = SMALL[name]
            rows[name] += [f"cgroups./w.memory.max={memory}"]
            rows[name] += (
                [f"tiers.zswap.max_pool={pool}", "tiers.ssd.capacity=1M"] if has_ssd else ["tiers.zswap.max_pool=1M"]
            )
    return rows


FLASH = ["tiers.disk.latency={read: 100us, write: 30us, call: 10us}", "tiers.disk.bandwidth=500M/s"]
"""What is below is an SSD."""
NO_QUEUE = ["tiers.disk.latency={read: 8ms, write: 4ms}"]
"""The disk takes as long, and any number of calls at once: a single write costs no more than one of a batch."""


def programs(count: int, think: str = "20us") -> str:
    """The zipf split up among so many programs that run at the same time."""
    sizes = f"pages: {6000 // count}, refs: {100_000 // count}"
    each = f"kind: zipf, {sizes}, alpha: 0.9, drift: 10%, writes: 20%, think: {think}"
    return f"workloads=[{', '.join(f'{{cgroup: /w/{number}, {each}}}' for number in range(count))}]"


def threads(think: str) -> str:
    """Sixteen programs with more memory between them, which think so long between two references."""
    each = f"kind: zipf, pages: 1900, alpha: 0.7, drift: 10%, writes: 20%, refs: 12500, think: {think}"
    return f"workloads=[{', '.join(f'{{cgroup: /w/{number}, {each}}}' for number in range(16))}]"


def still(alpha: float) -> list[str]:
    """A zipf whose ranking stays as it is: alpha 0 is uniform."""
    return [f"workloads.0.alpha={alpha}", "workloads.0.drift=0%"]


ZIPF_BESIDE = "kind: zipf, pages: 3500, alpha: 0.7, refs: 120000"


def neighbour(cgroup: str, pattern: str) -> str:
    """A workload of one of two cgroups."""
    return f"{{cgroup: {cgroup}, {pattern}, think: 10us}}"


def incompressible(share: int, temperature: str) -> str:
    """Some of the pages don't compress: those used most, or those used least."""
    warm = 60 * share if temperature == "warm" else 6000 - 60 * share
    contents = ("random", "text") if temperature == "warm" else ("text", "random")
    used_most = f"kind: zipf, pages: {warm}, alpha: 0.9, writes: 20%, refs: 80000, contents: {contents[0]}"
    used_least = f"kind: uniform, pages: {6000 - warm}, refs: 20000, contents: {contents[1]}"
    return f"workloads=[{{cgroup: /w, {used_most}}}, {{cgroup: /w, {used_least}}}]"


QUESTIONS = {
    "1": Question(
        title="Does user-triggered demotion cause LRU inversion, or alleviate it?",
        config="user-demotion.yaml",
        rows=over_workloads(),
        figures=("mean", "pairs", "late", "excess", "bypass", "disk"),
        drawn=("mean", "pairs"),
    ),
    "2": Question(
        title="What does a pool cost that rejects to disk when it is full?",
        config="full-pool.yaml",
        rows={
            "1 program": [programs(1)],
            **{f"{count} programs": [programs(count)] for count in (2, 4, 8, 16)},
        },
        figures=("mean", "p99", "rejected", "pairs", "in ssd", "below ssd", "late", "ssd", "disk"),
        drawn=("mean", "late"),
        is_relative=False,
    ),
    "3": Question(
        title="What does batching the writeback buy?",
        config="batching.yaml",
        rows={f"16 programs, {think}": [threads(think)] for think in ("20us", "200us", "1ms")},
        figures=("rejected", "limit hits", "written back", "swapped out", "wakeups", "steps", "late", "mean"),
        drawn=("rejected", "mean"),
        is_relative=False,
    ),
    "4": Question(
        title="What does keeping incompressible pages raw buy?",
        config="incompressible.yaml",
        rows={
            f"{share}%, {which}{where}": [incompressible(share, which), *settings]
            for where, settings, shares in (
                ("", [], (10, 30, 60, 90)),
                (", no queue", NO_QUEUE, (30, 60)),
                (", flash", FLASH, (10, 30, 60, 90)),
            )
            for share in shares
            for which in ("warm", "cold")
        },
        figures=("mean", "pairs", "late", "disk", "from disk"),
        drawn=("mean", "from disk"),
    ),
    "5": Question(
        title="When is a move not worth it?",
        config="worth.yaml",
        rows={
            **over_workloads(),
            **{f"zipf {alpha}": still(alpha) for alpha in (0.0, 0.3, 0.6, 1.2)},
            **{f"zipf {alpha}, flash": [*still(alpha), *FLASH] for alpha in (0.0, 0.3, 0.6)},
        },
        figures=("mean", "pairs", "excess", "ssd", "disk"),
        drawn=("mean", "ssd"),
    ),
    "6": Question(
        title="Strict limits, or borrow and be demoted first?",
        config="borrow.yaml",
        rows={
            "bursts": [],
            "two alike": [f"workloads=[{neighbour('/a', ZIPF_BESIDE)}, {neighbour('/b', ZIPF_BESIDE)}]"],
            "small beside large": [
                f"workloads=[{neighbour('/a', ZIPF_BESIDE)},"
                f" {neighbour('/b', 'kind: zipf, pages: 1200, alpha: 0.7, refs: 120000')}]"
            ],
            "a scan": [f"workloads=[{neighbour('/a', ZIPF_BESIDE)}, {neighbour('/b', 'kind: scan, pages: 30000')}]"],
            "a loop": [
                f"workloads=[{neighbour('/a', ZIPF_BESIDE)}, {neighbour('/b', 'kind: scan, pages: 3500, passes: 20')}]"
            ],
        },
        figures=("stalled", "mean a", "p99 a", "mean b", "p99 b", "jain"),
        drawn=("stalled", "mean b"),
    ),
    "8": Question(
        title="What if a zswap entry may skip a tier?",
        config="chain.yaml",
        rows=over_workloads(),
        figures=("mean", "p99", "pairs", "late", "excess", "ssd", "disk"),
        drawn=("mean", "pairs"),
    ),
    "9": Question(
        title="zram above a disk, or zswap with writeback?",
        config="zram.yaml",
        rows={
            **over_workloads(has_ssd=False),
            "zipf, flash": FLASH,
            "loop, flash": [f"workloads={WORKLOADS['loop']}", *FLASH],
        },
        figures=("mean", "p99", "pairs", "from disk", "disk", "ram"),
        drawn=("mean", "pairs"),
    ),
}
