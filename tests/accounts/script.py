"""A day in the life of a small system: a random sequence of all that can be asked of it, always the same, and what came of it."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import attrs
import numpy as np

import swaptiers as st
from swaptiers.testing import FaultyTier
from swaptiers.testing.faults import Fault
from tests.accounts.flat import flattened
from tests.store.cold_lists import check_cold_lists

PAGE = 4096
CGROUPS = ("/", "/a", "/a/b", "/c")
STEPS = 180
LOOKS = 2
"""How often all counters are written down."""
MOST_PAGES = 120
FAULTS = (
    Fault("store", times=2), Fault("load", times=2), Fault("store", "torn"), Fault("load", "flip", pick=3),
    Fault("free", times=None), Fault("store", "memory"),
)  # fmt: skip
NUMBER = re.compile(r"0x[0-9a-f]+|\d{8,}")


class Day:
    """`said`: a line for each step; `counters`: all that are not 0, at the end of each part."""

    def __init__(self, terms: dict[str, Any], seed: int) -> None:
        self.random = Random(seed)
        self.now = 0
        self.faulty: list[FaultyTier] = []
        self.swap = st.SwapSystem(
            **terms, clock=lambda: self.now, wrap=self._wrap, max_entries=1 << 10, stamp_limit=1500
        )
        self.tiers = [tier.name for tier in self.swap.graph.tiers]
        self.pages: dict[int, bytes] = {}
        self.said: list[str] = []
        self.counters: list[dict[str, Any]] = []

    def _wrap(self, tier: Any) -> Any:
        """All tiers may fail but those that take pages under the lock; whatever is around a tier is asked as all others are."""
        if tier.by_reference:
            return tier
        self.faulty.append(FaultyTier(tier, armed=False))
        return self.faulty[-1]

    def live(self) -> None:
        """All steps. Raises what a check finds."""
        steps = [name for name in sorted(dir(self)) if name.startswith("do_")]
        with self.swap:
            for path in CGROUPS:
                self.swap.cgroup(path)
            for number in range(STEPS):
                name = self.random.choice([*steps, *["do_swap_out"] * 6, *["do_demote"] * 2])
                self.now += self.random.choice([0, 1, 5, 20])
                try:
                    done = getattr(self, name)()
                except (st.SwapTiersError, ValueError, MemoryError) as error:
                    done = f"{type(error).__name__} {NUMBER.sub('#', str(error))[:90]}"
                self.said.append(f"{name[3:]}: {done}")
                self.swap.check()
                check_cold_lists(self.swap)
                if (number + 1) % (STEPS // LOOKS) == 0:
                    self.counters.append(self._counters())
            for faulty in self.faulty:
                faulty.disarm()
            ids = sorted(self.pages)
            self.said.append(" ".join(self._where(entry) for entry in ids))
            assert [page.tobytes() for page in self.swap.swap_in(ids)] == [self.pages[entry] for entry in ids]
            self.swap.check()

    # what is written down

    def _counters(self) -> dict[str, Any]:
        """Every number of stats(), of the subtrees and of the inversion that is not 0, by its place."""
        looked_at = {"stats": self.swap.stats(), "inversion": self.swap.inversion()}
        looked_at |= {f"subtree {path}": self.swap.subtree(path) for path in ("/", "/a")}
        return flattened({name: attrs.asdict(each) for name, each in looked_at.items()})

    def _where(self, entry: int) -> str:
        """An entry's row and generation, and its record."""
        row = entry & 0xFFFF_FFFF
        r = self.swap.core.records[row]
        return f"{row}.{entry >> 32 & 0xFFFFFF}:{r.tier},{r.slot},{r.length},{r.cgroup},{r.marks},{r.way},{r.last_use}"

    # what is done

    def _page(self) -> bytes:
        kind = self.random.randrange(6)
        if kind == 0:
            return bytes(PAGE)
        noise = self.random.randbytes((PAGE, 60, 400, 1200, 2000)[kind - 1])
        return noise + bytes(PAGE - len(noise))

    def _some(self, most: int) -> list[int]:
        ids = sorted(self.pages)
        return self.random.sample(ids, min(len(ids), self.random.randrange(1, most)))

    def _store(self, pages: list[bytes], cgroup: str, **terms: Any) -> list[int]:
        """Their ids, 0 where a page was refused."""
        try:
            ids = self.swap.swap_out(pages, cgroup, **terms)
        except st.StoreRefusedError as error:
            ids = error.ids
        for entry, page in zip(ids.tolist(), pages, strict=True):
            if entry:
                assert entry not in self.pages
                self.pages[entry] = page
        return ids.tolist()  # type: ignore[no-any-return]

    def _places(self, ids: list[int]) -> str:
        return " ".join(self._where(entry) if entry else "-" for entry in ids)

    def do_swap_out(self) -> str:
        """Some of them used earlier."""
        if len(self.pages) > MOST_PAGES:
            return self.do_discard()
        pages = [self._page() for _ in range(self.random.randrange(1, 14))]
        uses = np.array([self.now - self.random.choice([0, 3, 50]) for _ in pages])
        return self._places(self._store(pages, self.random.choice(CGROUPS), last_used_ns=uses))

    def do_swap_out_page(self) -> str:
        page = self._page()
        entry = self.swap.swap_out_page(page, self.random.choice(CGROUPS))
        self.pages[entry] = page
        return self._where(entry)

    def do_swap_in(self) -> str:
        ids = self._some(8)
        got = self.swap.swap_in(ids)
        assert [page.tobytes() for page in got] == [self.pages.pop(entry) for entry in ids]
        return str(len(ids))

    def do_swap_in_page(self) -> str:
        (entry,) = self._some(2)
        assert self.swap.swap_in_page(entry) == self.pages[entry]
        del self.pages[entry]
        return "1"

    def do_peek(self) -> str:
        ids = self._some(9)
        assert [page.tobytes() for page in self.swap.peek(ids)] == [self.pages[entry] for entry in ids]
        return " ".join(map(self._where, ids))

    def do_peek_page(self) -> str:
        (entry,) = self._some(2)
        assert self.swap.peek_page(entry) == self.pages[entry]
        return self._where(entry)

    def do_discard(self) -> str:
        ids = self._some(20)
        self.swap.discard(ids)
        for entry in ids:
            del self.pages[entry]
        return str(len(ids))

    def do_discard_page(self) -> str:
        (entry,) = self._some(2)
        self.swap.discard_page(entry)
        del self.pages[entry]
        return "1"

    def do_read_only(self) -> str:
        """Pages that come back and go out again, some of them changed."""
        ids = self._some(9)
        self.swap.swap_in(ids, keep_clean=True)
        pages = [self.pages.pop(entry) for entry in ids]
        forgotten = self.swap.forget_clean(ids[:1])
        changed = [page if self.random.random() < 0.7 else b"!" + page[1:] for page in pages]
        clean = [0 if self.random.random() < 0.2 else entry for entry in ids]
        back = self._store(changed, self.random.choice(CGROUPS), clean=clean)
        same = sum(old == new for old, new in zip(ids, back, strict=True))
        return f"{forgotten} forgotten, {same} kept, {self._places(back)}"

    def do_demote(self) -> str:
        if not self.swap.graph.edges:
            return "no edge"
        edge = self.random.choice(self.swap.graph.edges)
        asked: dict[str, Any] = {
            "source": edge.source,
            "target": self.random.choice([None, edge.target]),
            "cgroup": self.random.choice(CGROUPS),
            "referenced": self.random.choice(["ignore", "rotate"]),
        }
        nbytes = self.random.randrange(40_000)
        preview = self.swap.plan(nbytes, **asked)
        planned = [[move.target, move.cgroup, *(int(entry) & 0xFFFF for entry in move.ids)] for move in preview.moves]
        stays = {why: len(ids) for why, ids in preview.stays.items()}
        limits = {"used_before_ns": self.now - 2} if self.random.random() < 0.3 else {}
        limits |= {"scan": 9} if self.random.random() < 0.2 else {}
        done = self.swap.demote(nbytes, **asked, **limits)
        return f"{planned} {sorted(stays.items())} -> {sorted(attrs.asdict(done).items())}"

    def do_background(self) -> str:
        return str(self.swap.run_background(self.random.choice([1, 3, 1 << 20])))

    def do_limits(self) -> str:
        path, tier = self.random.choice(CGROUPS), self.random.choice(self.tiers)
        self.swap.cgroup(
            path,
            zswap_max=self.random.choice([None, None, 6000]),
            swap_max=self.random.choice([None, None, 12 * PAGE]),
            zswap_writeback=self.random.random() < 0.9,
            tiers_max={tier: self.random.choice([None, None, 0, 5 * PAGE])},
            tiers_low={tier: self.random.choice([0, 3 * PAGE, None])},
        )
        return f"{path} {tier}"

    def do_cgroup_of_a_day(self) -> str:
        """Its entries go to its parent."""
        self.swap.cgroup("/c/day")
        stored = self._store([self._page() for _ in range(5)], "/c/day")
        self.swap.remove_cgroup("/c/day")
        return self._places(stored)

    def do_evacuate(self) -> str:
        """A tier comes and goes."""
        tier = self.random.choice(self.tiers)
        if len(self.tiers) == 1:
            return "nowhere to go"
        done = self.swap.evacuate(tier)
        self.swap.readmit(tier)
        return f"{tier} {sorted(attrs.asdict(done).items())}"

    def do_quarantine(self) -> str:
        tier = self.random.choice(self.tiers)
        self.swap.quarantine(tier)
        said = ""
        try:
            said = self.do_swap_out()
        finally:
            self.swap.readmit(tier)
        return f"{tier} {said}"

    def do_tune(self) -> str:
        if not self.swap.zswap_tiers:
            return "no zswap"
        tier = self.random.choice(self.swap.zswap_tiers)
        self.swap.set_zswap(
            tier, accept_threshold_percent=self.random.choice([50, 90]), enabled=self.random.random() < 0.8
        )
        return str(self.swap.zswap_parameters(tier))

    def do_fail(self) -> str:
        """One fault is waiting from now on."""
        if not self.faulty:
            return "nothing fails"
        for faulty in self.faulty:
            self.swap.readmit(faulty.name)
        faulty = self.random.choice(self.faulty)
        fault = self.random.choice(FAULTS)
        faulty.arm([attrs.evolve(fault, first=self.random.randrange(4))])
        return f"{faulty.name} {fault.operation} {fault.kind}"
