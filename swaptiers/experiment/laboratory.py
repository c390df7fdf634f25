"""The laboratory: one variant of an experiment, from its description to its numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from swaptiers.cgroups import CgroupTree
from swaptiers.codecs import Codec, make_codec
from swaptiers.control import ControlTree
from swaptiers.core.compile import interpreted
from swaptiers.core.core import Core
from swaptiers.core.plan import NEVER
from swaptiers.core.resident import PAGE
from swaptiers.core.state import ARRAYS
from swaptiers.core.words import Words
from swaptiers.demotion.chooser import make_chooser
from swaptiers.demotion.evacuation import Evacuated, evacuate
from swaptiers.demotion.request import Demoted, Moved, Plan, Referenced, demote, raise_failure
from swaptiers.errors import ConfigError, ExperimentError
from swaptiers.experiment.actions import Actions
from swaptiers.experiment.control import RunningSystem
from swaptiers.experiment.driving import Driver
from swaptiers.experiment.events import log_has_run
from swaptiers.experiment.evicting import settled_ram
from swaptiers.experiment.execute import Executor
from swaptiers.experiment.fairness import Occupancy
from swaptiers.experiment.feed import Feed, OrderedFeed, TimedFeed
from swaptiers.experiment.future import following_references
from swaptiers.experiment.lab import (
    CHUNK_DONE,
    DUE,
    EVENT,
    EVICTED,
    EVICTING,
    KNOWN,
    LAB,
    LATENCY_BUCKETS,
    LOG_CAPACITY,
    LOG_FULL,
    WANTS_LENGTHS,
    WANTS_MOVE_LENGTHS,
    WANTS_REFERENCES,
)
from swaptiers.experiment.moving import move_planned
from swaptiers.experiment.observe import Recency
from swaptiers.experiment.outcome import outcome_of
from swaptiers.experiment.pages import contents_of
from swaptiers.experiment.replay import replay
from swaptiers.experiment.results import VariantResult
from swaptiers.experiment.series import Recorder
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.experiment.steering import Steering
from swaptiers.experiment.steps import StepLog, StepSink
from swaptiers.experiment.timing import LONGEST
from swaptiers.graph import TierGraph
from swaptiers.terms import codec_columns, edge_terms, tier_terms
from swaptiers.tiers.base import Tier
from swaptiers.tiers.opening import open_tier
from swaptiers.tiers.specs import FileSpec, ZswapSpec
from swaptiers.workloads.contents import corpora
from swaptiers.workloads.source import MAX_WORKLOADS
from swaptiers.workloads.streams import References
from swaptiers.zswap_parameters import ZswapParameters, ZswapTuning

FOREVER = 1 << 62
NO_REFERENCES = np.empty(0, np.int64)
Progress = Callable[[int, int], None]
"""Called now and then with references done and in all."""


LOG_ENOUGH = 2048
"""Events from which on it pays to let the log run while lengths are made."""


class Laboratory:
    """One variant: made, run once, closed.

    The references, their order and the contents depend on seed and workloads alone, so they are the same in all variants.
    """

    def __init__(self, spec: ExperimentSpec, folder: Path, steps: StepSink | None = None) -> None:
        self.spec = spec
        self.graph = TierGraph.build(spec.tiers, spec.edges, spec.on_full, int(spec.page_size))
        if not spec.workloads:
            raise ConfigError("there is no workload; write at least one under workloads")
        if len(spec.workloads) > MAX_WORKLOADS:
            raise ConfigError(f"there are {len(spec.workloads)} workloads; at most {MAX_WORKLOADS} are possible")
        self.references = References(spec.workloads, spec.seed, folder)
        self.columns = codec_columns(self.graph.tiers)
        real = spec.run.payload == "real"
        self.core = Core(
            page_size=int(spec.page_size),
            tiers=tier_terms(self.graph, spec, self.columns),
            edges=edge_terms(self.graph, spec),
            charge_zswap=spec.charge_zswap,
            legacy_swap_charge=spec.legacy_swap_charge,
            slack_slots=LOG_CAPACITY if real else 0,
        )
        names = [tier.name for tier in self.graph.tiers]
        self.tree = CgroupTree(self.core, names, self.graph.branches.takes)
        self._chooser = make_chooser(self.core, self.graph, self.tree, folder)
        for cgroup in spec.cgroups:
            self.tree.limit(cgroup)
        for workload in spec.workloads:
            self.tree.add(workload.cgroup)
        self._kept: list[Any] = []
        self._lengths: list[npt.NDArray[np.int32]] = []
        """payload: sizes: per column the length of each content."""
        self.laba = np.zeros(1, LAB)
        self.lab: Any = self.laba[0]
        self.words = Words.of(self.laba)
        self.tiers: list[Tier] = []
        self._set_up(folder)
        try:
            self.executor = self._open_tiers(folder) if real else None
        except BaseException:
            self.close()
            raise
        self.recency = Recency(self) if spec.run.inversion != "off" else None
        self.recorder = Recorder(self)
        self.steps = StepLog(self, steps) if steps is not None else None
        self.occupancy = Occupancy(self.core, {w.cgroup: self.tree.paths[w.cgroup] for w in spec.workloads}, names)
        self.driver: Driver | None = None
        """Somebody outside; whatever he does makes the numbers his own."""
        self._tuning = ZswapTuning(self.core, self.graph, spec, self.columns, self.tiers, self._compressor_changed)
        self.running = RunningSystem(self)
        self._control_tree: ControlTree | None = None
        self._watch: Callable[[Laboratory, bool], None] | None = None
        self.actions = Actions(self)
        self.steering = Steering(self)

    # setting up

    def _set_up(self, folder: Path) -> None:
        lab, spec = self.lab, self.spec
        first = self.references.first_page
        lab.pages_n = int(first[-1])
        self.pages = self.table("pages_at", np.zeros(int(lab.pages_n), PAGE))
        self.log = self.table("log_at", np.zeros(LOG_CAPACITY, EVENT))
        lab.reclaim_batch = spec.run.reclaim_batch
        made, which = corpora(spec.workloads, spec.seed, int(spec.page_size), folder)
        starts = np.cumsum([0, *(len(corpus.pages) for corpus in made)])
        lab.contents_n = int(starts[-1])
        self.corpora = made
        self.table("zero_at", np.concatenate([corpus.zero for corpus in made]).astype(np.uint8))
        lab.workloads_n = len(spec.workloads)
        latencies = self.table("latencies_at", np.zeros(len(spec.workloads) * LATENCY_BUCKETS, np.int64))
        self.latencies = latencies.reshape(len(spec.workloads), LATENCY_BUCKETS)
        for index, workload in enumerate(spec.workloads):
            work = lab.workloads[index]
            corpus = int(which[index])
            work.cgroup = self.tree.paths[workload.cgroup]
            work.think = workload.think
            work.salt = (spec.seed * 1_000_003 + index * 7919) & 0x7FFF_FFFF
            work.blocks = made[corpus].blocks
            work.first_content = int(starts[corpus])
            work.first_page, work.end_page = int(first[index]), int(first[index + 1])
        if spec.run.payload == "sizes":
            self._measure_lengths()
        if any(edge.policy == "oracle" for edge in self.graph.edges):
            self._look_ahead()
        if any(isinstance(tier, FileSpec) and tier.keep_clean for tier in self.graph.tiers):
            self.table("kept_at", np.full(int(lab.pages_n), -1, np.int32))
        self.core.st.is_logged = spec.run.payload == "real"

    def _look_ahead(self) -> None:
        """policy: oracle: when each reference's page is referenced next."""
        following = self.table("following_at", following_references(self.references))
        self.lab.following_n = len(following)
        self.table("nexts_at", np.zeros(int(self.lab.pages_n), np.int64))

    def _measure_lengths(self) -> None:
        """payload: sizes: how long each content becomes with each compressor, by compressing each once."""
        columns: dict[int, Any] = {}
        for rank, tier in enumerate(self.graph.tiers):
            if isinstance(tier, ZswapSpec | FileSpec) and tier.is_compressed and self.columns[rank] not in columns:
                assert tier.compressor is not None
                codec = make_codec(tier.compressor, tier.level, int(self.spec.page_size))
                columns[self.columns[rank]] = np.concatenate([corpus.lengths(codec) for corpus in self.corpora])
        self._lengths = [columns[column] for column in sorted(columns)]
        self._set_lengths()

    def _set_lengths(self) -> None:
        table = np.concatenate(self._lengths) if self._lengths else np.zeros(1, np.int32)
        self.lab.lengths_n = len(table)
        self.table("lengths_at", table.astype(np.int32))

    def _open_tiers(self, folder: Path) -> Executor:
        page_size = int(self.spec.page_size)
        for rank, tier in enumerate(self.graph.tiers):
            self.tiers.append(open_tier(tier, self.core.physical_slots(rank), page_size, folder))
        contents = [bytes(page) for corpus in self.corpora for page in corpus.pages]
        return Executor(self.tiers, self.columns, contents)

    def table(self, field: str, array: Any) -> Any:
        """Let the kernels reach an array by the address in a field of the laboratory's state."""
        address = array.ctypes.data
        self.lab[field] = address
        self._kept.append((address, array))
        if interpreted():
            ARRAYS[address] = array
        return array

    # running

    def run(
        self, progress: Progress | None = None, watch: Callable[[Laboratory, bool], None] | None = None
    ) -> VariantResult:
        """All references, or up to `run.until`. Raises IntegrityError if an account or a page is wrong.

        `watch`: called whenever the run rests between two references, and once when it is over (True).
        """
        started = time.perf_counter()
        lab, spec = self.lab, self.spec
        total = self.references.total
        warm_at = int(total * spec.run.warmup)
        until = FOREVER if spec.run.until == "end" else int(spec.run.until)
        self._next_sample = self._sample_every = int(spec.run.sample)
        self._until = until
        self._set_stop()
        self._watch = watch
        report = progress or (lambda _done, _total: None)
        feed: Feed = OrderedFeed(self.references, lab)
        if spec.run.interleave == "time":
            feed = TimedFeed(self.references, lab, spec.workloads)
        for goal in (warm_at, total):
            for chunk, end in feed.up_to(goal):
                if not self._replay(feed, chunk, end):
                    break
                report(int(lab.refs), total)
                self._rest()
            lab.warm = 1
        self._finish_log()
        self._finish_time()
        self._rest(is_over=True)
        return outcome_of(self, time.perf_counter() - started)

    def _finish_time(self) -> None:
        """By time, the run is over when the last workload's last reference is served."""
        if self.lab.by_time:
            ends = [int(self.lab.workloads[index].ready_at) for index in range(len(self.spec.workloads))]
            self.lab.now = min(max(int(self.lab.now), *ends), self._until)

    def _replay(self, feed: Feed, chunk: Any, end: int) -> bool:
        """Go through the chunk as far as `end` says; False if `until` came first."""
        state, laba, lab = self.core.state, self.laba, self.lab
        while True:
            status = replay(state, laba, chunk, end)
            raise_failure(self.core)
            if status == CHUNK_DONE:
                return True
            if status == WANTS_REFERENCES:
                feed.refill(int(lab.workload))
                self._rest()
            elif status != DUE:
                self._serve(status)
            elif self._on_time():
                self._rest()
            else:
                return False

    def _rest(self, *, is_over: bool = False) -> None:
        """Between two references: whoever watches may look."""
        if self._watch is not None:
            self._watch(self, is_over)

    def _serve(self, status: int) -> None:
        """Give the kernels what they stopped for."""
        if status == WANTS_LENGTHS:
            self._give_lengths()
        elif status == WANTS_MOVE_LENGTHS:
            self._give_move_lengths()
        elif status == LOG_FULL:
            self._finish_log()

    def evict(self, scope: int, pages: int, used_before: int = NEVER) -> int:
        """Swap out the coldest resident pages of a cgroup and its descendants while nobody waits; how many went.

        At most `pages`, and none that was last used at `used_before` or later. Fewer where nobody takes them.
        """
        lab, st = self.lab, self.core.st
        settled_ram(self.core.state, self.laba)
        before = int(self.core.cgroups[scope].resident_pages)
        lab.scope, lab.evict_left, lab.evict_before = scope, pages, used_before
        lab.rounds = lab.latency = st.pending_i = st.pending_n = 0
        lab.phase = EVICTING
        while True:
            status = replay(self.core.state, self.laba, NO_REFERENCES, 0)
            raise_failure(self.core)
            if status == EVICTED:
                self._finish_log()
                return before - int(self.core.cgroups[scope].resident_pages)
            self._serve(status)

    def _give_lengths(self) -> None:
        assert self.executor is not None
        words = self.core.words
        if self.words["log_n"] >= LOG_ENOUGH:
            self._finish_log()
        if words["pending_i"] == 0 and self.words["log_n"] == 0:
            self.executor.forget_payloads(words["need_codec"])
        self.executor.compress_pending(words["need_codec"], self.core.state)

    def _give_move_lengths(self) -> None:
        assert self.executor is not None
        self._finish_log()
        st = self.core.st
        plan = self.core.plan[: int(st.plan_n)]
        contents = self.contents_of(plan["owner"])
        self.executor.compress_plan(int(st.edges[int(st.plan_edge)].target), plan, contents)
        self.lab.move_lengths = KNOWN

    def contents_of(self, pages: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which of the contents each of the pages has now."""
        contents = np.empty(len(pages), np.int64)
        contents_of(self.laba, np.ascontiguousarray(pages), contents)
        return contents

    def _finish_log(self) -> None:
        """Let what was decided happen to the bytes."""
        if self.executor is not None:
            self.executor.run(self.log[: self.words["log_n"]])
        if self.steps is not None:
            self.steps.drain()
        log_has_run(self.core.state, self.laba)

    def _set_stop(self) -> None:
        due = [
            self._next_sample,
            self._until,
            self.actions.next_due,
            self.steering.next_due,
            self.running.next_due,
            LONGEST,
        ]
        if self.driver is not None:
            due.append(self.driver.next_due)
        self.words["stop_at"] = min(due)
        if self.driver is not None and self.driver.next_due < self.words["stop_at"]:  # somebody came meanwhile
            self.words["stop_at"] = self.driver.next_due

    def wake(self) -> None:
        """Let the run stop at its next safe point. Any thread may call it."""
        self.lab.stop_at = 0

    def _on_time(self) -> bool:
        """Whatever is due now: actions, a sample, the end. False at the end."""
        now = self.words["now"]
        if now >= self._until:
            return False
        if now >= LONGEST:
            raise ExperimentError(
                "the virtual clock has passed 73 years; give shorter latencies or think times, or `until`"
            )
        self.actions.turn(now)
        if self.driver is not None:
            self.driver.turn(now)
        self.steering.turn(now)
        if self.running.next_due <= now:
            self.running.turn()
        if now >= self._next_sample:
            self.recorder.sample()
            if self.words["warm"]:
                self.occupancy.sample()
                if self.recency is not None:
                    self.recency.sample()
            step = self._sample_every
            self._next_sample += max(1, -(-(now - self._next_sample + 1) // step)) * step
        self._set_stop()
        return True

    def demote(
        self,
        scope: int,
        source: str,
        nbytes: int,
        target: str | None,
        referenced: Referenced,
        used_before: int = NEVER,
        max_scanned: int | None = None,
    ) -> Demoted:
        """A request, carried out at this moment of the run."""
        settled_ram(self.core.state, self.laba)
        return demote(
            self.core,
            self.graph,
            threading.Lock(),
            self._move,
            scope=scope,
            source=source,
            nbytes=nbytes,
            target=target,
            referenced=referenced,
            used_before=used_before,
            max_scanned=max_scanned,
            now=int(self.lab.now),
        )

    @property
    def zswap_tiers(self) -> tuple[str, ...]:
        """The tiers that have ZswapParameters, fastest first."""
        return self._tuning.names

    def zswap_parameters(self, tier: str) -> ZswapParameters:
        """As SwapSystem's."""
        return self._tuning.read(tier)

    def set_zswap(self, tier: str, **changes: Any) -> None:
        """As SwapSystem's, at this moment of the run, between two references."""
        before = self._tuning.read(tier)
        wanted = attrs.evolve(before, **changes)
        codec = None
        if wanted.compressor != before.compressor:
            codec = self._tuning.codec(tier, wanted.compressor)
            self._finish_log()
        self._tuning.set(tier, wanted, codec)

    def _compressor_changed(self, column: int, codec: Codec | None) -> None:
        """A tier's column of lengths is another now; `codec`, where the column is new."""
        if self.executor is not None:
            self.executor.columns_changed()
        elif codec is not None:
            self._lengths.append(np.concatenate([corpus.lengths(codec) for corpus in self.corpora]))
            self._set_lengths()

    def evacuate(self, tier: str) -> Evacuated:
        """Let everything leave a tier, at this moment of the run."""
        return evacuate(
            self.core,
            self.graph,
            threading.Lock(),
            self._move,
            rank=self.graph.rank(tier),
            clock=lambda: int(self.lab.now),
        )

    def control_tree(self) -> ControlTree:
        """The run's control files, to be used between two steps of the replay. From the first call on memory.pressure is
        kept."""
        if self._control_tree is None:
            self.running.turn()
            self._control_tree = ControlTree(
                self.running, resident=self.running, pressure=self.running, dialect=self.spec.dialect
            )
        return self._control_tree

    def _move(self, plan: Plan) -> Moved:
        """The laboratory's mover: records and clock at once, the bytes when the log runs."""
        if not move_planned(self.core.state, self.laba):
            self._give_move_lengths()
            move_planned(self.core.state, self.laba)
        latest = self.core.plan[: len(plan.entries)]
        latest = latest[latest["copied"] == 1]
        moved = Moved(
            entries=len(latest),
            freed_bytes=int(latest["length"].sum()),
            written_bytes=int(latest["to_length"].sum()),
        )
        self._finish_log()
        self.core.land(plan)
        return moved

    def close(self) -> None:
        """Give back memory and files."""
        for tier in self.tiers:
            tier.close()
        self.recency = (
            None  # it and the recorder know this laboratory: the reserve goes at once, not with the collector
        )
        self.__dict__.pop("recorder", None)
        for knows in ("steering", "actions", "running", "steps", "_control_tree", "_tuning"):
            self.__dict__.pop(knows, None)
        if self._chooser is not None:
            self._chooser.close()
        for address, _ in self._kept:
            ARRAYS.pop(address, None)
        self.core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


__all__ = ["Laboratory", "Progress"]
