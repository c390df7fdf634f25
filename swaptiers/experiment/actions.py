"""The timed actions of a run: writes into control files, and evacuations."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import attrs

from swaptiers.control.file import errno_name
from swaptiers.control.intent import in_dialect
from swaptiers.core.plan import NEVER
from swaptiers.errors import ControlFileError, ExperimentError
from swaptiers.experiment.spec import ActionSpec
from swaptiers.units import write_nanoseconds

if TYPE_CHECKING:
    from swaptiers.experiment.laboratory import Laboratory

MAX_DRIVEN = 10_000
"""Writes of somebody outside that are noted; a loop in a shell makes many."""


SUMS = ("entries", "freed_bytes", "written_bytes", "scanned", "rotated", "evicted_pages")


class Actions:
    """What is still to be done, in order of time, and what came of what was: a record of each, one in all for those that
    are done again and again."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._actions = laboratory.spec.actions
        self._left = [(int(action.at), index) for index, action in enumerate(self._actions)]
        heapq.heapify(self._left)
        self._totals: dict[int, dict[str, Any]] = {}
        self.done: list[dict[str, Any]] = []
        self._driven = 0

    @property
    def next_due(self) -> int:
        """When the next one is due."""
        return self._left[0][0] if self._left else NEVER

    def turn(self, now: int) -> None:
        """Do what is due. Raises ExperimentError if a write is refused that must not be."""
        while self._left and self._left[0][0] <= now:
            at, index = heapq.heappop(self._left)
            action = self._actions[index]
            record = self._evacuate(action) if action.evacuate is not None else self._write(action)
            if action.every is None:
                self.done.append(record)
                continue
            self._add(index, record)
            missed = (now - at) // int(action.every)
            heapq.heappush(self._left, (at + (missed + 1) * int(action.every), index))

    def _add(self, index: int, record: dict[str, Any]) -> None:
        """Count one more time into what an action with `every` has done: how often it was met, and each errno."""
        if index not in self._totals:
            empty: dict[str, Any] = {
                **record,
                **dict.fromkeys(SUMS, 0),
                "times": 0,
                "met": 0,
                "error": {},
                "refused": {},
            }
            self._totals[index] = empty | {"every_ns": int(self._actions[index].every or 0)}
            self.done.append(self._totals[index])
        total = self._totals[index]
        total["times"] += 1
        total["met"] += bool(record["met"])
        for name in SUMS:
            total[name] += record[name]
        counts = [("error", {record["error"]: 1} if record["error"] else {}), ("refused", record["refused"])]
        for name, times in counts:
            for reason, count in times.items():
                total[name][reason] = total[name].get(reason, 0) + count

    def _write(self, action: ActionSpec) -> dict[str, Any]:
        """What the write said and did. `error`: the name of the errno that it was refused with, or None."""
        laboratory = self._laboratory
        intent = action.intent
        path, text = action.to, action.write
        if intent is not None:
            path, text = in_dialect(intent, laboratory.spec.dialect, laboratory.graph)
        assert path is not None
        assert text is not None
        about = {} if intent is None else {"cgroup": intent.cgroup, "source": intent.source}
        done, refused = self._written(int(action.at), path, text, about)
        if refused is not None and action.must:
            at = write_nanoseconds(int(action.at))
            raise ExperimentError(f"the action at {at} must succeed, and got {done['error']}: {refused}") from refused
        return done

    def driven(self, path: str, text: str) -> None:
        """Somebody outside writes now; noted as an action is, the first `MAX_DRIVEN` of them. Raises what the file refuses
        with."""
        done, refused = self._written(int(self._laboratory.lab.now), path, text, {"by": "mount"})
        if self._driven < MAX_DRIVEN:
            self.done.append(done)
        self._driven += 1
        if refused is not None:
            raise refused

    def _written(
        self, at_ns: int, path: str, text: str, about: dict[str, str]
    ) -> tuple[dict[str, Any], ControlFileError | None]:
        """A write: what it said and did, and what it was refused with."""
        laboratory = self._laboratory
        tree = laboratory.control_tree()
        laboratory.running.forget()
        refused = None
        try:
            tree.write(path, text)
        except ControlFileError as error:
            refused = error
        return {
            "at_ns": at_ns,
            "to": path,
            "write": text,
            "error": None if refused is None else errno_name(refused),
            **about,
            **attrs.asdict(laboratory.running.moved),
            "met": refused is None,
            "evicted_pages": laboratory.running.evicted_pages,
        }, refused

    def _evacuate(self, action: ActionSpec) -> dict[str, Any]:
        assert action.evacuate is not None
        done = self._laboratory.evacuate(action.evacuate)
        return {"at_ns": int(action.at), "evacuate": action.evacuate, **attrs.asdict(done), "done": done.done}
