"""SwapSystem: a swap subsystem as a Python object. Pages of a control group go in, come back bit for bit, and move down
a graph of tiers in between."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.cgroups import ROOT, CgroupSpec, CgroupTree
from swaptiers.codecs import Buffer, checksum
from swaptiers.core import api
from swaptiers.core.core import MAX_ENTRIES, Core
from swaptiers.core.entries import BUSY_NOW, FOREIGN
from swaptiers.core.state import (
    MAX_CODECS,
    NEED_LENGTHS,
    NEED_ROOM,
    PENDING,
    PENDING_MAX,
    PLACED,
    REASON_NAMES,
    REFUSED,
    TAKE,
)
from swaptiers.counters import SystemCounters, read_counters
from swaptiers.demotion.engine import Engine, corrupt
from swaptiers.demotion.request import Demoted, Plan, Referenced, demote, latest_plan
from swaptiers.demotion.terms import EdgeSpec
from swaptiers.errors import (
    BusyEntryError,
    ClosedError,
    ConfigError,
    CorruptEntryError,
    StaleEntryError,
    StoreRefusedError,
    TierIOError,
)
from swaptiers.graph import TierGraph
from swaptiers.system_spec import SystemSpec
from swaptiers.tiers.base import OnFull, Tier
from swaptiers.tiers.opening import open_tier
from swaptiers.tiers.specs import AnyTierSpec, ZswapSpec
from swaptiers.terms import codec_columns, edge_terms, tier_terms
from swaptiers.units import parse_bytes

Pages = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.uint64]
BATCH = 64
BACKGROUND_STEPS = 1 << 20


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
        self._system.limit(attrs.evolve(self.spec, **limits))

    @property
    def spec(self) -> CgroupSpec:
        return self._system.cgroup_spec(self.path)

    def __repr__(self) -> str:
        return f"Cgroup({self.path!r})"


class SwapSystem:
    """Tiers, edges and cgroups over one entry table, with real bytes.

    `tiers`: specs, fastest first. `edges`: None = a chain, () = no demotion. `folder`: what relative file paths are below.
    `clock`: nanoseconds, never backwards. Safe from several threads: one lock for bookkeeping, none held over codec or
    I/O. Closing gives back memory and files; whatever was stored is gone.
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
        max_entries: int = MAX_ENTRIES,
        stamp_limit: int = (1 << 31) - 1,
        generation_limit: int = (1 << 24) - 1,
    ) -> None:
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
        self.page_size = int(spec.page_size)
        self.graph = TierGraph.build(spec.tiers, spec.edges, spec.on_full)
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
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        self._pid = os.getpid()
        self._zero_page = bytes(self.page_size)
        self._scratch = threading.local()
        self.tiers: list[Tier] = []
        try:
            for rank, tier in enumerate(self.graph.tiers):
                self.tiers.append(open_tier(tier, self.core.physical_slots(rank), self.page_size, Path(folder)))
            self.tree = CgroupTree(self.core, [tier.name for tier in self.graph.tiers])
            for cgroup in spec.cgroups:
                self.tree.limit(cgroup)
        except BaseException:
            self._close_tiers()
            raise
        self._engine = Engine(self.core, self.graph, self.tiers, self._lock)
        self._codec_tiers: dict[int, Tier] = {}
        for rank, tier in enumerate(self.graph.tiers):
            if isinstance(tier, ZswapSpec):
                self._codec_tiers.setdefault(columns[rank], self.tiers[rank])
        self._first_codec = columns[0]

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
        with self._held():
            index = self.tree.add(path)
            if limits:
                self.tree.limit(attrs.evolve(self.tree.specs[path], **limits))
        return Cgroup(self, path, index)

    def limit(self, spec: CgroupSpec) -> None:
        """Set all limits of a cgroup. Raises ValueError for an unknown tier."""
        with self._held():
            self.tree.limit(spec)

    def cgroup_spec(self, path: str) -> CgroupSpec:
        """The configured limits of a cgroup. Raises ValueError if there is none at `path`."""
        with self._held():
            if path not in self.tree.specs:
                raise ValueError(f"there is no cgroup {path!r}")
            return self.tree.specs[path]

    def remove_cgroup(self, path: str) -> None:
        """The cgroup goes; its entries join its parent's (the kernel reparents an offline memcg). Their ids stay valid.

        Raises ValueError for the root, an unknown cgroup, or one with cgroups below it.
        """
        with self._held():
            self.tree.remove(path)

    def _index(self, cgroup: Cgroup | str) -> int:
        """The caller holds the lock."""
        path = cgroup if isinstance(cgroup, str) else cgroup.path
        if isinstance(cgroup, Cgroup) and cgroup._system is not self:
            raise ValueError(f"{cgroup!r} belongs to another system")
        if path not in self.tree.paths:
            raise ValueError(f"there is no cgroup {path!r}; make it with swap.cgroup({path!r})")
        return self.tree.paths[path]

    # swap out

    def swap_out(
        self, pages: Pages, cgroup: Cgroup | str = ROOT, *, last_used_ns: int | npt.NDArray[np.int64] | None = None
    ) -> Ids:
        """Store pages: (n, page_size) uint8 -> (n,) uint64 entry ids.

        `last_used_ns`: when each page was last used, by the system's clock (default: now). Raises StoreRefusedError when
        pages are refused, with the ids of those that are in; TierIOError when a tier fails, after which none of the call's
        pages are in.
        """
        array = self._checked(pages)
        uses = self._uses(last_used_ns, len(array))
        ids = np.zeros(len(array), np.int64)
        reasons: dict[str, int] = {}
        try:
            for start in range(0, len(array), BATCH):
                end = min(start + BATCH, len(array))
                self._store_batch(array[start:end], cgroup, uses[start:end], ids[start:end], reasons)
        except BaseException:
            with contextlib.suppress(StaleEntryError, ClosedError):
                self.discard(ids[ids != 0].astype(np.uint64))
            raise
        self._maintain()
        out = ids.view(np.uint64)
        if reasons:
            raise StoreRefusedError(out, reasons, cgroup if isinstance(cgroup, str) else cgroup.path)
        return out

    def _store_batch(
        self,
        pages: Pages,
        cgroup: Cgroup | str,
        uses: npt.NDArray[np.int64],
        ids: npt.NDArray[np.int64],
        reasons: dict[str, int],
    ) -> None:
        n = len(pages)
        pending = self._pending()
        zero = np.empty(n, np.bool_)
        api.zero_rows(pages, pages.view(np.int64), zero)
        views = _rows(pages)
        payloads: dict[int, list[Buffer]] = {}
        if self._first_codec >= 0:
            self._encode(self._first_codec, views, zero, payloads)
        with self._held():
            index = self._index(cgroup)
            api.ask_places(self.core.state, pending, n, index, 0, zero)
            pending["last_use"][:n] = uses
            for codec, made in payloads.items():
                pending["lengths"][:n, codec] = [len(payload) for payload in made]
        self._place_batch(pending, n, views, zero, payloads, ids, reasons)

    def _place_batch(
        self,
        pending: Any,
        n: int,
        views: list[memoryview],
        zero: npt.NDArray[np.bool_],
        payloads: dict[int, list[Buffer]],
        ids: npt.NDArray[np.int64],
        reasons: dict[str, int],
    ) -> None:
        """Place, write and publish the first `n` of `pending`, which have asked: room is made as it is needed."""
        placed = published = 0
        while placed < n:
            with self._held():
                result = api.place_pages(self.core.state, pending, placed, n)
                placed, status = (n, 0) if result == n else divmod(-result, 4)
                placed -= 0 if result == n else 1
                in_memory = self._put_compressed(pending, published, placed, payloads)
                if in_memory:
                    api.publish_pages(self.core.state, pending, published, placed, ids)
                plan = latest_plan(self.core) if status == NEED_ROOM else None
                need_codec = int(self.core.st.need_codec)
            if not in_memory:
                self._write_slots(pending, published, placed, views, payloads, ids)
            published = placed
            if status == NEED_LENGTHS:
                self._encode(need_codec, views, zero, payloads)
                made = payloads[need_codec]
                pending["lengths"][placed:n, need_codec] = [len(payload) for payload in made[placed:]]
            elif plan is not None:
                self._move_for(pending, placed, plan)
        refused = pending["reason"][:n][pending["state"][:n] == REFUSED]
        for reason in refused.tolist():
            reasons[REASON_NAMES[reason]] = reasons.get(REASON_NAMES[reason], 0) + 1

    def _move_for(self, pending: Any, index: int, plan: Plan) -> None:
        """Carry out a plan that makes room for a pending page."""
        if not self._engine.move(plan).entries:
            pending[index]["fruitless"] += 1

    def _encode(self, codec: int, views: list[memoryview], zero: Any, payloads: dict[int, list[Buffer]]) -> None:
        encode = self._codec_tiers[codec].encode
        payloads[codec] = [b"" if empty else encode(view) for view, empty in zip(views, zero.tolist(), strict=True)]

    def _put_compressed(self, pending: Any, start: int, end: int, payloads: dict[int, list[Buffer]]) -> bool:
        """Put the payloads of pages that went to a compressed tier into it: memory, so it can be done under the lock.
        False if some page of the range went into slots instead, whose writing has to wait until the lock is free."""
        part = pending[start:end]
        tiers = part["tier"]
        taken = part["state"] == PLACED
        in_memory = True
        for rank in np.unique(tiers[taken]).tolist():
            tier = self.tiers[rank]
            if not tier.compressed:
                in_memory = False
                continue
            here = np.flatnonzero(taken & (tiers == rank)) + start
            made = payloads[int(self.core.st.tiers[rank].codec)]
            chosen = [made[i] for i in here.tolist()]
            pending["checksum"][here] = [checksum(payload) for payload in chosen]
            tier.store(pending["slot"][here], chosen)
        return in_memory

    def _write_slots(
        self, pending: Any, start: int, end: int, views: list[memoryview], payloads: Any, ids: npt.NDArray[np.int64]
    ) -> None:
        """Write the pages that went to slots, then publish the whole range; if a write fails, none of the range is in."""
        part = pending[start:end]
        taken = part["state"] == PLACED
        try:
            for rank in np.unique(part["tier"][taken]).tolist():
                tier = self.tiers[rank]
                if tier.compressed:
                    continue
                here = np.flatnonzero(taken & (part["tier"] == rank)) + start
                chosen: list[Buffer] = [views[i] for i in here.tolist()]
                pending["checksum"][here] = [checksum(page) for page in chosen]
                try:
                    tier.store(pending["slot"][here], chosen)
                except OSError as cause:
                    raise TierIOError(
                        tier.name, "swap-out", cause, "none of this call's pages are stored; they are still yours"
                    ) from cause
        except BaseException:
            with self._held():
                api.withdraw_pages(self.core.state, pending, start, end)
            raise
        with self._held():
            api.publish_pages(self.core.state, pending, start, end, ids)

    def swap_out_page(self, page: Buffer, cgroup: Cgroup | str = ROOT, *, last_used_ns: int | None = None) -> int:
        """Store one page of exactly page_size bytes; its entry id. Raises as `swap_out` does."""
        if len(page) != self.page_size:
            raise ValueError(f"a page has {self.page_size} bytes, not {len(page)}")
        codec = self._first_codec
        if codec >= 0 and page != self._zero_page:
            tier = self._codec_tiers[codec]
            payload = tier.encode(page)
            pending = self._pending()
            used = self._clock() if last_used_ns is None else last_used_ns
            with self._held():
                index = cgroup.index if isinstance(cgroup, Cgroup) else self._index(cgroup)
                if not self.core.cgroups[index].alive or (isinstance(cgroup, Cgroup) and cgroup._system is not self):
                    index = self._index(cgroup)
                entry = api.store_page(
                    self.core.state, pending, index, used, codec, len(payload), checksum(payload)
                )
                if entry > 0:
                    self.tiers[int(pending[0]["tier"])].store(pending["slot"][:1], [payload])
                plan = latest_plan(self.core) if entry == -1 - NEED_ROOM else None
            if entry <= 0:
                entry = self._store_rest(page, cgroup, pending, plan, {codec: [payload]})
            self._maintain()
            return int(entry)
        array = np.frombuffer(page, np.uint8).reshape(1, self.page_size)
        return int(self.swap_out(array, cgroup, last_used_ns=last_used_ns)[0])

    def _store_rest(
        self, page: Buffer, cgroup: Cgroup | str, pending: Any, plan: Plan | None, payloads: dict[int, list[Buffer]]
    ) -> int:
        """Go on with a single page that could not be stored in one call: room, another codec, or a slot is needed."""
        ids, reasons = np.zeros(1, np.int64), dict[str, int]()
        if plan is not None:
            self._move_for(pending, 0, plan)
        self._place_batch(pending, 1, [memoryview(page)], np.zeros(1, np.bool_), payloads, ids, reasons)
        if reasons:
            self._maintain()
            raise StoreRefusedError(ids.view(np.uint64), reasons, cgroup if isinstance(cgroup, str) else cgroup.path)
        return int(ids[0])

    # swap in

    def swap_in(self, ids: Ids | Sequence[int], *, out: Pages | None = None) -> Pages:
        """Take pages back: (n,) entry ids -> (n, page_size) uint8, in `out` if given. The entries are gone.

        All or none: raises StaleEntryError for an id that names no page here (or twice the same), CorruptEntryError for
        bytes that are not what was stored, TierIOError if a tier can't be read; then every entry is still there.
        """
        wanted = self._checked_ids(ids)
        pages = self._checked_out(out, len(wanted))
        takes = np.zeros(len(wanted), TAKE)
        with self._held():
            self._complain(api.begin_takes(self.core.state, wanted, takes), wanted, takes)
        try:
            self._load(wanted, takes, pages)
        except BaseException:
            with self._held():
                api.restore_takes(self.core.state, takes, len(takes))
            raise
        with self._held():
            api.finish_takes(self.core.state, takes, len(takes), True)
            self._free_slots(takes)
        return pages

    def swap_in_page(self, entry: int) -> bytes:
        """Take one page back. Raises as `swap_in` does."""
        takes = self._takes()
        with self._held():
            row = api.take_page(self.core.state, int(entry), takes)
        if row < 0:
            raise self._no_entry(int(entry), row)
        take = takes[0]
        rank = int(take.tier)
        if rank < 0:
            page: Buffer = self._zero_page
        else:
            try:
                page = self._load_one(int(entry), rank, take)
            except BaseException:
                with self._held():
                    api.restore_takes(self.core.state, takes, 1)
                raise
        with self._held():
            api.finish_page(self.core.state, row)
            if rank >= 0:
                self.tiers[rank].free(takes["slot"][:1])
        return bytes(page)

    def _load_one(self, entry: int, rank: int, take: Any) -> Buffer:
        tier = self.tiers[rank]
        try:
            payload = tier.load(np.array([take.slot]), np.array([take.length], np.int32))[0]
        except OSError as cause:
            where = f"the entry is still in {tier.name!r}"
            raise TierIOError(tier.name, "swap-in", cause, where) from cause
        if checksum(payload) != take.checksum:
            raise corrupt(entry, tier, int(take.slot))
        return tier.decode(payload)

    def _load(self, ids: npt.NDArray[np.int64], takes: Any, pages: Pages) -> None:
        """Fill `pages` with what the takes name; every payload's checksum is checked."""
        ranks = takes["tier"]
        for rank in np.unique(ranks).tolist():
            here = np.flatnonzero(ranks == rank)
            if rank < 0:
                pages[here] = 0
                continue
            tier = self.tiers[rank]
            try:
                payloads = tier.load(takes["slot"][here], takes["length"][here])
            except OSError as cause:
                where = f"all {len(ids)} entries are still where they were"
                raise TierIOError(tier.name, "swap-in", cause, where) from cause
            sums = takes["checksum"][here].tolist()
            flat = memoryview(pages).cast("B")
            size = self.page_size
            for i, payload, expected in zip(here.tolist(), payloads, sums, strict=True):
                if checksum(payload) != expected:
                    raise corrupt(int(ids[i]), tier, int(takes["slot"][i]))
                flat[i * size : (i + 1) * size] = tier.decode(payload)

    def peek(self, ids: Ids | Sequence[int], *, out: Pages | None = None) -> Pages:
        """Read pages and leave their entries: as `swap_in`, but the ids stay valid. Counts as a use of the page now."""
        wanted = self._checked_ids(ids)
        pages = self._checked_out(out, len(wanted))
        takes = np.zeros(len(wanted), TAKE)
        left = np.arange(len(wanted))
        while len(left):
            part = np.zeros(len(left), TAKE)
            with self._held():
                self._complain(api.begin_peeks(self.core.state, wanted[left], part), wanted[left], part)
            got = np.empty((len(left), self.page_size), np.uint8)
            failure: Exception | None = None
            try:
                self._load(wanted[left], part, got)
            except (CorruptEntryError, TierIOError) as error:
                failure = error
            unmoved = np.zeros(len(left), np.bool_)
            with self._held():
                if failure is not None:
                    if all(api.is_unmoved(self.core.state, take) for take in part):
                        raise failure
                    continue
                api.finish_peeks(self.core.state, part, len(part), self._clock(), unmoved)
            pages[left[unmoved]] = got[unmoved]
            takes[left] = part
            left = left[~unmoved]
        return pages

    def discard(self, ids: Ids | Sequence[int]) -> None:
        """Forget pages without reading them. All or none: raises StaleEntryError as `swap_in` does."""
        wanted = self._checked_ids(ids)
        takes = np.zeros(len(wanted), TAKE)
        with self._held():
            self._complain(api.begin_takes(self.core.state, wanted, takes), wanted, takes)
            api.finish_takes(self.core.state, takes, len(takes), False)
            self._free_slots(takes)

    def _free_slots(self, takes: Any) -> None:
        for rank in np.unique(takes["tier"]).tolist():
            if rank >= 0:
                self.tiers[rank].free(takes["slot"][takes["tier"] == rank])

    # demotion

    def demote(
        self,
        nbytes: int | str,
        *,
        source: str,
        target: str | None = None,
        cgroup: Cgroup | str = ROOT,
        referenced: Referenced = "ignore",
    ) -> Demoted:
        """Move `nbytes` stored bytes out of tier `source`, for a cgroup and its descendants, along its edges.

        `target`: along the edge into this tier only. `referenced`: `ignore` the second chance (an explicit request needs
        no hint), or `rotate` referenced entries once, as the kernel does: then a fresh pool may move nothing for several
        calls. Raises GraphError for an unknown tier, ValueError for a bad size.
        """
        wanted = parse_bytes(nbytes)
        if referenced not in ("ignore", "rotate"):
            raise ValueError(f"referenced is 'ignore' or 'rotate', not {referenced!r}")
        with self._held():
            scope = self._index(cgroup)
        if not self.graph.edges_from(source, target):
            raise ConfigError(f"no edge leads from {source!r}{f' to {target!r}' if target else ''}: nothing can be demoted")
        return demote(
            self.core,
            self.graph,
            self._lock,
            self._engine.move,
            scope=scope,
            source=source,
            nbytes=wanted,
            target=target,
            referenced=referenced,
            now=self._clock(),
        )

    def run_background(self, max_steps: int = BACKGROUND_STEPS) -> int:
        """Take the background steps that are due (watermarks, limit workers, ages); the number of entries moved.

        Every `swap_out` does so at its end; call it yourself where time passes without stores.
        """
        self._alive()
        return self._engine.run_background(self._clock(), max_steps)

    def _maintain(self) -> None:
        st = self.core.st
        if st.kick or st.wake_at <= self._clock():
            self.run_background()

    # looking

    def stats(self) -> SystemCounters:
        """A consistent copy of all counters."""
        with self._held():
            return read_counters(self.core, self.graph, self.tree)

    def check(self) -> None:
        """Recount every entry and compare with all accounts. Raises IntegrityError if any disagrees."""
        with self._held():
            self.core.check()

    def __len__(self) -> int:
        """Entries that live now."""
        with self._held():
            st = self.core.st
            return int(st.row_top - st.free_rows - st.retired_rows)

    # life

    def close(self) -> None:
        """Give back memory and files. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._close_tiers()
        self.core.close()

    def _close_tiers(self) -> None:
        for tier in self.tiers:
            tier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock:
            self._alive()
            yield

    def _alive(self) -> None:
        if self._closed:
            raise ClosedError("this SwapSystem is closed; what it held is gone")

    # arguments

    def _pending(self) -> Any:
        """This thread's table of pages that wait for a place."""
        pending = getattr(self._scratch, "pending", None)
        if pending is None:
            pending = self._scratch.pending = np.zeros(PENDING_MAX, PENDING)
        return pending

    def _takes(self) -> Any:
        takes = getattr(self._scratch, "takes", None)
        if takes is None:
            takes = self._scratch.takes = np.zeros(1, TAKE)
        return takes

    def _checked(self, pages: Pages) -> Pages:
        if not isinstance(pages, np.ndarray) or pages.dtype != np.uint8 or pages.ndim != 2:
            got = f"{pages.dtype} {pages.shape}" if isinstance(pages, np.ndarray) else type(pages).__name__
            raise TypeError(f"pages are a uint8 array of shape (n, {self.page_size}), not {got}")
        if pages.shape[1] != self.page_size:
            raise ValueError(f"pages are {self.page_size} bytes each, not {pages.shape[1]}")
        return np.ascontiguousarray(pages)

    def _checked_out(self, out: Pages | None, n: int) -> Pages:
        if out is None:
            return np.empty((n, self.page_size), np.uint8)
        if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != (n, self.page_size):
            raise TypeError(f"out is a uint8 array of shape ({n}, {self.page_size})")
        if not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError("out is a contiguous array that can be written")
        return out

    def _checked_ids(self, ids: Ids | Sequence[int]) -> npt.NDArray[np.int64]:
        array = np.asarray(ids)
        if array.size == 0:
            return np.zeros(0, np.int64)
        if array.ndim != 1 or array.dtype.kind not in "ui":
            raise TypeError(f"entry ids are a one-dimensional array of integers, not {array.dtype} {array.shape}")
        if array.dtype.kind == "u" and (array > np.uint64(np.iinfo(np.int64).max)).any():
            raise StaleEntryError(int(array.max()), f"{int(array.max()):#x} is no entry id of this system")
        return np.ascontiguousarray(array, dtype=np.int64)

    def _uses(self, last_used_ns: int | npt.NDArray[np.int64] | None, n: int) -> npt.NDArray[np.int64]:
        if last_used_ns is None:
            return np.full(n, self._clock(), np.int64)
        uses = np.broadcast_to(np.asarray(last_used_ns), (n,))
        if uses.dtype.kind not in "ui":
            raise TypeError("last_used_ns is an integer, or one per page")
        return uses.astype(np.int64)

    def _complain(self, first_bad: int, ids: npt.NDArray[np.int64], takes: Any) -> None:
        if first_bad >= 0:
            raise self._no_entry(int(ids[first_bad]), int(takes["row"][first_bad]))

    def _no_entry(self, entry: int, why: int) -> Exception:
        if why == FOREIGN:
            return StaleEntryError(entry, f"{entry:#x} is no entry id of this system; was it given out by another one?")
        if why == BUSY_NOW:
            return BusyEntryError(entry, f"entry {entry:#x} is being taken by somebody else, or stands twice in this call")
        return StaleEntryError(entry, f"entry {entry:#x} is gone: it was swapped in or discarded before")


def _rows(pages: Pages) -> list[memoryview]:
    """A view per page: slicing one memoryview is faster than iterating over an array."""
    size = pages.shape[1]
    flat = memoryview(pages).cast("B")
    return [flat[i : i + size] for i in range(0, len(flat), size)]


__all__ = ["MAX_CODECS", "Cgroup", "Demoted", "SwapSystem", "TierIOError"]
