"""SwapSystem: a swap subsystem as a Python object. Pages of a control group go in, come back bit for bit, and move down
a graph of tiers in between."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.cgroups import ROOT, ROOT_INDEX, CgroupSpec, CgroupTree
from swaptiers.codecs import Buffer
from swaptiers.core import api_plans
from swaptiers.core.constants import QUARANTINED, STORED
from swaptiers.core.core import MAX_ENTRIES, Core
from swaptiers.core.plan import NEVER
from swaptiers.counters import (
    SubtreeCounters,
    SystemCounters,
    held_by,
    read_capacities,
    read_counters,
    read_subtree,
)
from swaptiers.demotion.chooser import make_chooser
from swaptiers.demotion.evacuation import Evacuated, Progress, evacuate
from swaptiers.demotion.preview import DemotionPlan, Preview
from swaptiers.demotion.request import Demoted, Referenced, demote
from swaptiers.demotion.terms import EdgeSpec
from swaptiers.errors import (
    ClosedError,
    ConfigError,
    GraphError,
    StaleEntryError,
    StoreRefusedError,
    TierBusyError,
)
from swaptiers.graph import TierGraph
from swaptiers.inversion import (
    GlobalInversion,
    Inversion,
    InversionReport,
    mean_inversion,
    pairs_of,
    subtree_inversion,
)
from swaptiers.metrics.extra import check_metrics
from swaptiers.metrics.family import Snapshot
from swaptiers.system.arguments import (
    MAX_ID,
    Ids,
    Pages,
    as_array,
    checked_clean,
    checked_ids,
    checked_out,
    checked_pages,
    checked_uses,
)
from swaptiers.system.background import Background
from swaptiers.system.closing import close_all, raise_failed
from swaptiers.system.incoming import Incoming
from swaptiers.system.open_lock import check_free
from swaptiers.system.outgoing import Outgoing
from swaptiers.system.parts import Parts
from swaptiers.system_spec import SystemSpec
from swaptiers.terms import codec_columns, edge_terms, tier_terms
from swaptiers.tiers.base import OnFull, Tier
from swaptiers.tiers.opening import open_tier
from swaptiers.tiers.room import check_room
from swaptiers.tiers.specs import AnyTierSpec
from swaptiers.units import parse_bytes
from swaptiers.zswap_parameters import ZswapParameters, ZswapTuning

if TYPE_CHECKING:
    from swaptiers.metrics.collector import Metrics

BATCH = 64
BACKGROUND_STEPS = 1 << 20
QUARANTINE_AFTER = 8
CLOSING_PATIENCE_S = 10.0
"""How long `close` waits for a device that hangs."""


class Cgroup:
    """A control group of one system: who a page belongs to, and whose limits it is under."""

    def __init__(self, system: SwapSystem, path: str, index: int) -> None:
        self._system = system
        self.path = path
        self.index = index

    def set(self, **limits: Any) -> None:
        """Change limits by the names of CgroupSpec's fields: ``web.set(zswap_max="10M", swap_max=None)``.

        A lower limit moves nothing by itself: what is stored stays, new stores are refused until there is room.
        """
        self._system.change_cgroup(self.path, lambda spec: attrs.evolve(spec, **limits))

    @property
    def spec(self) -> CgroupSpec:
        return self._system.cgroup_spec(self.path)

    def __repr__(self) -> str:
        return f"Cgroup({self.path!r})"


class SwapSystem:
    """Tiers, edges and cgroups over one entry table, with real bytes.

    `tiers`: specs, fastest first. `edges`: None = a chain, () = no demotion. `folder`: what relative file paths are below.
    `clock`: nanoseconds, never backwards. `wrap`: what the system gets to see of each tier that was opened, for a tier
    around it (`swaptiers.testing` has some). `quarantine_after`: so many stores into a tier, or loads out of it, that
    failed in a row put it into quarantine (`quarantine`); None: never. Safe from several threads: one lock for
    bookkeeping, none held over codec or I/O. Closing gives back memory and files; whatever was stored is gone.

    An interrupt (Ctrl-C) at any instant of a call undoes it, unless it was over: then `swap_in` and `discard` have let their
    entries go (StaleEntryError says so, and the pages are in `out`, if it was given), and demotions have moved some. What a
    `swap_out` had stored is taken back. Calls about cgroups are not protected.
    """

    def __init__(
        self,
        tiers: Sequence[AnyTierSpec],
        edges: Iterable[EdgeSpec] | None = None,
        *,
        cgroups: Iterable[CgroupSpec] = (),
        page_size: int | str = 4096,
        ram: int | str = "256M",
        charge_zswap: bool = True,
        legacy_swap_charge: bool = False,
        on_full: OnFull = "demote",
        folder: str | os.PathLike[str] = ".",
        clock: Callable[[], int] = time.monotonic_ns,
        wrap: Callable[[Tier], Tier] = lambda tier: tier,
        quarantine_after: int | None = QUARANTINE_AFTER,
        max_entries: int = MAX_ENTRIES,
        stamp_limit: int = (1 << 31) - 1,
        generation_limit: int = (1 << 24) - 1,
    ) -> None:
        if quarantine_after is not None and quarantine_after < 1:
            raise ConfigError(f"quarantine_after is a number of failures, at least 1, or None, not {quarantine_after}")
        spec = SystemSpec(
            page_size=page_size,
            ram=ram,
            charge_zswap=charge_zswap,
            legacy_swap_charge=legacy_swap_charge,
            on_full=on_full,
            tiers=tiers,
            edges=edges,
            cgroups=cgroups,
        )
        self.spec = spec
        self._folder = Path(folder)
        self.page_size = int(spec.page_size)
        self.graph = TierGraph.build(spec.tiers, spec.edges, spec.on_full, int(spec.page_size))
        if any(edge.policy == "oracle" for edge in self.graph.edges):
            raise ConfigError("policy oracle knows the future, which only an experiment has; use lru")
        check_room(self.graph.tiers, self._folder)
        columns = codec_columns(self.graph.tiers)
        self.core = Core(
            page_size=self.page_size,
            tiers=tier_terms(self.graph, spec, columns),
            edges=edge_terms(self.graph, spec),
            charge_zswap=charge_zswap,
            legacy_swap_charge=legacy_swap_charge,
            max_entries=max_entries,
            stamp_limit=stamp_limit,
            generation_limit=generation_limit,
        )
        self.tiers: list[Tier] = []
        opened: list[Tier] = []
        try:
            for rank, tier in enumerate(self.graph.tiers):
                self.tiers.append(open_tier(tier, self.core.physical_slots(rank), self.page_size, Path(folder)))
                opened.append(self.tiers[rank])
                self.tiers[rank] = wrap(self.tiers[rank])
            tree = CgroupTree(self.core, [tier.name for tier in self.graph.tiers], self.graph.branches.takes)
            self._chooser = make_chooser(self.core, self.graph, tree, Path(folder))
            for cgroup in spec.cgroups:
                tree.limit(cgroup)
        except BaseException:
            close_all(self.tiers)
            raise
        self._parts = Parts(self.core, self.graph, tree, self.tiers, columns, clock, quarantine_after)
        self._tuning = ZswapTuning(
            self.core, self.graph, spec, columns, opened, lambda _column, _codec: self._parts.columns_changed()
        )
        self._outgoing = Outgoing(self._parts)
        self._incoming = Incoming(self._parts)
        self._background = Background(self._parts)

    @classmethod
    def from_spec(cls, spec: SystemSpec, *, folder: str | os.PathLike[str] = ".", **options: Any) -> Self:
        """A system as described; `options` as for the constructor."""
        names = attrs.fields_dict(SystemSpec)
        return cls(**{name: getattr(spec, name) for name in names}, folder=folder, **options)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str], **options: Any) -> Self:
        """The system that a config describes (its workloads, actions and variants are the laboratory's business)."""
        from swaptiers.system_yaml import system_spec_from_yaml  # noqa: PLC0415  (config is not needed otherwise)

        return cls.from_spec(system_spec_from_yaml(path), folder=Path(path).resolve().parent, **options)

    # cgroups

    def cgroup(self, path: str, **limits: Any) -> Cgroup:
        """The cgroup at `path`, made if absent; limits by the names of CgroupSpec's fields are set if given."""
        with self._parts.held():
            index = self._parts.tree.add(path)
            if limits:
                self._parts.tree.limit(attrs.evolve(self._parts.tree.specs[path], **limits))
        return Cgroup(self, path, index)

    def limit(self, spec: CgroupSpec) -> None:
        """Set all limits of a cgroup. Raises ValueError for an unknown tier."""
        with self._parts.held():
            self._parts.tree.limit(spec)

    def cgroup_spec(self, path: str) -> CgroupSpec:
        """The configured limits of a cgroup. Raises ValueError if there is none at `path`."""
        with self._parts.held():
            return self._parts.tree.spec(path)

    def change_cgroup(self, path: str, change: Callable[[CgroupSpec], CgroupSpec]) -> None:
        """Replace a cgroup's limits by what `change` makes of them, while nobody else changes any.

        Raises ValueError if there is no cgroup at `path`, or for an unknown tier.
        """
        with self._parts.held():
            self._parts.tree.limit(change(self._parts.tree.spec(path)))

    def cgroup_paths(self) -> tuple[str, ...]:
        """All cgroups that there are, the root first, parents before their children."""
        with self._parts.held():
            return tuple(sorted(self._parts.tree.paths))

    def is_populated(self, path: str) -> bool:
        """False: nobody runs in a cgroup here. Entries alone keep none from being removed."""
        return False

    def remove_cgroup(self, path: str) -> None:
        """The cgroup goes; its entries join its parent's (the kernel reparents an offline memcg). Their ids stay valid.

        Raises ValueError for the root, an unknown cgroup, or one with cgroups below it.
        """
        with self._parts.held():
            self._parts.tree.remove(path)

    def _index(self, cgroup: Cgroup | str) -> int:
        """The cgroup's number. Raises ValueError if it is not one of this system's."""
        parts = self._parts
        if isinstance(cgroup, Cgroup):
            if cgroup._system is not self:
                raise ValueError(f"{cgroup!r} belongs to another system")
            path = cgroup.path
        else:
            path = cgroup
        index = parts.tree.paths.get(path)
        if index is None:
            parts.alive()
            raise ValueError(f"there is no cgroup {path!r}; make it with swap.cgroup({path!r})")
        return index

    # pages

    def swap_out(
        self,
        pages: Pages | Sequence[Buffer],
        cgroup: Cgroup | str = ROOT,
        *,
        last_used_ns: int | npt.NDArray[np.int64] | None = None,
        clean: Ids | Sequence[int] | None = None,
    ) -> Ids:
        """Store pages: (n, page_size) uint8, or a list of bytes objects of page_size each -> (n,) uint64 entry ids.

        `last_used_ns`: when each page was last used, by the system's clock (default: now). `clean`: per page the id under
        which it was swapped in with `keep_clean`, or 0: where its slot is still kept and the page is what it holds, the
        id is valid again and nothing is written; where the page was changed, the slot is freed.

        Raises StoreRefusedError when pages are refused, with the ids of those that are in; TierIOError when a tier fails,
        after which none of the call's pages are in.
        """
        batch = checked_pages(pages, self.page_size)
        uses = checked_uses(last_used_ns, len(batch), self._parts.clock())
        index = self._index(cgroup)
        ids = np.zeros(len(batch), np.int64)
        stored = ids[:0]
        reasons: dict[str, int] = {}
        try:
            if clean is not None:
                array = as_array(batch, self.page_size)
                self._outgoing.store_clean(array, checked_clean(clean, len(array)), uses, ids)
                left = np.flatnonzero(ids == 0)
                stored = ids[left]
                try:
                    self._store(array[left], index, uses[left], stored, reasons)
                finally:
                    ids[left] = stored
            else:
                self._store(batch, index, uses, ids, reasons)
            if self._parts.has_background:
                self._maintain()
            out = ids.view(np.uint64)
        except BaseException:
            self._take_back(np.union1d(ids, stored))
            raise
        if reasons:
            raise StoreRefusedError(out, reasons, _path(cgroup))
        return out

    def _take_back(self, ids: npt.NDArray[np.int64]) -> None:
        """A call that stores has failed: nothing of it is under way any more, and none of its pages are in."""
        self._parts.engine.abandon()
        with contextlib.suppress(StaleEntryError, ClosedError):
            self._incoming.discard(ids[ids != 0])

    def _store(
        self,
        pages: Pages | list[bytes],
        index: int,
        uses: npt.NDArray[np.int64],
        ids: npt.NDArray[np.int64],
        reasons: dict[str, int],
    ) -> None:
        if len(pages) <= BATCH:
            self._outgoing.store(pages, index, uses, ids, reasons)
            return
        for start in range(0, len(pages), BATCH):
            end = min(start + BATCH, len(pages))
            self._outgoing.store(pages[start:end], index, uses[start:end], ids[start:end], reasons)

    def swap_out_page(self, page: Buffer, cgroup: Cgroup | str = ROOT, *, last_used_ns: int | None = None) -> int:
        """Store one page of exactly page_size bytes; its entry id. Raises as `swap_out` does."""
        if len(page) != self.page_size:
            raise ValueError(f"a page has {self.page_size} bytes, not {len(page)}")
        used = self._parts.clock() if last_used_ns is None else last_used_ns
        reasons: dict[str, int] = {}
        ids: list[Any] = [0]
        try:
            index = ROOT_INDEX if cgroup is ROOT else self._index(cgroup)
            self._outgoing.store_page(page, index, used, reasons, ids)
            if self._parts.has_background:
                self._maintain()
            entry: int = ids[0] if type(ids[0]) is int else int(ids[0][0])
        except BaseException:
            self._take_back(np.atleast_1d(ids[0]))
            raise
        if not entry:
            raise StoreRefusedError(np.zeros(1, np.uint64), reasons, _path(cgroup))
        return entry

    def swap_in(self, ids: Ids | Sequence[int], *, out: Pages | None = None, keep_clean: bool = False) -> Pages:
        """Take pages back: (n,) entry ids -> (n, page_size) uint8, in `out` if given. The entries are gone.

        `keep_clean`: the caller only reads the pages for now: tiers with `keep_clean` may keep their slots, so that
        `swap_out(pages, clean=ids)` writes nothing. Such an id is good for that, and for `forget_clean`, alone.

        All or none: raises StaleEntryError for an id that names no page here, BusyEntryError for one that somebody is
        taking or that stands twice in the call, CorruptEntryError for bytes that are not what was stored, TierIOError if
        a tier can't be read; then every entry is still there.
        """
        wanted = checked_ids(ids)
        checked_out(out, len(wanted), self.page_size)
        return self._incoming.take(wanted, out, keep_clean=keep_clean)

    def swap_in_page(self, entry: int) -> bytes:
        """Take one page back. Raises as `swap_in` does."""
        number = entry if type(entry) is int else int(entry)
        return self._incoming.take_page(number if 0 <= number <= MAX_ID else 0)

    def peek(self, ids: Ids | Sequence[int], *, out: Pages | None = None) -> Pages:
        """Read pages and leave their entries: as `swap_in`, but the ids stay valid. Counts as a use of the page now."""
        wanted = checked_ids(ids)
        pages = checked_out(out, len(wanted), self.page_size)
        self._incoming.peek(wanted, pages)
        return pages

    def peek_page(self, entry: int) -> bytes:
        """Read one page and leave its entry. Raises as `peek` does."""
        number = entry if type(entry) is int else int(entry)
        return self._incoming.peek_page(number if 0 <= number <= MAX_ID else 0)

    def discard(self, ids: Ids | Sequence[int]) -> None:
        """Forget pages without reading them. All or none: raises as `swap_in` does."""
        self._incoming.discard(checked_ids(ids))

    def discard_page(self, entry: int) -> None:
        """Forget one page without reading it. Raises as `discard` does."""
        number = entry if type(entry) is int else int(entry)
        self._incoming.discard_page(number if 0 <= number <= MAX_ID else 0)

    def forget_clean(self, ids: Ids | Sequence[int]) -> int:
        """Free the slots of pages that were swapped in with `keep_clean` and have changed, or are not wanted any more.

        Ids whose slots were given up meanwhile are passed over; the number of slots freed.
        """
        return self._incoming.forget_clean(checked_ids(ids))

    # demotion

    def demote(
        self,
        nbytes: int | str,
        *,
        source: str,
        target: str | None = None,
        cgroup: Cgroup | str = ROOT,
        referenced: Referenced = "ignore",
        used_before_ns: int | None = None,
        scan: int | None = None,
    ) -> Demoted:
        """Move `nbytes` stored bytes out of tier `source`, for a cgroup and its descendants, along its edges.

        `target`: along the edge into this tier only. `referenced`: `ignore` the second chance (an explicit request needs
        no hint), or `rotate` referenced entries once, as the kernel does: then a fresh pool may move nothing for several
        calls. `used_before_ns`: nothing that was last used then or later moves. `scan`: how many entries are looked at, up
        to a batch more. Raises GraphError for an unknown tier, ValueError for a bad size.
        """
        wanted, scope = self._request(nbytes, source, target, cgroup, referenced)
        with self._parts.engine.landing():
            return demote(
                self.core,
                self.graph,
                self._parts.held(),
                self._parts.engine.move,
                scope=scope,
                source=source,
                nbytes=wanted,
                target=target,
                referenced=referenced,
                used_before=NEVER if used_before_ns is None else used_before_ns,
                max_scanned=scan,
                now=self._parts.clock(),
            )

    def _request(
        self, nbytes: int | str, source: str, target: str | None, cgroup: Cgroup | str, referenced: Referenced
    ) -> tuple[int, int]:
        """The bytes and the cgroup's number of a request, which is checked."""
        wanted = parse_bytes(nbytes)
        if referenced not in ("ignore", "rotate"):
            raise ValueError(f"referenced is 'ignore' or 'rotate', not {referenced!r}")
        self._parts.alive()
        scope = self._index(cgroup)
        if not self.graph.edges_from(source, target):
            raise ConfigError(
                f"no edge leads from {source!r}{f' to {target!r}' if target else ''}: nothing can be demoted"
            )
        return wanted, scope

    def plan(
        self,
        nbytes: int | str,
        *,
        source: str,
        target: str | None = None,
        cgroup: Cgroup | str = ROOT,
        referenced: Referenced = "ignore",
    ) -> DemotionPlan:
        """What `demote` with these arguments would do now: which entries, where to, and why the others not.

        Nothing is moved, rotated or counted. The decisions are made on a copy of the records, which takes as long as there
        are many; a copy of a user's policy (copy.deepcopy) is asked as for a real move. Raises as `demote` does.
        """
        wanted, scope = self._request(nbytes, source, target, cgroup, referenced)
        parts = self._parts
        with parts.held():
            preview = Preview(self.core, self.graph, parts.tree.path_of)
            chooser = None if self._chooser is None else self._chooser.for_trial(preview.core)
        try:
            return preview.request(
                scope=scope, source=source, nbytes=wanted, target=target, referenced=referenced, now=parts.clock()
            )
        finally:
            if chooser is not None:
                chooser.close()

    # zswap's parameters

    @property
    def zswap_tiers(self) -> tuple[str, ...]:
        """The tiers that have ZswapParameters, fastest first."""
        return self._tuning.names

    def zswap_parameters(self, tier: str) -> ZswapParameters:
        """What is in force for a zswap tier now. Raises GraphError for one that is unknown, or no zswap."""
        with self._parts.held():
            return self._tuning.read(tier)

    def set_zswap(self, tier: str, **changes: Any) -> None:
        """Change parameters by the names of ZswapParameters' fields: ``swap.set_zswap("zswap", compressor="zstd")``.

        What is stored stays as it is, and is decoded by the compressor that made it; edges that took payloads as they are
        into a log recompress from now on, where the compressor was changed. Raises UnknownCompressorError or another
        ValueError for a value that can't be; nothing is changed then.
        """
        with self._parts.held():
            before = self._tuning.read(tier)
        compressor = changes.get("compressor", before.compressor)
        codec = None if compressor == before.compressor else self._tuning.codec(tier, compressor)
        with self._parts.held():
            if codec is not None and self._tuning.keeps_to_logs(tier):
                self._parts.engine.let_land()
                self._parts.alive()
            self._tuning.set(tier, attrs.evolve(self._tuning.read(tier), **changes), codec)
        self._background.changed()  # what is due by the new limits

    # evacuation

    def evacuate(self, tier: str, *, progress: Progress | None = None) -> Evacuated:
        """Let every entry leave `tier`: along its edges, or back up where those end. Ids stay valid, limits hold.

        From the call on nothing new comes into the tier, until `readmit`. `progress` is called after each batch with what
        was done so far and stops the evacuation by returning False; a later call goes on. Where entries are left, the
        result says why. Raises GraphError for an unknown tier; TierIOError if a tier fails, after which every entry is
        where it was or where it was going.
        """
        self._parts.alive()
        with self._parts.engine.landing():
            return evacuate(
                self.core,
                self.graph,
                self._parts.held(),
                self._parts.engine.move,
                rank=self.graph.rank(tier),
                clock=self._parts.clock,
                progress=progress,
            )

    def readmit(self, tier: str) -> None:
        """Let a tier that was being evacuated, or is in quarantine, take entries again. What it failed before is forgiven;
        what could not be read in it is tried again when an edge comes to it.

        Raises GraphError for one that is unknown or removed.
        """
        rank = self.graph.rank(tier)
        with self._parts.held():
            self._parts.failures.forgive(tier)
            api_plans.try_unreadable_again(self.core.state, rank)
            api_plans.readmit_tier(self.core.state, rank)
        self._background.changed()  # edges into it may be due

    def quarantine(self, tier: str) -> None:
        """From now on nothing new comes into `tier`: stores pass it by and edges into it pause; slots that it keeps for
        pages in memory are free. What is in it can be read, and moves on along its own edges.

        A tier that keeps failing is put there by itself (`quarantine_after`). `evacuate` empties it, `readmit` ends it.
        Raises GraphError for a tier that is unknown or removed.
        """
        rank = self.graph.rank(tier)
        with self._parts.held():
            api_plans.bar_tier(self.core.state, rank, QUARANTINED)

    def remove_tier(self, tier: str) -> Evacuated:
        """Evacuate a tier and close it: its file is gone, its edges move nothing, its counters stay.

        Raises TierBusyError if entries are left: then it is still open, and nothing comes in.
        """
        rank = self.graph.rank(tier)
        if len(self.graph.nx) == 1:
            raise GraphError(f"{tier!r} is the only tier; close the system instead")
        done = self.evacuate(tier)
        if not done.done:
            with self._parts.held():
                self._parts.engine.let_land()  # stores that had a slot there when it began
            done = self.evacuate(tier)
        with self._parts.held():
            left = int(self.core.st.tiers[rank].entries)
            if left:
                raise TierBusyError(tier, left, done.refused)
            self.graph.nx.remove_node(tier)
            self._parts.tree.forget_tier(tier)
        raise_failed(close_all([self.tiers[rank]]))
        return done

    def run_background(self, max_steps: int = BACKGROUND_STEPS) -> int:
        """Take the background steps that are due (watermarks, limit workers, ages); the number of entries moved.

        Every `swap_out` does so at its end (`background_error` keeps what that raised), unless `background` runs; call it
        yourself where time passes without stores. Raises TierIOError.
        """
        self._parts.alive()
        with self._parts.engine.landing():
            return self._parts.engine.run_background(self._parts.held(), self._parts.clock(), max_steps)

    def background(self) -> Background:
        """Let a thread of its own take the background steps from now on, and no longer every `swap_out` at its end.

        It runs until its `stop`, the end of its `with` block, or `close`; a second call gives the same thread::

            with swap.background():
                ids = swap.swap_out(pages)

        It sleeps until a store makes something due, or the time has come for it by the system's clock; a clock that
        stands still is not polled: `background().wake()` after it was set. Raises ClosedError.
        """
        return self._background.start()

    @property
    def background_error(self) -> Exception | None:
        """What the latest background step failed with, None if it did not; its entries are where they were."""
        return self._background.error

    def _maintain(self) -> None:
        """The background's turn after a store. Its failure is not the store's, whose pages are in: it is kept apart."""
        if self._background.running:
            self._background.changed()
            return
        try:
            self.run_background()
            self._background.error = None
        except ClosedError:
            raise
        except Exception as error:
            self._background.error = error

    # looking

    def stats(self) -> SystemCounters:
        """A consistent copy of all counters."""
        return self._snapshot().counters

    def metrics(self) -> Metrics[Snapshot]:
        """A collector for prometheus_client: ``REGISTRY.register(swap.metrics())``; its `text()` is what a scrape gets.

        Each scrape takes one consistent copy of all counters. Of a system that is closed there are no samples.
        Raises ConfigError if the extra `metrics` is missing.
        """
        check_metrics("SwapSystem.metrics()")
        from swaptiers.metrics.collector import Metrics  # noqa: PLC0415  needs the extra
        from swaptiers.metrics.system import system_families  # noqa: PLC0415

        def looks() -> tuple[tuple[tuple[str, ...], Snapshot], ...]:
            try:
                return (((), self._snapshot()),)
            except ClosedError:
                return ()

        return Metrics(system_families(), looks)

    def _snapshot(self) -> Snapshot:
        with self._parts.held():
            counters = read_counters(self.core, self.graph, self._parts.tree)
            capacities = read_capacities(self.core, self.graph)
        counters = attrs.evolve(counters, failures=self._parts.failures.counts())
        return Snapshot(counters=counters, capacity_bytes=capacities)

    def subtree(self, path: str) -> SubtreeCounters:
        """A consistent copy of what a cgroup and its descendants have and did. Raises ValueError if there is none."""
        with self._parts.held():
            self._parts.tree.spec(path)
            return read_subtree(self.core, self.graph, self._parts.tree, path)

    def subtree_inversion(self, path: str) -> Inversion:
        """How far the entries of a cgroup and its descendants are from an order by last use, taken together.

        Raises ValueError if there is no cgroup at `path`.
        """
        with self._parts.held():
            self._parts.tree.spec(path)
            held, bypass = held_by(self.core, self._parts.tree.paths[path])
        return subtree_inversion(held, bypass, [tier.name for tier in self.graph.tiers])

    def inversion(self) -> InversionReport:
        """How far the entries are from an order by last use, now: per cgroup, and all together.

        `late_faults`, `late_any` and `excess_latency_ns` are about faults, which only an experiment watches: None here.
        """
        with self._parts.held():
            records = self.core.records[: int(self.core.st.row_top)]
            held = records[records["backing"] == STORED].copy()
            bypass = {path: int(self.core.cgroups[index].bypass) for path, index in self._parts.tree.paths.items()}
            paths = dict(self._parts.tree.paths)
        names = [tier.name for tier in self.graph.tiers]
        by_cgroup = {}
        for path, index in sorted(paths.items()):
            own = held[held["cgroup"] == index]
            pairs, by_tiers = pairs_of(own["tier"], own["last_use"], names)
            by_cgroup[path] = Inversion(pairs=pairs, bypass=bypass[path], by_tiers=by_tiers)
        pairs, by_tiers = pairs_of(held["tier"], held["last_use"], names)
        return mean_inversion(by_cgroup, GlobalInversion(pairs=pairs, by_tiers=by_tiers))

    def check(self) -> None:
        """Recount every entry and compare with all accounts. Raises IntegrityError if any disagrees.

        What other threads are moving at this moment is let land first.
        """
        with self._parts.held():
            self._parts.engine.let_land()
            self._parts.alive()
            self.core.check()

    def __len__(self) -> int:
        """Pages that are swapped out now."""
        with self._parts.held():
            st = self.core.st
            kept = sum(int(st.tiers[rank].kept) for rank in range(int(st.tiers_n)))
            return int(st.row_top - st.free_rows - st.retired_rows) - kept

    # life

    def close(self) -> None:
        """Give back memory and files. A second call does nothing. What other threads are writing is let land first; what
        they ask for then gets ClosedError. Raises TierIOError if a tier could not be closed; all others are."""
        check_free(self._parts.lock)
        with self._parts.lock:
            if self._parts.closed:
                return
            self._parts.closed = True
        self._background.leave(CLOSING_PATIENCE_S)
        with self._parts.lock:
            landed = self._parts.engine.let_land(CLOSING_PATIENCE_S)
        failed = close_all(self.tiers)
        if self._chooser is not None:
            self._chooser.close()
        if landed:  # else somebody may still write to the state: it goes when nobody knows it any more
            self.core.close()
        raise_failed(failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. An error that is on its way out is not hidden by one of closing, which becomes a note to it."""
        try:
            self.close()
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"and then: {failure}")


def _path(cgroup: Cgroup | str) -> str:
    return cgroup if isinstance(cgroup, str) else cgroup.path
