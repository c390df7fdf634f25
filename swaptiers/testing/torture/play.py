"""Carries operations out and compares everything that comes back with the model."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from swaptiers.cgroups import CgroupSpec
from swaptiers.errors import (
    BusyEntryError,
    CoreFullError,
    ForkedError,
    GraphError,
    StaleEntryError,
    StoreRefusedError,
    TierBusyError,
)
from swaptiers.testing.torture import operations as ops
from swaptiers.testing.torture.arena import Arena
from swaptiers.testing.torture.failure import TortureError
from swaptiers.testing.torture.model import Model
from swaptiers.testing.torture.pages import PAGE
from swaptiers.testing.torture.reasons import explain

AT_A_TIME = 256
PATIENCE_S = 60.0
Before = dict[str, Counter[Any]]


class Play:
    """One thread's part in an episode: its pages, and the operations on them.

    `is_alone`: nobody else uses the system, so that an error is held against what was injected in that very call.
    """

    def __init__(self, arena: Arena, model: Model, *, is_alone: bool = True) -> None:
        self.arena = arena
        self.model = model
        self.is_alone = is_alone
        self._swap = arena.swap
        self._do: dict[type[Any], Callable[[Any], str]] = {
            ops.SwapOut: self._swap_out,
            ops.SwapOutPage: self._swap_out_page,
            ops.SwapOutAgain: self._swap_out_again,
            ops.SwapIn: self._swap_in,
            ops.SwapInPage: self._swap_in_page,
            ops.Peek: self._peek,
            ops.Discard: self._discard,
            ops.ForgetClean: self._forget_clean,
            ops.UseGone: self._use_gone,
            ops.UseTwice: self._use_twice,
            ops.Demote: self._demote,
            ops.Evacuate: self._evacuate,
            ops.Readmit: self._readmit,
            ops.Quarantine: self._quarantine,
            ops.RemoveTier: self._remove_tier,
            ops.RunBackground: self._run_background,
            ops.SetLimits: self._set_limits,
            ops.SetZswap: self._set_zswap,
            ops.RemoveCgroup: self._remove_cgroup,
            ops.Look: self._look,
            ops.MoveClock: self._move_clock,
            ops.Arm: self._arm,
            ops.Disarm: self._disarm,
            ops.Slow: self._slow,
            ops.LimitFiles: self._limit_files,
            ops.CutFile: self._cut_file,
            ops.UnlinkFile: self._unlink_file,
            ops.Fork: self._fork,
            ops.Hanging: self._hanging,
        }

    def do(self, operation: ops.Operation) -> str:
        """Carry it out; what came of it, in a word or two. Raises TortureError if that may not be."""
        before: Before = self.arena.injected() if self.is_alone else {}
        try:
            return self._do[type(operation)](operation)
        except TortureError:
            raise
        except BaseException as error:
            return self._explained(error, operation, before)

    def _explained(self, error: BaseException, operation: ops.Operation, before: Before) -> str:
        """What the error says is so; and what can't be had any more is given up."""
        why = explain(self.arena, error, before)
        if why is None:
            name = type(error).__name__
            raise TortureError(
                f"unexpected {name}",
                f"{type(operation).__name__}: {name}: {error}, and nothing of the kind was injected",
            ) from error
        if isinstance(operation, ops.SwapOutAgain):
            for page in operation.pages:
                if page in self.model.clean:
                    self.model.gone[page] = self.model.clean.pop(page)
        if why == "damaged" and self.is_alone:
            self.give_up_unreadable(getattr(operation, "pages", ()) or self._page_of(operation))
        self.arena.counts["errors that say where the data is"] += 1
        return f"{type(error).__name__} ({why})"

    def _page_of(self, operation: ops.Operation) -> Sequence[int]:
        page = getattr(operation, "page", None)
        return list(self.model.ids) if page is None else (page,)

    def give_up_unreadable(self, pages: Sequence[int]) -> None:
        """Discard those of the pages that a device lost, which the system has to name one by one."""
        with self.arena.calm():
            for page in self.model.present(pages):
                before = self.arena.injected()
                try:
                    self._compare([page], self._swap.peek([self.model.ids[page]]))
                except OSError as error:
                    if explain(self.arena, error, before) != "damaged":
                        raise TortureError("lost", f"page {page}: {error}; its device is sound") from error
                    self._swap.discard([self.model.ids[page]])
                    self.model.drop(page)
                    self.arena.counts["pages lost by a device, and named"] += 1

    # pages

    def _compare(self, pages: Sequence[int], got: Any) -> None:
        """Every page is what was stored."""
        if len(got) != len(pages):
            raise TortureError("wrong bytes", f"{len(got)} pages came back for {len(pages)}")
        for page, array in zip(pages, got, strict=True):
            if array.tobytes() != self.model.content(page):
                raise TortureError("wrong bytes", f"page {page} came back with other bytes")
        self.arena.counts["page reads compared"] += len(pages)

    def _ids(self, pages: Sequence[int]) -> list[int]:
        return [self.model.ids[page] for page in pages]

    def _array(self, pages: Sequence[int]) -> Any:
        return np.frombuffer(b"".join(map(self.model.content, pages)), np.uint8).reshape(len(pages), PAGE)

    def _took(self, pages: Sequence[int], ids: Sequence[int]) -> str:
        """Exactly what was acknowledged is in."""
        for page, entry in zip(pages, ids, strict=True):
            if entry:
                self.arena.give(entry)
                self.model.put(page, entry)
        self._look_behind()
        return f"{sum(map(bool, ids))} of {len(pages)}"

    def _look_behind(self) -> None:
        """The background's turn after a store may have failed, if something was injected."""
        error = self._swap.background_error
        if error is not None and explain(self.arena, error, {}) is None:
            raise TortureError("unexpected background error", str(error))

    @staticmethod
    def _refused(refused: StoreRefusedError) -> list[int]:
        """The ids of a call that was refused in part."""
        ids: list[int] = refused.ids.tolist()
        if sum(refused.reasons.values()) != ids.count(0) or 0 not in ids:
            raise TortureError("wrong refusal", f"{refused.reasons} for {ids.count(0)} pages that are not in")
        return ids

    def _swap_out(self, op: ops.SwapOut) -> str:
        pages = self.model.absent(op.pages)
        group = self._swap.cgroup(op.cgroup)
        uses = np.maximum(self.arena.now - op.age_ns - np.arange(len(pages), dtype=np.int64), 0)
        try:
            ids = self._swap.swap_out(self._array(pages), group, last_used_ns=uses).tolist()
        except StoreRefusedError as refused:
            ids = self._refused(refused)
        return self._took(pages, ids)

    def _swap_out_page(self, op: ops.SwapOutPage) -> str:
        if not self.model.absent([op.page]):
            return "passed over"
        group = self._swap.cgroup(op.cgroup)
        try:
            return self._took([op.page], [self._swap.swap_out_page(self.model.content(op.page), group)])
        except StoreRefusedError as refused:
            return self._took([op.page], self._refused(refused))

    def _swap_out_again(self, op: ops.SwapOutAgain) -> str:
        pairs = [(old, new) for old, new in zip(op.pages, op.others, strict=True) if old in self.model.clean]
        pairs = [(old, new) for old, new in pairs if old == new or self.model.absent([new])]
        old_ids = [self.model.clean[old] for old, _ in pairs]
        pages = [new for _, new in pairs]
        group = self._swap.cgroup(op.cgroup)
        try:
            ids = self._swap.swap_out(self._array(pages), group, clean=old_ids).tolist()
        except StoreRefusedError as refused:
            ids = self._refused(refused)
        for (old, new), old_id, entry in zip(pairs, old_ids, ids, strict=True):
            del self.model.clean[old]
            if entry != old_id:
                self.model.gone[old] = old_id
            elif old != new:
                raise TortureError("stale slot", f"page {old} was changed, and its old slot was taken for the new page")
            if entry:
                self.arena.give(entry, old_id)
                self.model.put(new, entry)
        self._look_behind()
        return f"{sum(map(bool, ids))} of {len(pages)}"

    def _swap_in(self, op: ops.SwapIn) -> str:
        pages = self.model.present(op.pages)
        self._compare(pages, self._swap.swap_in(self._ids(pages), keep_clean=op.keep_clean))
        for page in pages:
            if op.keep_clean:
                self.model.lend(page)
            else:
                self.model.drop(page)
        return f"{len(pages)}"

    def _swap_in_page(self, op: ops.SwapInPage) -> str:
        if op.page not in self.model.ids:
            return "passed over"
        got = self._swap.swap_in_page(self.model.ids[op.page])
        self._compare([op.page], [np.frombuffer(got, np.uint8)])
        self.model.drop(op.page)
        return "1"

    def _peek(self, op: ops.Peek) -> str:
        pages = self.model.present(op.pages) if op.pages else list(self.model.ids)
        for start in range(0, len(pages), AT_A_TIME):
            part = pages[start : start + AT_A_TIME]
            self._compare(part, self._swap.peek(self._ids(part)))
        return f"{len(pages)}"

    def _discard(self, op: ops.Discard) -> str:
        pages = self.model.present(op.pages)
        if len(pages) == 1:
            self._swap.discard_page(self._ids(pages)[0])
        else:
            self._swap.discard(self._ids(pages))
        for page in pages:
            self.model.drop(page)
        return f"{len(pages)}"

    def _forget_clean(self, op: ops.ForgetClean) -> str:
        freed = self._swap.forget_clean(list(self.model.clean.values()))
        if not 0 <= freed <= len(self.model.clean):
            raise TortureError("wrong count", f"{freed} of {len(self.model.clean)} kept slots were freed")
        self.model.gone.update(self.model.clean)
        self.model.clean.clear()
        return f"{freed}"

    def _use_gone(self, op: ops.UseGone) -> str:
        if op.page not in self.model.gone:
            return "passed over"
        ids = [*self._ids(self.model.present(op.others)), self.model.gone[op.page]]
        try:
            if op.way == "swap_in_page":
                self._swap.swap_in_page(ids[-1])
            else:
                getattr(self._swap, op.way)(ids)
        except StaleEntryError:
            return "StaleEntryError"
        raise TortureError("stale id", f"{op.way} took the id of page {op.page}, which is gone")

    def _use_twice(self, op: ops.UseTwice) -> str:
        if op.page not in self.model.ids:
            return "passed over"
        try:
            getattr(self._swap, op.way)([self.model.ids[op.page]] * 2)
        except BusyEntryError:
            return "BusyEntryError"
        raise TortureError("id twice", f"{op.way} took an id that stood twice in the call")

    # what moves

    def _demote(self, op: ops.Demote) -> str:
        if {op.source, op.target} & self.arena.removed or not self._swap.graph.edges_from(op.source, op.target):
            return "passed over"
        group = self._swap.cgroup(op.cgroup)
        asked: dict[str, Any] = {"source": op.source, "target": op.target, "cgroup": group, "referenced": op.referenced}
        if op.is_planned:
            plan = self._swap.plan(op.nbytes, **asked)
            moved = {entry for move in plan.moves for entry in move.ids.tolist()}
            if self.is_alone and not moved <= set(self.model.ids.values()):
                raise TortureError("wrong plan", "a plan names entries that there are not")
        done = self._swap.demote(op.nbytes, **asked)
        if done.met != (done.freed_bytes >= op.nbytes):
            raise TortureError(
                "wrong count", f"{done.freed_bytes} of {op.nbytes} bytes were freed, and met is {done.met}"
            )
        return f"{done.entries} moved"

    def _evacuate(self, op: ops.Evacuate) -> str:
        if op.tier in self.arena.removed:
            return "passed over"
        self.arena.draining.add(op.tier)
        batches = [0]

        def progress(_: object) -> bool:
            batches[0] += 1
            return op.batches is None or batches[0] < op.batches

        done = self._swap.evacuate(op.tier, progress=progress)
        if done.entries != sum(done.targets.values()):
            raise TortureError("wrong count", f"{done.entries} left {op.tier!r}, and {done.targets} say where to")
        return f"{done.entries} moved"

    def _readmit(self, op: ops.Readmit) -> str:
        if op.tier in self.arena.removed:
            return "passed over"
        self._swap.readmit(op.tier)
        self.arena.draining.discard(op.tier)
        return "done"

    def _quarantine(self, op: ops.Quarantine) -> str:
        if op.tier in self.arena.removed:
            return "passed over"
        self._swap.quarantine(op.tier)
        self.arena.draining.add(op.tier)
        return "done"

    def _remove_tier(self, op: ops.RemoveTier) -> str:
        if op.tier in self.arena.removed or len(self._swap.graph.nx) == 1:
            return "passed over"
        self.arena.draining.add(op.tier)
        try:
            self._swap.remove_tier(op.tier)
        except TierBusyError as error:
            if not error.left:
                raise TortureError("wrong count", f"tier {op.tier!r} is busy with no entry left") from error
            return "TierBusyError"
        finally:
            if op.tier not in self._swap.graph.nx:
                self.arena.removed.add(op.tier)
        with contextlib.suppress(GraphError):
            self._swap.evacuate(op.tier)
            raise TortureError("removed tier", f"tier {op.tier!r} was removed and is still evacuated")
        return "removed"

    def _run_background(self, op: ops.RunBackground) -> str:
        return f"{self._swap.run_background(op.steps)} moved"

    # cgroups and looking

    def _set_limits(self, op: ops.SetLimits) -> str:
        fields = {name: getattr(op, name) for name in ("zswap_max", "swap_max", "zswap_writeback")}
        limits = {"tiers_max": dict(op.tiers_max), "tiers_low": dict(op.tiers_low)}
        self._swap.limit(CgroupSpec(path=op.cgroup, **fields, **limits))
        return "set"

    def _set_zswap(self, op: ops.SetZswap) -> str:
        if op.tier in self.arena.removed or op.tier not in self._swap.zswap_tiers:
            return "passed over"
        try:
            self._swap.set_zswap(
                op.tier,
                compressor=op.compressor,
                enabled=op.enabled,
                accept_threshold_percent=op.accept_threshold_percent,
            )
        except CoreFullError:
            return "CoreFullError"
        return "set"

    def _remove_cgroup(self, op: ops.RemoveCgroup) -> str:
        try:
            self._swap.remove_cgroup(op.cgroup)
        except ValueError as error:
            return f"ValueError: {error}"
        return "removed"

    def _look(self, op: ops.Look) -> str:
        stats = self._swap.stats()
        if sum(group.entries for group in stats.cgroups.values()) != stats.entries:
            raise TortureError("wrong count", "the entries of all cgroups are not the entries of all")
        self._swap.inversion()
        return f"{stats.entries}"

    # what goes wrong

    def _move_clock(self, op: ops.MoveClock) -> str:
        self.arena.counts["clock jump"] += op.ns < 0 or op.ns > 1 << 40
        self.arena.move_clock(op.ns)
        if self.arena.background is not None:
            self.arena.background.wake()
        return ""

    def _arm(self, op: ops.Arm) -> str:
        if op.tier in self.arena.witnesses:
            self.arena.witnesses[op.tier].faulty.arm(op.faults)
        return ""

    def _disarm(self, op: ops.Disarm) -> str:
        if op.tier in self.arena.witnesses:
            self.arena.witnesses[op.tier].faulty.disarm()
        return ""

    def _slow(self, op: ops.Slow) -> str:
        self.arena.slow_ns[op.tier] = op.ns
        return ""

    def _limit_files(self, op: ops.LimitFiles) -> str:
        for witness in self.arena.witnesses.values():
            witness.file_limit = op.nbytes
        return ""

    def _own_file(self, tier: str) -> Any:
        return None if tier in self.arena.removed else getattr(self.arena.witnesses.get(tier), "file", None)

    def _cut_file(self, op: ops.CutFile) -> str:
        file = self._own_file(op.tier)
        if file is None:
            return "passed over"
        os.ftruncate(file.fd, op.nbytes)
        self.arena.cut.add(op.tier)
        self.arena.counts["file cut off"] += 1
        return "cut"

    def _unlink_file(self, op: ops.UnlinkFile) -> str:
        file = self._own_file(op.tier)
        if file is None or file.path is None:
            return "passed over"
        file.path.unlink(missing_ok=True)
        self.arena.counts["file unlinked"] += 1
        return "unlinked"

    def _fork(self, op: ops.Fork) -> str:
        if op.page not in self.model.ids:
            return "passed over"
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # forking with threads: the child does nothing with them
            pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._swap.peek([self.model.ids[op.page]])
            except ForkedError:
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        if status:
            raise TortureError("fork", "a forked child could use its parent's system")
        self.arena.counts["fork"] += 1
        return "ForkedError"

    def _hanging(self, op: ops.Hanging) -> str:
        """What the hanging call does at the end is compared as if it were alone: it was, before and after."""
        if op.tier not in self.arena.witnesses:
            return "passed over"
        hang = self.arena.witnesses[op.tier].slow.hang(op.call)
        came: list[Any] = []

        def first() -> None:
            try:
                came.append(self.do(op.first))
            except BaseException as error:
                came.append(error)

        thread = threading.Thread(target=first, daemon=True)
        thread.start()
        while thread.is_alive() and not hang.is_reached():
            time.sleep(0.0002)
        is_reached = hang.is_reached()
        if not is_reached:  # it never came there: whoever does now goes on
            hang.release()
        self.arena.counts["hang"] += is_reached
        try:
            outcomes = [self.do(each) for each in op.then]
        finally:
            hang.release()
            thread.join(PATIENCE_S)
        if thread.is_alive():
            raise TortureError("deadlock", f"{op.first} did not end after its tier went on")
        if isinstance(came[0], BaseException):
            raise came[0]
        return f"{came[0]}; meanwhile {', '.join(outcomes)}"
